"""Settings of the task that trains a post-net."""

from __future__ import annotations

from dataclasses import dataclass, field

from visavox.models.motion.critic import MotionCriticConfig
from visavox.models.motion.postnet import PostNetConfig
from visavox.training.divergence import MotionLimits


@dataclass(frozen=True)
class PostNetLosses:
    """Weight of each loss of the post-net; the published ones."""

    adversarial: float = 0.85
    """Least-squares loss of the critic, which is to take its frames for the person's."""
    sync: float = 0.1
    """Sync loss of the motion SyncNet."""
    paired: float = 0.05
    """Squared distance, in deviations of the person's points, from what the person's face really did."""


@dataclass(frozen=True)
class PostNetSettings:
    """Networks, samples and losses of the task."""

    network: PostNetConfig = field(default_factory=PostNetConfig)
    """The post-net."""
    critic: MotionCriticConfig = field(default_factory=MotionCriticConfig)
    """The critic."""
    losses: PostNetLosses = field(default_factory=PostNetLosses)
    """Weights of the losses."""
    critic_noise: float = 0.2
    """Deviation of the noise on all that the critic sees, in its own units: the trembling of a tracker is not what it
    is to learn."""
    critic_rate: float = 0.5
    """Learning rate of the critic as a share of the post-net's."""
    critic_slope: float = 0.0
    """Weight of a penalty on the critic's slope at the person's frames, which keeps it from racing ahead (not in the
    published loss)."""
    num_frames: int = 24
    """Frames of a stretch of motion."""
    num_windows: int = 4
    """Windows of a stretch that are compared with the speech."""
    num_clips: int = 0
    """Clips of other speakers to draw motion for, spread over all of them; 0 takes all."""
    num_draws: int = 2
    """Motions drawn for the speech of each clip."""
    temperature: float = 0.7
    """Temperature of these draws: what `visavox motion` takes."""
    held_out: float = 0.12
    """Share of the person's clips, the last ones, that the weights are chosen by."""
    limits: MotionLimits = field(default_factory=MotionLimits)
    """Limits beyond which training has gone wrong."""

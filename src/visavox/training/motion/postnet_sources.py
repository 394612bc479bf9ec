"""Settings of the post-net's training, and the motion that it starts from.

That motion is drawn by a motion VAE, or is true motion of others on a face like all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from visavox.audio.features.speech_features import SpeechFeatures
from visavox.constants import SAMPLES_PER_FRAME
from visavox.data.generator import clip_features, fit_rows
from visavox.data.motion import ROWS_PER_FRAME, MotionClip, MotionStore, SourceClip
from visavox.data.radiance import PersonData
from visavox.errors import InputError
from visavox.face.geometry.motion import fit_opening_mode, resting_face
from visavox.models.motion import MotionCriticConfig, PostNetConfig
from visavox.progress import QUIET, Progress
from visavox.training.divergence import MotionLimits

PERSON = "person"
"""Name of the speaker of a person's data set among other speakers."""
PIECE = 125
"""Least frames of a piece of a person's video, where there is enough of it: five seconds."""
FEWEST_PIECES = 8
"""Pieces that a short video is cut into all the same: some are learned from, and one is not."""
MOSTLY = 0.8
"""Share of the frames of a piece that have to be usable."""
Draw = Callable[[MotionClip], np.ndarray]
"""Gives the draws (K, T, 68, 3) for a clip, centimetres from the canonical face."""


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


class TooLittleSpeech(InputError):
    """A person's data does not suffice to train a post-net and to choose it by."""


@dataclass(frozen=True)
class PostNetSources:
    """Motions that the post-net is trained and selected by."""

    everybody: list[SourceClip]
    """Motion for the speech of many training speakers."""
    unseen: list[SourceClip]
    """Motion for the speech of validation speakers."""
    person: list[SourceClip]
    """The person's clips that are trained on."""
    held_out: list[SourceClip]
    """The person's clips that are not."""


class Speaker(Protocol):
    """A network that draws motion for speech: `visavox.models.motion.motion_vae.MotionVae`."""

    rest: Tensor

    def sample(self, features: Tensor, *, seed: int, temperature: float) -> Tensor:
        """Draw motion (B, T, 204), centimetres from the face at rest, for features (B, 2 T, C)."""
        ...


def postnet_sources(
    train: MotionStore,
    validation: MotionStore,
    person: str,
    draw: Draw,
    held_out: float,
    *,
    num_clips: int = 0,
    progress: Progress = QUIET,
) -> PostNetSources:
    """Make the motion of everybody and of the person.

    Args:
        train: training clips, the person's among them.
        validation: clips of speakers that are not trained on.
        person: name of the person in the data set.
        draw: makes the motion that comes in.
        held_out: share of the person's clips, the last ones, that is kept apart.
        num_clips: clips of others to make motion for, spread over all of them; 0 takes all.
        progress: where it is shown.

    Raises:
        InputError: the person is not among the training speakers, alone, or has too few clips.
    """
    own = train.of_speaker(person).clips
    others = train.without_speaker(person).clips
    if not own:
        known = ", ".join(train.speakers())
        raise InputError(f"{person!r} is no speaker of the training split; the speakers are {known}.")
    if not others:
        raise InputError(f"{person} is the only training speaker; prepare others too, whose speech the post-net takes.")
    learned, apart = _held_out(own, held_out)
    if not learned:
        raise InputError(
            f"{person} has a single clip; a post-net is trained on some and chosen by others: prepare more."
        )
    making = _Making(draw, progress)
    return PostNetSources(
        making.of(_spread(others, num_clips), "the training speakers"),
        making.of(validation.without_speaker(person).clips, "the validation speakers"),
        making.of(learned, "the person", with_truth=True),
        making.of(apart, "the person's held-out clips", with_truth=True),
    )


def person_clips(data: PersonData, features: SpeechFeatures, shortest: int) -> list[MotionClip]:
    """Cut the training part of a person's data set into clips, in the order of time.

    Args:
        data: the person.
        features: how their speech is described; pauses count as silence.
        shortest: frames that a clip has at least; what is shorter is left out.
    """
    intervals, neutral = data.split["train"], data.motion.neutral
    total = sum(stop - start for start, stop in intervals)
    least = max(shortest, min(PIECE, total // FEWEST_PIECES))
    clips = []
    for start, stop in intervals:
        audio = np.array(data.speech[SAMPLES_PER_FRAME * start : SAMPLES_PER_FRAME * stop])
        rows = fit_rows(clip_features(features, audio), stop - start)
        borders = np.linspace(start, stop, max(1, (stop - start) // least) + 1).round().astype(int)
        for first, last in pairwise(borders):
            if last - first < shortest or data.usable[first:last].mean() < MOSTLY:
                continue
            speech = rows[ROWS_PER_FRAME * (first - start) : ROWS_PER_FRAME * (last - start)]
            moved, sure = data.displacements[first:last], data.confidence[first:last]
            clips.append(MotionClip(f"{PERSON}_{first}", PERSON, moved, sure, speech, neutral))
    return clips


def person_sources(
    clips: list[MotionClip],
    draw: Draw,
    held_out: float,
    others: tuple[MotionStore, MotionStore] | None = None,
    *,
    num_clips: int = 0,
    progress: Progress = QUIET,
) -> PostNetSources:
    """Make the motion of a person of whom there is a data set of their own, and of others where there are any.

    Args:
        clips: the person's, in the order of time.
        draw: makes the motion that comes in.
        held_out: share of the person's clips, the last ones, that is kept apart.
        others: clips of other speakers to train on, and of speakers to choose by; None: the person's speech is all.
        num_clips: clips of others to make motion for, spread over all of them; 0 takes all.
        progress: where it is shown.

    Raises:
        TooLittleSpeech: there are too few clips.
    """
    learned, apart = _held_out(clips, held_out)
    if not learned:
        raise TooLittleSpeech(
            f"a post-net is trained on some stretches of video and chosen by others, and here are {len(clips)}; give "
            "more video."
        )
    making = _Making(draw, progress)
    person = making.of(learned, "the person", with_truth=True)
    unheard = making.of(apart, "the person's held-out clips", with_truth=True)
    if others is None:
        return PostNetSources(person, unheard, person, unheard)
    return PostNetSources(
        [*person, *making.of(_spread(others[0].clips, num_clips), "the training speakers")],
        making.of(others[1].clips, "the validation speakers"),
        person,
        unheard,
    )


class _Making:
    """Makes source clips, and shows how it goes."""

    def __init__(self, draw: Draw, progress: Progress) -> None:
        self.draw, self.progress = draw, progress

    def of(self, clips: Sequence[MotionClip], what: str, *, with_truth: bool = False) -> list[SourceClip]:
        return [
            SourceClip(
                clip.clip_id, clip.speaker, self.draw(clip), clip.features, clip.displacements if with_truth else None
            )
            for clip in self.progress.track(clips, f"motion for {what}", unit="clip")
        ]


def _held_out(own: list[MotionClip], share: float) -> tuple[list[MotionClip], list[MotionClip]]:
    """Clips to learn from, and the last ones, at least one, to choose by."""
    number = max(1, round(share * len(own)))
    return own[:-number], own[-number:]


def _spread(clips: list[MotionClip], number: int) -> list[MotionClip]:
    """As many of the clips, evenly spaced; all where the number is 0."""
    if not 0 < number < len(clips):
        return clips
    return [clips[place] for place in np.linspace(0, len(clips) - 1, number).astype(int)]


def drawn_motion(speaker: Speaker, num_draws: int, temperature: float) -> Draw:
    """Draw motion by a motion VAE."""
    rest = speaker.rest.detach().cpu().numpy().reshape(68, 3)

    def draw(clip: MotionClip) -> np.ndarray:
        rows = torch.from_numpy(clip.features).to(speaker.rest.device)
        # The same speech several times: a batch of draws from one seed.
        drawn = speaker.sample(rows.expand(num_draws, -1, -1), seed=0, temperature=temperature)
        motions: np.ndarray = drawn[:, : clip.num_frames].reshape(num_draws, -1, 68, 3).cpu().numpy() + rest
        return motions.astype(np.float32)

    return draw


def true_motion(train: MotionStore) -> Draw:
    """Take true motion, from each clip's own face at rest, onto the mean of the faces at rest of all clips."""
    mode = fit_opening_mode([clip.displacements for clip in train.clips])
    typical = np.mean([resting_face(clip.displacements, mode) for clip in train.clips], axis=0)

    def draw(clip: MotionClip) -> np.ndarray:
        motion: np.ndarray = clip.displacements - resting_face(clip.displacements, mode) + typical
        return motion[None].astype(np.float32)

    return draw

"""Motion that the post-net starts from: drawn by a motion VAE, or true motion of others on a face like all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from visavox.data.motion_store import MotionClip, MotionStore
from visavox.data.postnet_dataset import SourceClip
from visavox.errors import InputError
from visavox.face.resting_face import fit_opening_mode, resting_face
from visavox.progress import QUIET, Progress
from visavox.training.postnet import PostNetSources

Draw = Callable[[MotionClip], np.ndarray]
"""Gives the draws (K, T, 68, 3) for a clip, centimetres from the canonical face."""


class Speaker(Protocol):
    """What draws motion for speech: `visavox.models.geneface.motion_vae.MotionVae`."""

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
        raise InputError(f"{person} is the only training speaker; prepare others too, whose speech the post-net hears.")
    if 0 < num_clips < len(others):
        others = [others[place] for place in np.linspace(0, len(others) - 1, num_clips).astype(int)]
    num_held_out = max(1, round(held_out * len(own)))
    if len(own) < num_held_out + 1:
        raise InputError(
            f"{person} has a single clip; a post-net is trained on some and chosen by others: prepare more."
        )

    def made(clips: list[MotionClip], what: str, *, with_truth: bool = False) -> list[SourceClip]:
        return [
            SourceClip(
                clip.clip_id, clip.speaker, draw(clip), clip.features, clip.displacements if with_truth else None
            )
            for clip in progress.track(clips, f"motion for {what}", unit="clip")
        ]

    return PostNetSources(
        made(others, "the training speakers"),
        made(validation.without_speaker(person).clips, "the validation speakers"),
        made(own[:-num_held_out], "the person", with_truth=True),
        made(own[-num_held_out:], "the person's held-out clips", with_truth=True),
    )


def drawn_motion(speaker: Speaker, num_draws: int, temperature: float) -> Draw:
    """Draw motion by a motion VAE."""
    rest = speaker.rest.detach().cpu().numpy().reshape(68, 3)

    def draw(clip: MotionClip) -> np.ndarray:
        rows = torch.from_numpy(clip.features).to(speaker.rest.device)
        # The same speech several times: a batch of draws from one seed.
        drawn = speaker.sample(rows.expand(num_draws, -1, -1), seed=0, temperature=temperature)
        motions = drawn[:, : clip.num_frames].unflatten(-1, (68, 3))
        return (motions.cpu().numpy() + rest).astype(np.float32)

    return draw


def true_motion(train: MotionStore) -> Draw:
    """Take true motion, from each clip's own face at rest, onto the mean of the faces at rest of all clips."""
    mode = fit_opening_mode([clip.displacements for clip in train.clips])
    typical = np.mean([resting_face(clip.displacements, mode) for clip in train.clips], axis=0)

    def draw(clip: MotionClip) -> np.ndarray:
        motion = clip.displacements - resting_face(clip.displacements, mode)
        return (motion + typical)[None].astype(np.float32)

    return draw

"""Does a motion belong to its speech, as the motion SyncNet sees it?"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.motion.material import Material
from visavox.data.generator import clip_features, fit_rows
from visavox.face.geometry.motion import resting_face
from visavox.models.sync import MotionSyncNet
from visavox.speech import load_features
from visavox.weights import load_model

WRONG_OFFSETS = (5, 15)
"""Frames by which wrong speech is off, least and most."""


class SyncScorer:
    """Lets a motion SyncNet choose between right and wrong speech.

    Args:
        model: shipped name, path, or hf:OWNER/REPOSITORY/FILE.

    Raises:
        InputError: the weights, or the features that they want, cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        self._network = load_model(model, MotionSyncNet)
        self._features = load_features(self._network.config.features)
        self._heard: dict[str, np.ndarray] = {}

    @torch.inference_mode()
    def accuracy(self, clip: Material, displacements: np.ndarray) -> float:
        """Share of choices that fall on the right speech.

        For every window of the motion and every wrong speech, that of the same clip 5 to 15 frames earlier or later: is
        the cosine with the right speech higher? Pauses are left out, in which all speech is alike. 0.5 is chance; what
        is equal counts half. NaN for clips that are too short.
        """
        if clip.clip_id not in self._heard:
            self._heard[clip.clip_id] = fit_rows(clip_features(self._features, clip.audio), clip.num_frames)
        rest = resting_face(displacements, self._network.opening_mode.cpu().numpy())
        motion = torch.from_numpy(displacements - rest).float()[None]
        rows = torch.from_numpy(self._heard[clip.clip_id])[None]
        starts = torch.arange(clip.num_frames - self._network.config.num_frames + 1)
        heard, seen = self._network(*self._network.windows(rows, motion, starts))
        cosines = seen @ heard.T  # (windows of the motion, windows of the speech)
        offset = (starts[:, None] - starts).abs()
        spoken = torch.from_numpy(~clip.paused(margin=0.0)).unfold(0, self._network.config.num_frames, 1).all(dim=1)
        wrong = (offset >= WRONG_OFFSETS[0]) & (offset <= WRONG_OFFSETS[1]) & spoken & spoken[:, None]
        if not wrong.any():
            return float("nan")
        ahead = torch.sign(cosines.diagonal()[:, None] - cosines)[wrong]
        return float(0.5 + 0.5 * ahead.double().mean())

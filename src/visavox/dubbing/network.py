"""The generator, made ready to run: device, memory layout, precision; pictures in, pictures out."""

from __future__ import annotations

import contextlib
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from visavox.audio.features.mel import MEL_MIN, mel_window
from visavox.constants import NUM_MEL_BANDS
from visavox.dubbing.bend import composite_layers
from visavox.dubbing.rest import rest_shares
from visavox.errors import InputError
from visavox.models.generator.conditioners import MouthMotion, SpeechBranch
from visavox.models.generator.fold import fold_batch_norm
from visavox.models.generator.generator import LipSyncGenerator
from visavox.models.generator.mouth_code import MouthCode
from visavox.models.generator.reference_warp import Layers
from visavox.runtime.device import reduced_precision

_MOST_MOMENTS = 512
"""Moments of a recording that are listened to beforehand."""
_MOMENTS_AT_A_TIME = 64


class MouthNetwork:
    """A generator that is ready to paint.

    Attributes:
        crop: the part of the picture that it sees.
        hears: whether it hears; one that does not is told the motion of every mouth (`paint_motion`).
        mouth_code: what a network that does not hear understands of motion; None where it hears.
        hears_motion: whether it says how the mouth moves before it paints, so that it can move more or less widely.
        bends: whether it bends the reference, which it can do in crops larger than it sees.
        mel_window: mel frames that it hears for one picture.
        mel_lead: how many of them lie before the picture.
    """

    def __init__(self, model: nn.Module, device: torch.device | str = "cpu") -> None:
        """Make `model` ready; the caller's own stays as it is.

        Args:
            model: a generator in eval mode.
            device: where it runs.

        Raises:
            InputError: the model is no generator.
        """
        generator = checked_generator(model)
        self.spec = generator.spec
        self.crop = self.spec.crop
        self.bends = self.spec.layered
        self.hears = self.spec.audio is not None
        self.mel_window = 0 if self.spec.audio is None else self.spec.audio.window
        self.mel_lead = 0 if self.spec.audio is None else self.spec.audio.lead
        self.device = torch.device(device)
        self._precision = reduced_precision(self.device)
        folded: Any = fold_batch_norm(generator)
        self._model: LipSyncGenerator = folded.to(self.device, memory_format=torch.channels_last).requires_grad_(False)
        conditioner = generator.conditioner
        self.mouth_code: MouthCode | None = conditioner.mouth_code if isinstance(conditioner, MouthMotion) else None
        self._branch = self._model.conditioner if isinstance(self._model.conditioner, SpeechBranch) else None
        self.hears_motion = self._branch is not None
        self._rest: torch.Tensor | None = None
        if self._branch is not None:
            silence = torch.full((1, NUM_MEL_BANDS, self.mel_window), MEL_MIN, device=self.device)
            self._rest = self._branch.predictor(silence)

    @torch.inference_mode()
    def openings(self, mel: torch.Tensor) -> np.ndarray:
        """Predict how far the lips open in a recording, without painting.

        Args:
            mel: float32 (80, M) in [-4, 4].

        Returns:
            float32 (N,) in distances between the outer eye corners, for up to 512 moments with sound, spread over
            the recording.

        Raises:
            ValueError: this network does not say how the mouth moves (`hears_motion`).
        """
        if self._branch is None:
            raise ValueError("this network does not say how the mouth moves")
        audible = np.flatnonzero((mel > MEL_MIN).any(dim=0).numpy())
        if not len(audible):
            return np.empty(0, np.float32)
        chosen = audible[np.linspace(0, len(audible) - 1, min(len(audible), _MOST_MOMENTS)).round().astype(int)]
        predictor, heard = self._branch.predictor, []
        for start in range(0, len(chosen), _MOMENTS_AT_A_TIME):
            starts = chosen[start : start + _MOMENTS_AT_A_TIME] - self.mel_lead
            windows = torch.stack([mel_window(mel, int(first), self.mel_window) for first in starts])
            heard.append(predictor.opening(predictor(windows.to(self.device)).float()).cpu().numpy())
        return np.concatenate(heard)

    @torch.inference_mode()
    def paint(
        self,
        mel: np.ndarray,
        targets: np.ndarray,
        references: np.ndarray,
        expressiveness: np.ndarray | None = None,
    ) -> np.ndarray:
        """Paint mouths.

        Args:
            mel: float32 (B, 80, W) in [-4, 4].
            targets: uint8 RGB (B, S, S, 3), crops of the frames to paint; their lower halves are not looked at.
                S is the size of the network's crop, or, if it bends the reference, a multiple of it.
            references: uint8 RGB (B, S, S, 3), what the same faces look like.
            expressiveness: float32 (B,), how widely each mouth moves, 1 as predicted; networks without a speech branch
                know no such thing.

        Returns:
            float32 RGB (B, S, S, 3) in [0, 1].
        """
        sound = torch.from_numpy(mel).to(self.device)  # B 80 W
        with self._autocast():
            condition = self._condition(sound, mel, expressiveness)
        return self._paint(condition, targets, references)

    @torch.inference_mode()
    def paint_motion(self, motion: np.ndarray, targets: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Paint mouths that are told how to look.

        Args:
            motion: float32 (B, K), the numbers of each mouth (`MouthCode.driven`).
            targets: as in `paint`.
            references: as in `paint`.

        Returns:
            float32 RGB (B, S, S, 3) in [0, 1].
        """
        with self._autocast():
            condition = self._model.condition(torch.from_numpy(motion).to(self.device))
        return self._paint(condition, targets, references)

    def _paint(self, condition: torch.Tensor, targets: np.ndarray, references: np.ndarray) -> np.ndarray:
        hidden = self.spec.region.hide(self._shrunk(targets))
        seen = self._tensor(np.concatenate([hidden, self._shrunk(references)], axis=-1))  # B 6 H H
        with self._autocast():
            rendered = self._model.render(condition, seen[:, :3], seen[:, 3:])
        if not isinstance(rendered, Layers):
            return _pictures(rendered.clamp(0, 1))
        if self.device.type != "cpu":
            return _pictures(rendered.composite(self._tensor(references)).clamp(0, 1))
        parts = zip(rendered.grid.float().numpy(), _pictures(rendered.colors), _pictures(rendered.alpha), strict=True)
        return np.stack([composite_layers(*part, reference) for part, reference in zip(parts, references, strict=True)])

    def _condition(self, sound: torch.Tensor, mel: np.ndarray, expressiveness: np.ndarray | None) -> torch.Tensor:
        """What to paint: what is heard, and in pauses a mouth at rest."""
        if self._branch is None or self._rest is None:
            return self._model.condition(sound)
        motion = self._branch.predictor(sound)
        if expressiveness is not None:
            motion = self._rest + torch.from_numpy(expressiveness).to(self.device)[:, None] * (motion - self._rest)
            motion = torch.maximum(motion, self._branch.predictor.lowest)
        shares = torch.from_numpy(rest_shares(mel, self.mel_lead)).to(self.device)
        return self._branch.from_motion(motion + shares[:, None] * (self._rest - motion))

    def _tensor(self, pictures: np.ndarray) -> torch.Tensor:
        """Turn uint8 (B, H, W, C) into float32 (B, C, H, W) in [0, 1], channels last in memory."""
        return torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).float().div_(255)

    def _shrunk(self, crops: np.ndarray) -> np.ndarray:
        """Bring crops (B, S, S, 3) to the size that the network sees."""
        size = self.crop.size
        if crops.shape[1] == size:
            return crops
        return np.stack([cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA) for crop in crops])

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._precision is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self._precision)


def _pictures(batch: torch.Tensor) -> np.ndarray:
    """Turn (B, C, H, W) into float32 (B, H, W, C)."""
    return np.ascontiguousarray(batch.float().permute(0, 2, 3, 1).cpu().numpy())


def checked_generator(model: nn.Module) -> LipSyncGenerator:
    """Return a network as the generator that it is.

    Raises:
        InputError: it is no generator.
    """
    if not isinstance(model, LipSyncGenerator):
        raise InputError(
            f"this model is a {type(model).__name__}, which generates no faces; give a generator, such as wav2lip"
            " (`visavox models list` shows them)"
        )
    return model

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
from visavox.dubbing.bend import flatten_layers
from visavox.dubbing.rest import rest_shares
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.fold import fold_batch_norm
from visavox.models.generator.motion_driven import MotionDub
from visavox.models.generator.mouth_reader import MouthReader
from visavox.runtime.device import reduced_precision

_MOST_MOMENTS = 512
"""Moments of a recording that are listened to beforehand."""
_MOMENTS_AT_A_TIME = 64


class MouthNetwork:
    """A generator that is ready to paint.

    Attributes:
        crop: the part of the picture that it sees.
        hears: whether it hears; one that does not is told the motion of every mouth (`paint_motion`).
        mouth_reader: what a network that does not hear understands of motion; None where it hears.
        hears_motion: whether it says how the mouth moves before it paints, so that it can move more or less widely.
        bends: whether it bends the reference, which it can do in crops larger than it sees.
        mel_window: mel frames that it hears for one picture.
        mel_lead: how many of them lie before the picture.
    """

    def __init__(self, model: nn.Module, device: torch.device | str = "cpu") -> None:
        """Make `model` ready; the caller's own stays as it is.

        Args:
            model: a generator in eval mode: `model(mel, faces)`, with `config` and `crop_spec`.
            device: where it runs.

        Raises:
            InputError: the model is no generator.
        """
        self.crop = crop_of(model)
        self.bends: bool = bool(getattr(model.config, "warp_reference", False))
        self.mel_window: int = model.config.mel_window  # type: ignore[union-attr, assignment]
        self.mel_lead: int = model.config.mel_lead  # type: ignore[union-attr, assignment]
        self.device = torch.device(device)
        self._precision = reduced_precision(self.device)
        folded = fold_batch_norm(model).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._model: Any = folded.requires_grad_(False)
        self.mouth_reader: MouthReader | None = model.mouth_reader if isinstance(model, MotionDub) else None
        self.hears: bool = self.mouth_reader is None
        self.hears_motion = self.hears and getattr(model.config, "motion", None) is not None
        self._rest: torch.Tensor | None = None
        if self.hears_motion:
            silence = torch.full((1, 1, NUM_MEL_BANDS, self.mel_window), MEL_MIN, device=self.device)
            self._rest = self._model.motion_predictor(silence)

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
        if not self.hears_motion:
            raise ValueError("this network does not say how the mouth moves")
        audible = np.flatnonzero((mel > MEL_MIN).any(dim=0).numpy())
        if not len(audible):
            return np.empty(0, np.float32)
        chosen = audible[np.linspace(0, len(audible) - 1, min(len(audible), _MOST_MOMENTS)).round().astype(int)]
        predictor, heard = self._model.motion_predictor, []
        for start in range(0, len(chosen), _MOMENTS_AT_A_TIME):
            starts = chosen[start : start + _MOMENTS_AT_A_TIME] - self.mel_lead
            windows = torch.stack([mel_window(mel, int(first), self.mel_window) for first in starts])
            heard.append(predictor.opening(predictor(windows[:, None].to(self.device)).float()).cpu().numpy())
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
        sound = torch.from_numpy(mel[:, None]).to(self.device)  # B 1 80 W
        with self._autocast():
            condition = self._condition(sound, mel, expressiveness)
        return self._paint(condition, targets, references)

    @torch.inference_mode()
    def paint_motion(self, motion: np.ndarray, targets: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Paint mouths that are told how to look.

        Args:
            motion: float32 (B, K), the numbers of each mouth (`MouthReader.wanted`).
            targets: as in `paint`.
            references: as in `paint`.

        Returns:
            float32 RGB (B, S, S, 3) in [0, 1].
        """
        with self._autocast():
            condition = self._model.motion_condition(torch.from_numpy(motion).to(self.device))
        return self._paint(condition, targets, references)

    def _paint(self, condition: torch.Tensor, targets: np.ndarray, references: np.ndarray) -> np.ndarray:
        seen = np.concatenate([self._shrunk(targets), self._shrunk(references)], axis=-1)  # B H H 6
        faces = self._tensor(seen)
        faces[:, :3, faces.shape[2] // 2 :] = 0
        with self._autocast():
            if not self.bends:
                return _pictures(self._model.paint(condition, faces).clamp(0, 1))
            layers = self._model.layers(condition, faces)
        if self.device.type != "cpu":
            return _pictures(layers.flatten(self._tensor(references)).clamp(0, 1))
        parts = zip(layers.grid.float().numpy(), _pictures(layers.colors), _pictures(layers.cover), strict=True)
        return np.stack([flatten_layers(*part, reference) for part, reference in zip(parts, references, strict=True)])

    def _condition(self, sound: torch.Tensor, mel: np.ndarray, expressiveness: np.ndarray | None) -> torch.Tensor:
        """What to paint: what is heard, and in pauses a mouth at rest."""
        if self._rest is None:
            return self._model.condition(sound)
        motion = self._model.motion_predictor(sound)
        if expressiveness is not None:
            motion = self._rest + torch.from_numpy(expressiveness).to(self.device)[:, None] * (motion - self._rest)
            motion = torch.maximum(motion, self._model.motion_predictor.lowest)
        shares = torch.from_numpy(rest_shares(mel, self.mel_lead)).to(self.device)
        return self._model.motion_condition(motion + shares[:, None] * (self._rest - motion))

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


def crop_of(model: nn.Module) -> CropSpec:
    """Return the crop that a generator sees.

    Raises:
        InputError: the model is no generator.
    """
    crop, config = getattr(model, "crop_spec", None), getattr(model, "config", None)
    if not isinstance(crop, CropSpec) or not hasattr(config, "mel_lead") or not hasattr(config, "mel_window"):
        raise InputError(
            f"this model is a {type(model).__name__}, which paints no mouths; give a generator, such as wav2lip"
            " (`visavox models list` shows them)"
        )
    return crop

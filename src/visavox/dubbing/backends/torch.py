"""The torch backend: device, memory layout and precision of a generator."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import torch
from torch import nn

from visavox.dubbing.backends import ImageLayers, MouthInfo
from visavox.errors import InputError
from visavox.models.generator import Layers, LipSyncGenerator, MouthCode, MouthMotion, SpeechBranch
from visavox.models.layers import fold_batch_norm
from visavox.runtime.device import choose_device, reduced_precision
from visavox.speech import silent_row
from visavox.types import PathLike
from visavox.weights import load_model


class TorchBackend:
    """Runs a generator with torch, on a processor or a GPU (`GeneratorBackend`).

    Attributes:
        spec: contract of the generator.
        mouth: what is known of the motion that it predicts; None where it predicts none.
        mouth_code: maps 68 landmarks to mouth motion; None where it is driven by audio.
        device: where it runs.
    """

    def __init__(self, model: PathLike | nn.Module, device: torch.device | str = "auto") -> None:
        """Make a generator ready; one that is given as a module stays as it is.

        Args:
            model: name or path of a generator's weights, or a generator in eval mode.
            device: auto, cpu or cuda.

        Raises:
            InputError: there is no such model or device, or the model is no generator.
        """
        self.device = choose_device(device) if isinstance(device, str) else device
        generator = checked_generator(model if isinstance(model, nn.Module) else load_model(model))
        self.spec = generator.spec
        self._precision = reduced_precision(self.device)
        folded: Any = fold_batch_norm(generator)
        self._model: LipSyncGenerator = folded.to(self.device, memory_format=torch.channels_last).requires_grad_(False)
        conditioner = generator.conditioner
        self.mouth_code: MouthCode | None = conditioner.mouth_code if isinstance(conditioner, MouthMotion) else None
        branch = self._model.conditioner
        self._branch = branch if isinstance(branch, SpeechBranch) else None
        self.mouth = None if self._branch is None else self._describe_mouth(self._branch)

    @torch.inference_mode()
    def predict_motion(self, features: np.ndarray) -> np.ndarray:
        """Predict mouth motion, float32 (B, K), from audio features, float32 (B, C, window).

        Raises:
            ValueError: this generator predicts no motion.
        """
        if self._branch is None:
            raise ValueError("this generator predicts no mouth motion")
        with self._autocast():
            motion: torch.Tensor = self._branch.predictor(torch.from_numpy(features).to(self.device))
        return motion.float().cpu().numpy()

    @torch.inference_mode()
    def condition_motion(self, motion: np.ndarray) -> np.ndarray:
        """Make conditions, float32 (B, D), of mouth motion, float32 (B, K).

        Raises:
            ValueError: this generator has no mouth motion.
        """
        conditioner: Any = self._model.conditioner
        if not isinstance(conditioner, SpeechBranch | MouthMotion):
            raise ValueError("this generator takes no mouth motion")
        with self._autocast():
            condition = conditioner.from_motion(torch.from_numpy(motion).to(self.device))
        return condition.float().flatten(1).cpu().numpy()

    @torch.inference_mode()
    def condition(self, features: np.ndarray) -> np.ndarray:
        """Make conditions, float32 (B, D), of audio features, float32 (B, C, window)."""
        with self._autocast():
            condition = self._model.condition(torch.from_numpy(features).to(self.device))
        return condition.float().flatten(1).cpu().numpy()

    @torch.inference_mode()
    def render(self, condition: np.ndarray, targets: np.ndarray, references: np.ndarray) -> np.ndarray | ImageLayers:
        """Render faces (`GeneratorBackend.render`).

        Args:
            condition: float32 (B T, D).
            targets: uint8 RGB (B, T, N, N, 3), the region hidden (`spec.region.hide`).
            references: uint8 RGB (B, K, N, N, 3).

        Returns:
            Images, float32 RGB (B, T, N, N, 3) in [0, 1]; of a layered generator its layers.
        """
        contexts, frames = targets.shape[:2]
        given = torch.from_numpy(condition).to(self.device)[:, :, None, None]
        faces = self._tensor(targets.reshape(contexts * frames, *targets.shape[2:]))
        stacked = np.concatenate([references[:, number] for number in range(references.shape[1])], axis=-1)
        with self._autocast():
            rendered = self._model.render(given, faces, self._tensor(stacked))
        shape = (contexts, frames)
        if not isinstance(rendered, Layers):
            return _images(rendered.clamp(0, 1), shape)
        grid, alpha = rendered.grid.float().cpu().numpy(), _images(rendered.alpha, shape)[..., 0]
        return ImageLayers(grid.reshape(*shape, *grid.shape[1:]), _images(rendered.colors, shape), alpha)

    def close(self) -> None:
        """Let go of the generator."""
        del self._model
        self._branch = None

    def _describe_mouth(self, branch: SpeechBranch) -> MouthInfo:
        assert self.spec.audio is not None, "a speech branch takes audio"
        window = np.repeat(silent_row(self.spec.audio)[None, :, None], self.spec.audio.window, axis=2)
        # Outside of reduced precision: the rest is what all motion is counted from.
        with torch.inference_mode():
            rest = branch.predictor(torch.from_numpy(window).to(self.device))[0].float().cpu().numpy()
        lowest = branch.predictor.lowest.float().cpu().numpy()
        return MouthInfo(rest, lowest, float(branch.predictor.opening_scale))

    def _tensor(self, images: np.ndarray) -> torch.Tensor:
        """Turn uint8 (B, H, W, C) into float32 (B, C, H, W) in [0, 1], channels last in memory."""
        return torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float().div_(255)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._precision is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self._precision)


def _images(batch: torch.Tensor, shape: tuple[int, int]) -> np.ndarray:
    """Turn (B T, C, H, W) into float32 (B, T, H, W, C)."""
    images = np.ascontiguousarray(batch.float().permute(0, 2, 3, 1).cpu().numpy())
    return images.reshape(*shape, *images.shape[1:])


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

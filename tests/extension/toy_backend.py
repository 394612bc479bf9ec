"""A backend as a third party writes it: the parts of a generator as graphs exported for one frame at a time.

So they are run where there is no Python: the graphs have fixed shapes, and a batch is a loop.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visavox.dubbing.backends import ImageLayers, MouthInfo
from visavox.errors import InputError
from visavox.models.generator.conditioners import SpeechBranch
from visavox.models.generator.generator import LipSyncGenerator
from visavox.models.generator.mouth_code import MouthCode
from visavox.speech import silent_row
from visavox.types import PathLike
from visavox.weights.checkpoint import load_model


class ExportedBackend:
    """Runs layered generators with a speech branch, on the processor and in float32 (`GeneratorBackend`)."""

    mouth_code: MouthCode | None = None

    def __init__(self, model: PathLike | nn.Module, device: str = "auto") -> None:
        """Export a generator.

        Raises:
            InputError: there is no such model, or it is of a kind that this backend does not run.
        """
        generator = model if isinstance(model, nn.Module) else load_model(model)
        if device not in ("auto", "cpu"):
            raise InputError(f"device is {device}, and the backend 'toy' runs on the processor; give auto or cpu")
        if not isinstance(generator, LipSyncGenerator) or not isinstance(generator.conditioner, SpeechBranch):
            raise InputError(
                "the backend 'toy' runs generators with a speech branch, such as wav2lip; give another model"
            )
        self.spec, branch = generator.spec, generator.conditioner
        audio, size = self.spec.audio, self.spec.crop.size
        assert audio is not None, "a speech branch takes audio"
        face = (1, 3, size, size)
        self._predictor = _exported(branch.predictor, (1, audio.size, audio.window))
        self._motion_condition = _exported(branch.motion_condition, (1, branch.num_motions))
        self._renderer = _exported(_AsTuple(generator.renderer), (1, branch.channels, 1, 1), face, face)
        silence = np.repeat(silent_row(audio)[None, :, None], audio.window, axis=2)
        lowest = branch.predictor.lowest.float().numpy()
        self.mouth: MouthInfo | None = MouthInfo(
            self.predict_motion(silence)[0], lowest, float(branch.predictor.opening_scale)
        )

    @torch.inference_mode()
    def predict_motion(self, features: np.ndarray) -> np.ndarray:
        """Predict mouth motion (B, K) from audio features (B, C, window)."""
        return np.concatenate([self._predictor(torch.from_numpy(row[None])).numpy() for row in features])

    @torch.inference_mode()
    def condition_motion(self, motion: np.ndarray) -> np.ndarray:
        """Make conditions (B, D) of mouth motion (B, K)."""
        found = [self._motion_condition(torch.from_numpy(row[None])) for row in motion]
        return np.concatenate([condition.flatten(1).numpy() for condition in found])

    def condition(self, features: np.ndarray) -> np.ndarray:
        """Make conditions (B, D) of audio features (B, C, window)."""
        return self.condition_motion(self.predict_motion(features))

    @torch.inference_mode()
    def render(self, condition: np.ndarray, targets: np.ndarray, references: np.ndarray) -> np.ndarray | ImageLayers:
        """Render faces; the generators that this backend runs take one frame and one reference."""
        found = [
            self._renderer(torch.from_numpy(row)[None, :, None, None], _tensor(target), _tensor(reference))
            for row, target, reference in zip(condition, targets, references, strict=True)
        ]
        grids, colors, alphas = (np.stack([parts[number].numpy() for parts in found]) for number in range(3))
        return ImageLayers(grids, np.ascontiguousarray(colors.transpose(0, 1, 3, 4, 2)), alphas[:, :, 0])

    def close(self) -> None:
        """Let go of the graphs."""
        del self._predictor, self._motion_condition, self._renderer


class _AsTuple(nn.Module):
    """Renderer whose layers are a plain tuple."""

    def __init__(self, renderer: nn.Module) -> None:
        super().__init__()
        self.renderer = renderer

    def forward(self, condition: Tensor, targets: Tensor, references: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.renderer(condition, targets, references))


def _exported(module: nn.Module, *shapes: tuple[int, ...]) -> Any:
    # A tensor for each input: one that is given twice would become one input of the graph.
    return torch.export.export(module, tuple(torch.zeros(shape) for shape in shapes)).module()


def _tensor(images: np.ndarray) -> Tensor:
    """Turn uint8 (1, H, W, 3) into float32 (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().contiguous().div_(255)

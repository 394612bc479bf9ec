"""Backends: what runs a generator. One protocol in numpy, and a literal table of those that there are."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from visavox.errors import InputError
from visavox.models.generator import GeneratorSpec

if TYPE_CHECKING:
    from visavox.models.generator import MouthCode

__all__ = [
    "BACKENDS",
    "DEFAULT_BACKEND",
    "GeneratorBackend",
    "ImageLayers",
    "MouthInfo",
    "check_backend",
    "find_backend",
]

BACKENDS = {
    "torch": "visavox.dubbing.backends.torch:TorchBackend",
}
"""Name of a backend -> `MODULE:CLASS`, loaded when it is asked for. The class is called with a generator (a name, a
path, or a `LipSyncGenerator`) and a device (auto, cpu or cuda)."""
DEFAULT_BACKEND = "torch"


@dataclass(frozen=True)
class MouthInfo:
    """Facts about the mouth motion that a generator predicts."""

    rest: np.ndarray
    """float32 (K,): motion of a mouth in silence."""
    lowest: np.ndarray
    """float32 (K,): bounds below which no motion goes; the first is a closed mouth."""
    opening_scale: float
    """Standard deviation of the opening, in distances between the outer eye corners."""


@dataclass(frozen=True)
class ImageLayers:
    """Rendered faces before their layers are composited, in arrays."""

    grid: np.ndarray
    """float32 (B, T, N, N, 2): where in the first reference each pixel comes from, x and y in [-1, 1]."""
    colors: np.ndarray
    """float32 RGB (B, T, N, N, 3) in [0, 1]."""
    alpha: np.ndarray
    """float32 (B, T, N, N): opacity of the colours over the warped reference, in [0, 1]."""


class GeneratorBackend(Protocol):
    """A generator that is ready to run; arrays in, arrays out.

    B contexts of T frames (`spec.context`) are rendered at a time; N is the side of the crops that the generator sees
    (`spec.crop.size`), K the number of its references.
    """

    spec: GeneratorSpec
    """Contract of the generator."""
    mouth: MouthInfo | None
    """Of a generator that predicts mouth motion from audio before it renders; None of every other."""
    mouth_code: MouthCode | None
    """Maps 68 landmarks to mouth motion, of a generator that is driven by motion; None of every other."""

    def predict_motion(self, features: np.ndarray) -> np.ndarray:
        """Predict mouth motion, float32 (B, K), from audio features, float32 (B, C, window)."""
        ...

    def condition_motion(self, motion: np.ndarray) -> np.ndarray:
        """Make conditions, float32 (B, D), of mouth motion, float32 (B, K)."""
        ...

    def condition(self, features: np.ndarray) -> np.ndarray:
        """Make conditions, float32 (B, D), of audio features, float32 (B, C, window)."""
        ...

    def render(self, condition: np.ndarray, targets: np.ndarray, references: np.ndarray) -> np.ndarray | ImageLayers:
        """Render faces.

        Args:
            condition: float32 (B T, D).
            targets: uint8 RGB (B, T, N, N, 3), the region hidden (`spec.region.hide`).
            references: uint8 RGB (B, K, N, N, 3).

        Returns:
            Images, float32 RGB (B, T, N, N, 3) in [0, 1]; of a layered generator its layers.
        """
        ...

    def close(self) -> None:
        """Let go of the generator."""
        ...


def check_backend(name: str) -> None:
    """See whether there is a backend of a name, before anything is loaded.

    Raises:
        InputError: there is none.
    """
    if name not in BACKENDS:
        raise InputError(f"there is no backend '{name}'; choose {', '.join(BACKENDS)}")


def find_backend(name: str) -> Callable[[Any, str], GeneratorBackend]:
    """Load the class of a backend.

    Raises:
        InputError: there is no such backend.
        ModuleNotFoundError: a package that it needs is not installed.
    """
    check_backend(name)
    module, _, attribute = BACKENDS[name].partition(":")
    backend: Callable[[Any, str], GeneratorBackend] = getattr(importlib.import_module(module), attribute)
    return backend

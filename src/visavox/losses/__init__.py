"""Losses: pure functions of tensors, a file for each kind.

`reconstruction` (pixels, slopes, fine detail), `perceptual` (LPIPS, features of faces, what is read from a mouth),
`sync` (experts), `adversarial` (discriminators), `motion` (68 landmarks) and `radiance` (heads and torsos of one
person).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.losses.adversarial import feature_distance, gradient_penalty, least_squares, real_or_generated
    from visavox.losses.motion import (
        Comparison,
        MotionScorer,
        continuity_loss,
        divergence_loss,
        gap_loss,
        reconstruction_loss,
        sync_loss,
    )
    from visavox.losses.perceptual import LpipsLoss, normalized_feature_distance, reading_distance
    from visavox.losses.radiance import (
        PatchDistance,
        change_outside,
        color_error,
        feature_patch_distance,
        mask_error,
        opacity_entropy,
    )
    from visavox.losses.reconstruction import detail_difference, region_weight, weighted_gradient_l1, weighted_l1
    from visavox.losses.sync import contrastive, cosine_bce, stack_mouths

_HOMES = {
    "Comparison": "motion",
    "LpipsLoss": "perceptual",
    "MotionScorer": "motion",
    "PatchDistance": "radiance",
    "change_outside": "radiance",
    "color_error": "radiance",
    "continuity_loss": "motion",
    "contrastive": "sync",
    "cosine_bce": "sync",
    "detail_difference": "reconstruction",
    "divergence_loss": "motion",
    "feature_distance": "adversarial",
    "feature_patch_distance": "radiance",
    "gap_loss": "motion",
    "gradient_penalty": "adversarial",
    "least_squares": "adversarial",
    "mask_error": "radiance",
    "normalized_feature_distance": "perceptual",
    "opacity_entropy": "radiance",
    "region_weight": "reconstruction",
    "reading_distance": "perceptual",
    "real_or_generated": "adversarial",
    "reconstruction_loss": "motion",
    "stack_mouths": "sync",
    "sync_loss": "motion",
    "weighted_gradient_l1": "reconstruction",
    "weighted_l1": "reconstruction",
}

__all__ = [
    "Comparison",
    "LpipsLoss",
    "MotionScorer",
    "PatchDistance",
    "change_outside",
    "color_error",
    "continuity_loss",
    "contrastive",
    "cosine_bce",
    "detail_difference",
    "divergence_loss",
    "feature_distance",
    "feature_patch_distance",
    "gap_loss",
    "gradient_penalty",
    "least_squares",
    "mask_error",
    "normalized_feature_distance",
    "opacity_entropy",
    "reading_distance",
    "real_or_generated",
    "reconstruction_loss",
    "region_weight",
    "stack_mouths",
    "sync_loss",
    "weighted_gradient_l1",
    "weighted_l1",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

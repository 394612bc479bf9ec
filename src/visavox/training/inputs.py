"""Inputs of a training task: weights and files that it takes beside its data; the command line is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from visavox.losses.perceptual import LpipsLoss
from visavox.weights.digest import short_weights_digest
from visavox.weights.registry import find_model

SHIPPED_FEATURES = "face-features"
"""Name of the face features that are shipped."""
SHIPPED_MOTION = "motion"
"""Name of the motion VAE that is shipped."""
SHIPPED_SYNCNET = "motion-syncnet"
"""Name of the motion SyncNet that is shipped."""

Given = TypeVar("Given", bound="Inputs")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Nothing beside the data; the base of the inputs of all tasks."""

    weights: ClassVar[tuple[str, ...]] = ()
    """Fields that name weights which a resumed run must share with the run that it goes on with."""
    recorded: ClassVar[tuple[str, ...]] = ()
    """Other fields that are written down of a run, and that a resumed run keeps."""
    only_new: ClassVar[tuple[str, ...]] = ()
    """Fields that a new run begins with, and that a resumed one does not look at."""

    def record(self) -> dict[str, Any]:
        """Return what is written down of a run."""
        return {name: getattr(self, name) for name in (*self.weights, *self.recorded)}

    def identity(self) -> dict[str, Any]:
        """Return what a resumed run must share: digests of the weights."""
        given = {name: getattr(self, name) for name in self.weights}
        return {
            name: None if weights is None else short_weights_digest(find_model(weights))
            for name, weights in given.items()
        }

    def resumed(self: Given, stored: Mapping[str, Any]) -> Given:
        """Return the inputs of a resumed run: those that are given, and otherwise those that it was started with."""
        changes: dict[str, Any] = {}
        for field in fields(self):
            if field.name in self.only_new:
                changes[field.name] = field.default
            elif field.name in stored and field.default is not MISSING and getattr(self, field.name) == field.default:
                changes[field.name] = stored[field.name]
        return replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class LpipsInputs(Inputs):
    """The published numbers of LPIPS, where they are not in the usual places."""

    lpips_weights: Path | None = None
    """File with the ImageNet weights of the recipe's LPIPS network, for recipes with that loss; looked for, and fetched
    once, when left out."""
    lpips_linear: Path | None = None
    """File with the linear weights of LPIPS; likewise."""

    def load_lpips(self, network: str) -> LpipsLoss:
        """Load LPIPS.

        Raises:
            InputError: the published numbers are nowhere to be had.
        """
        return LpipsLoss.load(network, weights=self.lpips_weights, linear=self.lpips_linear)

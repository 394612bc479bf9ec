"""What all stages of `visavox train` are told alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from visavox.cli.common import ReportOptions, alias
from visavox.errors import InputError
from visavox.training.run_settings import RunSettings

Recipe = TypeVar("Recipe")


@dataclass(frozen=True, kw_only=True)
class StageOptions(ReportOptions, ABC):
    """One stage: what to train, by which recipe, into which folder."""

    output: Annotated[Path, alias("-o"), tyro.conf.arg(metavar="RUN")]
    """Folder of the run: checkpoints, weights, log."""
    recipe: str
    """Name of the recipe."""
    resume: bool = False
    """Go on with the run in RUN."""
    settings: Annotated[RunSettings, tyro.conf.OmitArgPrefixes] = field(default_factory=RunSettings)
    """What differs from the recipe."""

    @abstractmethod
    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""

    def chosen(self, available: Mapping[str, Recipe]) -> tuple[Recipe, Path, RunSettings]:
        """Recipe, folder and settings of the run.

        Raises:
            InputError: there is no such recipe.
        """
        if self.recipe not in available:
            raise InputError(f"no recipe is called {self.recipe!r}; there are {', '.join(sorted(available))}.")
        return available[self.recipe], self.output, self.settings

    @property
    def going(self) -> dict[str, Any]:
        """Whether the run goes on from where it stopped, and where its progress is shown."""
        return {"resume": self.resume, "progress": self.progress}

"""`visavox train head|torso PERSON -o RUN`: train the head, then the torso, of one person."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from visavox.cli.train_options import StageOptions
from visavox.training.generator import run
from visavox.training.radiance import avatar_recipes, avatar_run


@dataclass(frozen=True, kw_only=True)
class _PersonOptions(StageOptions):
    person: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PERSON")]
    """Folder with one person's data set."""
    recipe: str = "cpu"
    """cpu (128 pixels), small (256), full (512, for a GPU), or paper (the published field; days); for comparison,
    cpu-no-window (of a head) and cpu-no-head (of a torso) leave a part out."""
    compile: bool = False
    """Compile head and torso first, which takes a while and pays for long runs; on a CUDA device only."""


@dataclass(frozen=True, kw_only=True)
class HeadOptions(_PersonOptions):
    """Train the Head-NeRF of one person."""

    judge: avatar_run.Judge = "face-features"
    """What compares mouths, for recipes with that loss: the shipped face features, or LPIPS with published weights."""
    lpips: Annotated[run.LpipsFiles, tyro.conf.OmitArgPrefixes] = field(default_factory=run.LpipsFiles)
    """Where the published numbers of LPIPS are."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        chosen = self.chosen(avatar_recipes.HEAD_RECIPES)
        return avatar_run.train_head(
            self.person, *chosen, judge=self.judge, lpips=self.lpips, compile=self.compile, **self.going
        )


@dataclass(frozen=True, kw_only=True)
class TorsoOptions(_PersonOptions):
    """Train the Torso-NeRF of one person, under their head."""

    head: str
    """The best.safetensors of `visavox train head`."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        chosen = self.chosen(avatar_recipes.TORSO_RECIPES)
        return avatar_run.train_torso(self.person, *chosen, head=self.head, compile=self.compile, **self.going)

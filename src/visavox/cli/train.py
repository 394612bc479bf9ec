"""`visavox train STAGE DATASET -o RUN`: train a network on prepared clips, or on the data set of one person."""

from __future__ import annotations

import json
import sys
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from visavox.cli.common import EXIT_DONE, parse
from visavox.cli.train_options import StageOptions
from visavox.cli.train_person import HeadOptions, TorsoOptions
from visavox.training.generator import recipes, run
from visavox.training.motion import motion_recipes, motion_run


@dataclass(frozen=True, kw_only=True)
class _TrainOptions(StageOptions):
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Folder that `visavox prepare` wrote."""
    recipe: str = "compact"
    """Name of the recipe (docs/training.md lists them)."""


@dataclass(frozen=True, kw_only=True)
class SpeechOptions(_TrainOptions):
    """Teach the speech branch of a compact generator what mouths do, from landmarks; the first of three stages."""

    start: str | None = None
    """Weights of a generator, to describe mouths in its terms: `visavox models graft` then puts the branch into it."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        return run.train_speech(self.dataset, *self.chosen(recipes.SPEECH_RECIPES), start=self.start, **self.going)


@dataclass(frozen=True, kw_only=True)
class ExpertOptions(_TrainOptions):
    """Train an expert, which judges whether mouth and sound belong together."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        return run.train_expert(self.dataset, *self.chosen(recipes.EXPERT_RECIPES), **self.going)


@dataclass(frozen=True, kw_only=True)
class FeaturesOptions(_TrainOptions):
    """Train face features, by which a generator's pictures are compared with the true ones."""

    start: str | None = None
    """The best.safetensors of the stage `speech`, to describe mouths in the same terms."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        chosen = self.chosen(recipes.FEATURES_RECIPES)
        return run.train_features(self.dataset, *chosen, start=self.start, **self.going)


@dataclass(frozen=True, kw_only=True)
class _GeneratorOptions(_TrainOptions):
    start: str | None = None
    """Weights to begin with: the best.safetensors of the stage `speech`, or of an earlier run."""
    expert: str | None = None
    """Expert that judges, for recipes with a sync loss: a name, or the best.safetensors of the stage `expert`."""
    features: str = run.SHIPPED_FEATURES
    """Face features, for recipes whose losses look at them: a name, or the best.safetensors of the stage `features`."""
    lpips: Annotated[run.LpipsFiles, tyro.conf.OmitArgPrefixes] = field(default_factory=run.LpipsFiles)
    """Where the published numbers of LPIPS are."""

    @property
    @abstractmethod
    def available(self) -> Mapping[str, recipes.Wav2LipRecipe]:
        """Recipes of this generator."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        return run.train_wav2lip(
            self.dataset,
            *self.chosen(self.available),
            start=self.start,
            expert=self.expert,
            features=self.features,
            lpips=self.lpips,
            **self.going,
        )


@dataclass(frozen=True, kw_only=True)
class Wav2LipOptions(_GeneratorOptions):
    """Train a Wav2Lip generator, which paints the mouth."""

    @property
    def available(self) -> Mapping[str, recipes.Wav2LipRecipe]:
        """Return the recipes of this generator."""
        return recipes.WAV2LIP_RECIPES


@dataclass(frozen=True, kw_only=True)
class AttnWav2LipOptions(_GeneratorOptions):
    """Train an AttnWav2Lip generator, which paints the mouth with attention and speech at several levels."""

    recipe: str = "attn-compact"
    """Name of the recipe (docs/training.md lists them)."""

    @property
    def available(self) -> Mapping[str, recipes.Wav2LipRecipe]:
        """Return the recipes of this generator."""
        return recipes.ATTN_WAV2LIP_RECIPES


@dataclass(frozen=True, kw_only=True)
class MotionDubOptions(_GeneratorOptions):
    """Train a generator that is told the mouth by motion; it goes on from a trained Wav2Lip."""

    recipe: str = "motion-compact"
    """Name of the recipe (docs/training.md lists them)."""

    @property
    def available(self) -> Mapping[str, recipes.Wav2LipRecipe]:
        """Return the recipes of this generator."""
        return recipes.MOTION_DUB_RECIPES


@dataclass(frozen=True, kw_only=True)
class MotionOptions(_TrainOptions):
    """Train a motion VAE, which turns speech into the motion of a face."""

    sync: str | None = None
    """Motion SyncNet that judges: a name, or the best.safetensors of the stage `motion-syncnet`; none by default."""
    recipe: str = "compact"
    """Name of the recipe (docs/geneface.md lists them)."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        chosen = self.chosen(motion_recipes.MOTION_RECIPES)
        return motion_run.train_motion(self.dataset, *chosen, sync=self.sync, **self.going)


@dataclass(frozen=True, kw_only=True)
class MotionSyncOptions(_TrainOptions):
    """Train a motion SyncNet, which judges whether moving landmarks and speech belong together."""

    start: str | None = None
    """Motion SyncNet to begin with: a name, or the best.safetensors of an earlier run."""
    recipe: str = "compact"
    """Name of the recipe (docs/geneface.md lists them)."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        chosen = self.chosen(motion_recipes.MOTION_SYNC_RECIPES)
        return motion_run.train_motion_syncnet(self.dataset, *chosen, start=self.start, **self.going)


@dataclass(frozen=True, kw_only=True)
class PostNetOptions(_TrainOptions):
    """Train the post-net of one person, which brings motion into that person's manner."""

    person: str
    """The person, by the name of the speaker in the data set's manifest."""
    motion: str = "motion"
    """Motion VAE whose motion comes in: a name, or the best.safetensors of the stage `motion`; `true` takes the true
    motion of the other speakers, each brought onto their mean face."""
    sync: str = motion_run.SHIPPED_SYNCNET
    """Motion SyncNet that judges: a name, or the best.safetensors of the stage `motion-syncnet`."""
    recipe: str = "compact"
    """Name of the recipe (docs/geneface.md lists them)."""

    def train(self) -> dict[str, float]:
        """Train; return the figures of the last validation."""
        return motion_run.train_postnet(
            self.dataset,
            *self.chosen(motion_recipes.POSTNET_RECIPES),
            person=self.person,
            motion=None if self.motion == motion_run.TRUE_MOTION else self.motion,
            sync=self.sync,
            **self.going,
        )


Options = (
    Annotated[SpeechOptions, tyro.conf.subcommand("speech")]
    | Annotated[ExpertOptions, tyro.conf.subcommand("expert")]
    | Annotated[FeaturesOptions, tyro.conf.subcommand("features")]
    | Annotated[Wav2LipOptions, tyro.conf.subcommand("wav2lip")]
    | Annotated[AttnWav2LipOptions, tyro.conf.subcommand("attn-wav2lip")]
    | Annotated[HeadOptions, tyro.conf.subcommand("head")]
    | Annotated[TorsoOptions, tyro.conf.subcommand("torso")]
    | Annotated[MotionDubOptions, tyro.conf.subcommand("motion-dub")]
    | Annotated[MotionOptions, tyro.conf.subcommand("motion")]
    | Annotated[MotionSyncOptions, tyro.conf.subcommand("motion-syncnet")]
    | Annotated[PostNetOptions, tyro.conf.subcommand("postnet")]
)


def main(argv: list[str]) -> int:
    """Run the command; return its exit code."""
    options: StageOptions = parse(Options, argv, command="train")  # type: ignore[arg-type]
    figures = options.train()
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<24} {value:.4f}", file=sys.stdout)
        print(f"weights: {options.output / 'best.safetensors'}")
    return EXIT_DONE

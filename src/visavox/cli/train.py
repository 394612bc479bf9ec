"""`visavox train speech|expert|features|wav2lip|attn-wav2lip DATASET -o RUN`: train a network on prepared clips."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from visavox.cli.common import EXIT_DONE, ReportOptions, alias, parse
from visavox.errors import InputError
from visavox.training import recipes, run


@dataclass(frozen=True, kw_only=True)
class _TrainOptions(ReportOptions):
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Folder that `visavox prepare` wrote."""
    output: Annotated[Path, alias("-o"), tyro.conf.arg(metavar="RUN")]
    """Folder of the run: checkpoints, weights, log."""
    recipe: str = "compact"
    """Name of the recipe (docs/training.md lists them)."""
    resume: bool = False
    """Go on with the run in RUN."""
    settings: Annotated[run.RunSettings, tyro.conf.OmitArgPrefixes] = field(default_factory=run.RunSettings)
    """What differs from the recipe."""


@dataclass(frozen=True, kw_only=True)
class SpeechOptions(_TrainOptions):
    """Teach the speech branch of a compact generator what mouths do, from landmarks; the first of three stages."""


@dataclass(frozen=True, kw_only=True)
class ExpertOptions(_TrainOptions):
    """Train an expert, which judges whether mouth and sound belong together."""


@dataclass(frozen=True, kw_only=True)
class FeaturesOptions(_TrainOptions):
    """Train face features, by which a generator's pictures are compared with the true ones."""

    start: str | None = None
    """The best.safetensors of the stage `speech`, to describe mouths in the same terms."""


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


@dataclass(frozen=True, kw_only=True)
class Wav2LipOptions(_GeneratorOptions):
    """Train a Wav2Lip generator, which paints the mouth."""


@dataclass(frozen=True, kw_only=True)
class AttnWav2LipOptions(_GeneratorOptions):
    """Train an AttnWav2Lip generator, which paints the mouth with attention and speech at several levels."""

    recipe: str = "attn-compact"
    """Name of the recipe (docs/training.md lists them)."""


Options = (
    Annotated[SpeechOptions, tyro.conf.subcommand("speech")]
    | Annotated[ExpertOptions, tyro.conf.subcommand("expert")]
    | Annotated[FeaturesOptions, tyro.conf.subcommand("features")]
    | Annotated[Wav2LipOptions, tyro.conf.subcommand("wav2lip")]
    | Annotated[AttnWav2LipOptions, tyro.conf.subcommand("attn-wav2lip")]
)


def main(argv: list[str]) -> int:
    """Run the command; return its exit code."""
    options: SpeechOptions | ExpertOptions | FeaturesOptions | Wav2LipOptions | AttnWav2LipOptions
    options = parse(Options, argv, command="train")  # type: ignore[arg-type]
    if isinstance(options, SpeechOptions):
        recipe = _choose(recipes.SPEECH_RECIPES, options.recipe)
        figures = run.train_speech(
            options.dataset, recipe, options.output, options.settings, resume=options.resume, progress=options.progress
        )
    elif isinstance(options, ExpertOptions):
        recipe = _choose(recipes.EXPERT_RECIPES, options.recipe)
        figures = run.train_expert(
            options.dataset, recipe, options.output, options.settings, resume=options.resume, progress=options.progress
        )
    elif isinstance(options, FeaturesOptions):
        recipe = _choose(recipes.FEATURES_RECIPES, options.recipe)
        figures = run.train_features(
            options.dataset,
            recipe,
            options.output,
            options.settings,
            start=options.start,
            resume=options.resume,
            progress=options.progress,
        )
    else:
        is_attention = isinstance(options, AttnWav2LipOptions)
        recipe = _choose(recipes.ATTN_WAV2LIP_RECIPES if is_attention else recipes.WAV2LIP_RECIPES, options.recipe)
        figures = run.train_wav2lip(
            options.dataset,
            recipe,
            options.output,
            options.settings,
            start=options.start,
            expert=options.expert,
            features=options.features,
            lpips=options.lpips,
            resume=options.resume,
            progress=options.progress,
        )
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<24} {value:.4f}", file=sys.stdout)
        print(f"weights: {options.output / 'best.safetensors'}")
    return EXIT_DONE


def _choose(available: dict, name: str):
    if name not in available:
        raise InputError(f"no recipe is called {name!r}; there are {', '.join(sorted(available))}.")
    return available[name]

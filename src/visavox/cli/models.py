"""`visavox models`: list, describe and edit weights; convert the published files of Wav2Lip and SyncNet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg, subcommand

from visavox.cli.common import EXIT_DONE, ReportOptions, alias, parse
from visavox.cli.renamed import rename_subcommand

if TYPE_CHECKING:
    from visavox.weights import ModelInfo


@dataclass(frozen=True, kw_only=True)
class List(ReportOptions):
    """List the weights that come with visavox."""


@dataclass(frozen=True, kw_only=True)
class Info(ReportOptions):
    """Describe weights: dimensions, training, measured quality, licence."""

    name: Positional[Annotated[str, arg(metavar="NAME")]]
    """Name of shipped weights, path of a .safetensors file, or hf:OWNER/REPOSITORY/FILE."""


@dataclass(frozen=True, kw_only=True)
class Import(ReportOptions):
    """Convert published weights: Wav2Lip's generator, expert or quality discriminator, or SyncNet.

    They are then used with --model, --expert and --sync-model.
    """

    file: Positional[Annotated[Path, arg(metavar="FILE")]]
    """The checkpoint, for instance wav2lip_gan.pth, lipsync_expert.pth or syncnet_v2.model."""
    output: Annotated[Path, alias("-o")]
    """The .safetensors file to write."""
    allow_torchscript: bool = False
    """Read TorchScript files too. They are programs: only for files from a source that you trust."""
    overwrite: bool = False
    """Replace the output if it is there."""


@dataclass(frozen=True, kw_only=True)
class Interpolate(ReportOptions):
    """Write weights that lie between two: some weights, and what they became by more training."""

    first: Positional[Annotated[str, arg(metavar="FIRST")]]
    """Name or path of weights."""
    second: Positional[Annotated[str, arg(metavar="SECOND")]]
    """Name or path of weights that were trained on from the first."""
    output: Annotated[Path, alias("-o")]
    """The .safetensors file to write."""
    share: float = 0.5
    """Share of the second, 0 to 1."""
    overwrite: bool = False
    """Replace the output if it is there."""


@dataclass(frozen=True, kw_only=True)
class SwapSpeech(ReportOptions):
    """Put the speech branch of one generator into another, whose renderer needs no training for that."""

    renderer: Positional[Annotated[str, arg(metavar="RENDERER")]]
    """Name or path of the generator that keeps its renderer."""
    speech: Positional[Annotated[str, arg(metavar="SPEECH")]]
    """Name or path of the one that gives its speech branch, trained by `visavox train speech DATASET --start
    RENDERER`."""
    output: Annotated[Path, alias("-o")]
    """The .safetensors file to write."""
    overwrite: bool = False
    """Replace the output if it is there."""


RENAMED = {"blend": "interpolate", "graft": "swap-speech"}
"""Earlier name -> name of a sub-command."""

Command = (
    Annotated[List, subcommand("list", prefix_name=False)]
    | Annotated[Info, subcommand("info", prefix_name=False)]
    | Annotated[Import, subcommand("import", prefix_name=False)]
    | Annotated[Interpolate, subcommand("interpolate", prefix_name=False)]
    | Annotated[SwapSpeech, subcommand("swap-speech", prefix_name=False)]
)


def main(argv: list[str]) -> int:
    """Run `visavox models` with the arguments behind it and return the exit code."""
    argv = rename_subcommand(argv, RENAMED)
    options: List | Info | Import | Interpolate | SwapSpeech = parse(Command, argv, command="models")  # type: ignore[arg-type]
    if isinstance(options, List):
        _list(options)
    elif isinstance(options, Info):
        _info(options)
    elif isinstance(options, Import):
        _import(options)
    elif isinstance(options, Interpolate):
        _interpolate(options)
    elif isinstance(options, SwapSpeech):
        _swap_speech(options)
    return EXIT_DONE


def _list(options: List) -> None:
    from visavox.weights import list_models

    models = list_models()
    if options.json:
        print(json.dumps([model.to_json() for model in models], indent=2))
        return
    rows = [("name", "network", "size", "description")]
    rows += [(model.name, model.network, _size(model.num_bytes), model.card.description) for model in models]
    from visavox.runtime.tables import text_table

    print(text_table(rows, num_names=4))


def _info(options: Info) -> None:
    from visavox.weights import card_text, model_info

    info = model_info(options.name)
    card = card_text(info)
    if options.json:
        print(json.dumps({**info.to_json(), "card": card}, indent=2))
        return
    print(_described(info))
    if card is not None:
        print(f"\n{card}", end="")


def _import(options: Import) -> None:
    from visavox.weights import import_model

    info = import_model(
        options.file, options.output, allow_torchscript=options.allow_torchscript, overwrite=options.overwrite
    )
    _say_written(info, options.json)


def _interpolate(options: Interpolate) -> None:
    from visavox.weights import interpolate

    info = interpolate(options.first, options.second, options.output, share=options.share, overwrite=options.overwrite)
    _say_written(info, options.json)


def _swap_speech(options: SwapSpeech) -> None:
    from visavox.weights import swap_speech_branch

    info = swap_speech_branch(options.renderer, options.speech, options.output, overwrite=options.overwrite)
    _say_written(info, options.json)


def _say_written(info: ModelInfo, as_json: bool) -> None:
    if as_json:
        print(json.dumps(info.to_json(), indent=2))
        return
    print(f"{info.path}: {info.card.description}, {_size(info.num_bytes)}")
    print(info.card.licence)


def _described(info: ModelInfo) -> str:
    """Return one line for each thing that is known of weights."""
    lines = {
        "name": info.name,
        "file": f"{info.path} ({_size(info.num_bytes)})",
        "network": f"{info.network}, {info.num_parameters / 1e6:.1f} million parameters",
        "description": info.card.description,
        "training": info.card.training,
        "licence": info.card.licence,
        "dimensions": json.dumps(dict(info.config)),
    }
    if info.crop is not None:
        lines["crop"] = f"{info.crop.kind}, {info.crop.size} pixels"
    if info.conditioner is not None:
        lines["conditioner"] = json.dumps(dict(info.conditioner))
    if info.spec is not None and info.spec.audio is not None:
        audio = info.spec.audio
        lines["audio"] = (
            f"{audio.features}, {audio.window} rows of {audio.rate} a second from {audio.lead} before the frame"
        )
    lines |= {f"quality: {metric}": f"{value:g}" for metric, value in info.card.quality.items()}
    from visavox.runtime.tables import text_table

    return text_table(list(lines.items()), num_names=2)


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB"

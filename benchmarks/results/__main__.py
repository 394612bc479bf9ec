"""Tables of docs/results.md: every model on unseen speakers, with their own audio and with another's.

    python -m benchmarks.results EVAL_DIR

Every clip is played backwards, so that nothing of the answer is in the video, and dubbed with its own forward audio
and with the audio of the next clip of its group (as `benchmarks.backwards` does). Beside the models stand the mouth as
it was, and the true frames. What was measured before with the same weights, clip and network of sync
is not measured again.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

import visavox
from benchmarks.clips import Clip, choose_clips, find_clips, next_clip
from benchmarks.results.job import BASELINES, Bench, Kind, Subject, measure, model_subject
from benchmarks.results.sheet import draw_sheet, sheet_clips
from benchmarks.results.table import put_between_markers, tables
from visavox.cli.common import CommonOptions, parse, run
from visavox.dubbing.checks import check_model
from visavox.errors import InputError
from visavox.evaluation.report import Report
from visavox.weights import list_models

DEFAULT_SET = Path("../shared/data/eval")
PAGE = Path("docs/results.md")
SHEET = Path("docs/pictures/results.jpg")


@dataclass(frozen=True, kw_only=True)
class ResultsOptions(CommonOptions):
    """Measure models on a set of unseen speakers; print the tables of docs/results.md and write them into the page."""

    folder: Annotated[Path | None, tyro.conf.Positional] = None
    """Folder of the set: each folder in it a group of recordings; by default ../shared/data/eval."""
    models: tuple[str, ...] = ()
    """Names or files of generators; by default all that are shipped."""
    expert: str | None = None
    """Name or file of an expert, for expert-D and expert-C; by default the shipped one, if there is one."""
    sync_model: str | None = None
    """The published SyncNet, converted by `visavox models import`, for LSE-D and LSE-C."""
    work: Path = Path("results/results")
    """Keeps videos, landmarks and values, so that another model does not redo the others."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Page whose tables are replaced; by default docs/results.md, and none with --groups or --limit."""
    sheet: Path | None = None
    """Contact sheet (.jpg); by default docs/pictures/results.jpg if --sheet-groups says whom it may show, else none."""
    sheet_groups: tuple[str, ...] = ()
    """Groups whose faces are shown, such as those whose licence allows it; all by default."""
    sheet_clips: int = 5
    """Clips on the contact sheet."""
    groups: tuple[str, ...] = ()
    """Only these groups: a quick look."""
    limit: int | None = None
    """Only so many clips of each group: a quick look."""


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    options = parse(ResultsOptions, argv, command="benchmarks.results")
    clips = choose_clips(find_clips(choose_folder(options.folder)), options.groups, options.limit)
    if len(clips) < 2:
        raise InputError("the set has one clip; two or more are needed, so that one can lend its audio to another")
    subjects = choose_subjects(options.models)
    expert = options.expert or shipped_expert()
    quick = bool(options.groups) or options.limit is not None
    page = options.output or (None if quick else PAGE)
    # The page is published: nobody is shown on it who was not named.
    picture = options.sheet or (SHEET if options.sheet_groups and not quick else None)
    shown = sheet_clips(choose_clips(clips, options.sheet_groups, None), options.sheet_clips)
    _check_outputs(page, picture)
    bench = Bench(options.work, expert, options.sync_model)
    measured = _measure(bench, subjects, clips, options)
    text = tables(measured, clips, facts(bench, subjects, clips))
    print(text)
    if page is not None:
        put_between_markers(page, text)
    if picture is not None:
        draw_sheet(bench, subjects, shown, picture)
    return 0


def choose_folder(folder: Path | None) -> Path:
    """Return the folder of the set."""
    if folder is None and not DEFAULT_SET.is_dir():
        raise InputError(
            f"no set of recordings: {DEFAULT_SET} is not there; give a folder whose subfolders hold recordings of "
            "speakers that the weights were not trained on (make results EVAL_DIR=FOLDER)"
        )
    return folder or DEFAULT_SET


def choose_subjects(models: tuple[str, ...]) -> list[Subject]:
    """Describe who is measured: the mouth as it was, the models, the true frames.

    Raises:
        InputError: a model is not there, is no generator, or is named twice.
    """
    for model in models:
        check_model(model)
    named = [model_subject(name) for name in models or shipped_generators()]
    repeated = [name for name, count in Counter(subject.name for subject in named).items() if count > 1]
    if repeated:
        raise InputError(f"two models are called {repeated[0]}; give files of different names, or one of them only")
    return [BASELINES[0], *named, BASELINES[1]]


def shipped_generators() -> list[str]:
    """Name the shipped generators."""
    return [info.name for info in list_models() if _is_generator(info.name)]


def shipped_expert() -> str | None:
    """Name the shipped expert, if there is one."""
    return next((info.name for info in list_models() if info.network == "expert"), None)


def facts(bench: Bench, subjects: list[Subject], clips: list[Clip]) -> list[str]:
    """Say what was measured with what."""
    groups = sorted(Counter(clip.group for clip in clips).items())
    counts = ", ".join(f"{number} {name}" for name, number in groups)
    said = [
        f"visavox {visavox.__version__}; {len(clips)} clips: {counts}",
        *(f"{subject.name}: weights with SHA-256 {subject.digest}" for subject in subjects if subject.model),
    ]
    networks = [f"sync by the {name} with SHA-256 {digest}" for name, digest in bench.digests.items()]
    return [*said, *(networks or ["sync not measured"])]


def _is_generator(name: str) -> bool:
    try:
        check_model(name)
    except InputError:
        return False
    return True


def _check_outputs(page: Path | None, picture: Path | None) -> None:
    from visavox.media import check_output

    if page is not None:
        check_output(page, (), overwrite=True, extensions=(".md",))
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        check_output(picture, (), overwrite=True, extensions=(".jpg",))


def _measure(
    bench: Bench, subjects: list[Subject], clips: list[Clip], options: ResultsOptions
) -> dict[str, dict[str, dict[Kind, Report]]]:
    measured: dict[str, dict[str, dict[Kind, Report]]] = {subject.name: {} for subject in subjects}
    with options.progress.bar("measure", len(subjects) * len(clips), "clip") as bar:
        for subject in subjects:
            for clip in clips:
                other = next_clip(clip, clips)
                assert other is not None, "there are two clips or more"
                measured[subject.name][clip.name] = measure(bench, subject, clip, other)
                bar.update(1)
    return measured


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))

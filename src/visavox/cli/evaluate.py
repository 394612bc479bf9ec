"""`visavox evaluate`: measure dubbed videos against the true recordings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated

import tyro

from visavox.cli.common import EXIT_DONE, ReportOptions, parse
from visavox.cli.evaluate_pairs import PairOptions, evaluate_pairs
from visavox.evaluation.judge_settings import FaceJudgeSettings


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(FaceJudgeSettings, ReportOptions):
    """Measure dubbed videos against the true recordings.

    Give two videos, two folders (matched by file name; subfolders are groups), or a .csv or .jsonl list with
    `dubbed`, `truth` and, if wanted, `group`, `audio`, `source`. With --protocol nothing is dubbed yet: give the folder
    of a corpus, and with --pairs which video is to be dubbed with which sound.
    """

    dubbed: Annotated[Path, tyro.conf.Positional]
    """Dubbed video, folder of dubbed videos, or list; with --protocol the folder that the list's paths begin in."""
    truth: Path | None = None
    """The recording, or a folder of recordings; not with a list."""
    audio: Path | None = None
    """The speech that the mouth should follow (or a folder); by default each dubbed video's own sound."""
    source: Path | None = None
    """The video that was dubbed, if it is not the recording: pixels outside the mouth are compared with it."""
    expert: str | None = None
    """Name or file of an expert, for expert-D and expert-C: figures of sync that compare with no paper's."""
    sync_model: str | None = None
    """The published SyncNet, converted by `visavox models import syncnet_v2.model`, for LSE-D, LSE-C and the offset."""
    face: str = "largest"
    """Which face: largest, leftmost, rightmost or a number."""
    plot: Path | None = None
    """Draw the two mouths over the sound into this picture (with several videos: a folder of pictures)."""
    curves: bool = False
    """With --json: print the curves frame by frame too."""
    cache: Path | None = None
    """Folder that keeps the landmarks of videos, so that the next evaluation is quick."""
    without_pictures: bool = False
    """Measure landmarks and sound alone: no PSNR, SSIM, sharpness, flicker and outside. Quicker."""
    without_codec: bool = False
    """Do not encode the source once more, which tells the codec's loss from the dub's. Quicker."""
    maximum_lag: int = 15
    """Lags that are tried, in frames."""
    test_set: tyro.conf.OmitArgPrefixes[PairOptions] = field(default_factory=PairOptions)
    """A whole test set."""


def main(argv: list[str]) -> int:
    """Run the command."""
    options = parse(EvaluateOptions, argv, command="evaluate")
    from visavox.evaluation.batch import evaluate_all, group_rows, plan_plots
    from visavox.evaluation.evaluation import EvaluationSettings
    from visavox.evaluation.face_judges import load_face_judges
    from visavox.evaluation.manifest import find_pairs
    from visavox.evaluation.report import format_table, plain
    from visavox.evaluation.track_cache import TrackCache

    settings = EvaluationSettings(
        face=options.face,
        maximum_lag=options.maximum_lag,
        pictures=not options.without_pictures,
        codec_loss=not options.without_codec,
    )
    if options.test_set.asked_for():
        refused = {name: getattr(options, name) for name in ("truth", "audio", "source", "plot", "cache", "curves")}
        judges = {"expert": options.expert, "sync_model": options.sync_model}
        face_judges = FaceJudgeSettings(
            **{each.name: getattr(options, each.name) for each in fields(FaceJudgeSettings)}
        )
        evaluate_pairs(options.dubbed, options.test_set, settings, judges, face_judges, refused, options)
        return EXIT_DONE
    pairs = find_pairs(options.dubbed, options.truth, options.audio, options.source)
    plots = plan_plots(options.plot, pairs)
    reports = evaluate_all(
        pairs,
        expert=options.expert,
        sync_model=options.sync_model,
        settings=settings,
        tracks=TrackCache(options.cache),
        plots=plots,
        face_judges=load_face_judges(options),
        progress=options.progress,
    )
    rows = group_rows(pairs, reports)
    if options.json:
        videos = [
            {"group": pair.group, **report.to_dict(options.curves)} for pair, report in zip(pairs, reports, strict=True)
        ]
        print(json.dumps({"videos": videos, "groups": plain(dict(rows))}, indent=2))
    else:
        print(format_table(rows))
    return EXIT_DONE

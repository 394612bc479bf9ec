"""Dubs of clips played backwards: does the mouth follow the audio, with nothing of the answer in the image?

Every clip of a set of unseen speakers is played backwards and dubbed with its own forward audio; the dubbed mouth
is then compared with that of the true recording. Beside it stand the two mouths that know nothing of the audio: the
one that was there (backwards), and one dubbed with the audio of the next clip of the group.

    python -m benchmarks.backwards EVAL_DIR --model wav2lip -o RESULT.json --check
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

import visavox
from benchmarks.backwards.job import Bench, ClipResult, keep_motion, measure_clip
from benchmarks.backwards.predicted_curves import score_curves
from benchmarks.backwards.table import check_groups, curve_rows, group_results, markdown
from benchmarks.clips import Clip, choose_clips, find_clips, next_clip
from visavox.cli.common import CommonOptions, parse, run
from visavox.evaluation.report import plain
from visavox.evaluation.videos import TrackCache


@dataclass(frozen=True, kw_only=True)
class BackwardsOptions(CommonOptions):
    """Dub every clip of a set, played backwards, with its own audio, and compare it with the recording.

    Prints a table in Markdown. A clip's audio is moved by the lag that INDEX.csv gives for it, where it can be
    trusted.
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of the set: each folder in it a group of recordings; grid_* are one group."""
    model: str = "wav2lip"
    """Name or file of the generator."""
    expert: str | None = None
    """Name or file of an expert, for expert-D and expert-C."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Write all values, clip by clip, to this JSON file."""
    work: Path = Path("results/backwards")
    """Keeps the backward videos, landmarks, audio and dubbed videos. All but the last are used again."""
    index: Path | None = None
    """Table of lags; by default INDEX.csv in or above the folder."""
    groups: tuple[str, ...] = ()
    """Only these groups."""
    limit: int | None = None
    """Only so many clips of each group: a quick look, no result."""
    without_other_sound: bool = False
    """Leave out the baseline that is dubbed with the next clip's audio. Nearly twice as quick; no result."""
    true_motion: bool = False
    """Drive a motion-driven generator by the motion of the recording, not by its audio: the cost of its renderer."""
    reference: str | None = None
    """Reference frame of the dub (auto, same or a number), if it is not the default."""
    curves: Path | None = None
    """Dub nothing: score predicted lip openings instead, an .npz with one array (T,) a clip, named by the clip's
    path below the folder without its ending, one value for every frame of the recording, forwards."""
    check: bool = False
    """End with exit code 1 unless every group of three clips or more meets the thresholds."""


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    options = parse(BackwardsOptions, argv, command="benchmarks.backwards")
    clips = choose_clips(find_clips(options.folder, options.index), options.groups, options.limit)
    if options.output is not None:
        from visavox.media import check_output

        check_output(options.output, (), overwrite=True, extensions=(".json",))
    tracks = TrackCache(options.work / "tracks")
    if options.curves is not None:
        curves = score_curves(options.curves, clips, tracks, options.progress)
        print(markdown(curve_rows(curves)))
        _write(options.output, {"curves": str(options.curves), "groups": dict(curve_rows(curves))})
        return 0
    results = _measure(options, clips, tracks)
    groups = group_results(results)
    driver = "their own motion" if options.true_motion else "their own audio"
    print(f"{options.model}: {len(results)} clips played backwards, dubbed with {driver}\n")
    print(markdown([(name, group.values) for name, group in groups.items()]))
    problems = check_groups(groups)
    print(
        "\nThresholds met in every group." if not problems else "\nNot met:\n" + "\n".join(f"- {p}" for p in problems)
    )
    _write(
        options.output,
        {
            "visavox": visavox.__version__,
            "model": options.model,
            "expert": options.expert,
            "true_motion": options.true_motion,
            "groups": {name: group.values for name, group in groups.items()},
            "not_met": problems,
            "clips": [result.to_dict() for result in results],
        },
    )
    return 1 if options.check and problems else 0


def _measure(options: BackwardsOptions, clips: list[Clip], tracks: TrackCache) -> list[ClipResult]:
    from visavox.dubbing import Dubber

    dub_options: dict[str, Any] = {} if options.reference is None else {"reference": options.reference}
    bench = Bench(Dubber(options.model), dub_options, options.work, options.expert)
    results = []
    for clip in options.progress.track(clips, "dub backwards", unit="clip"):
        other = None if options.without_other_sound or options.true_motion else next_clip(clip, clips)
        if options.true_motion:
            dub_options["motion"] = keep_motion(clip, options.work, tracks)
        results.append(measure_clip(bench, clip, other))
    return results


def _write(path: Path | None, values: dict[str, object]) -> None:
    if path is not None:
        path.write_text(json.dumps(plain(values), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))

"""Values of each group: a table in Markdown, and whether they meet the thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.backwards.job import ClipResult
from benchmarks.backwards.recording_offset import offset_of
from visavox.evaluation.report import Report, summarise
from visavox.metrics.curves import CurveAgreement, mean_best_lag, pool_curves
from visavox.runtime.tables import markdown_table

SMALLEST_GROUP = 3
"""Groups of fewer clips are shown, and need not meet the thresholds."""

MINIMUM_CORRELATION = 0.35
MINIMUM_GAIN, MAXIMUM_GAIN = 0.6, 1.3
MINIMUM_SHARPNESS = 0.6

HEADINGS = {
    "num_clips": ("clips", 0),
    "opening_r": ("opening r", 3),
    "opening_r_pooled": ("pooled r", 3),
    "best_lag": ("best lag", 0),
    "best_lag_pooled": ("pooled lag", 0),
    "recording_offset": ("offset of the recording", 0),
    "gain": ("gain", 2),
    "gain_pooled": ("pooled gain", 2),
    "width_r": ("width r", 3),
    "opening_r_left": ("r, mouth left", 3),
    "opening_r_other": ("r, other audio", 3),
    "lmd": ("LMD", 4),
    "lmd_left": ("LMD, mouth left", 4),
    "lmd_other": ("LMD, other audio", 4),
    "sharpness": ("sharpness", 2),
    "sharpness_amplitude": ("the same, amplitude", 2),
    "sharpness_left": ("sharpness, mouth left", 2),
    "flicker": ("flicker", 2),
    "outside": ("outside", 2),
    "outside_codec": ("outside, codec", 2),
    "silence_motion": ("motion in silence", 4),
    "silence_motion_true": ("the same, recording", 4),
    "expert_d": ("expert-D", 3),
    "expert_c": ("expert-C", 3),
    "expert_offset": ("expert offset", 1),
    "expert_d_true": ("expert-D, recording", 3),
    "expert_c_true": ("expert-C, recording", 3),
}
"""Value to its heading and the digits after its point."""


@dataclass(frozen=True)
class Group:
    """Values of one group of clips."""

    values: dict[str, float]
    """By the keys of HEADINGS."""


def group_results(results: Sequence[ClipResult]) -> dict[str, Group]:
    """Average the clips of each group, groups in alphabetical order."""
    names = sorted({result.clip.group for result in results})
    return {name: Group(_values([r for r in results if r.clip.group == name])) for name in names}


def _values(results: Sequence[ClipResult]) -> dict[str, float]:
    dubbed = [result.dubbed for result in results]
    left = [result.left for result in results]
    other = [result.other_audio for result in results if result.other_audio is not None]
    whole = summarise(dubbed).values
    return {
        "num_clips": len(results),
        "opening_r": _mean(dubbed, "opening.correlation"),
        "opening_r_pooled": whole.get("pooled.correlation", math.nan),
        "best_lag": whole.get("opening.best_lag", math.nan),
        "best_lag_pooled": whole.get("pooled.best_lag", math.nan),
        "recording_offset": offset_of([result.recording for result in results]),
        "gain": _mean(dubbed, "opening.gain"),
        "gain_pooled": whole.get("pooled.gain", math.nan),
        "width_r": _mean(dubbed, "width.correlation"),
        "opening_r_left": _mean(left, "opening.correlation"),
        "opening_r_other": _mean(other, "opening.correlation"),
        "lmd": _mean(dubbed, "landmark_distance"),
        "lmd_left": _mean(left, "landmark_distance"),
        "lmd_other": _mean(other, "landmark_distance"),
        "sharpness": _mean(dubbed, "sharpness"),
        "sharpness_amplitude": _mean(dubbed, "sharpness", math.sqrt),
        "sharpness_left": _mean(left, "sharpness"),
        "flicker": _mean(dubbed, "flicker"),
        "outside": _mean(dubbed, "outside.mean"),
        "outside_codec": _mean(dubbed, "outside.codec_mean"),
        "silence_motion": _mean(dubbed, "silence.motion"),
        "silence_motion_true": _mean(dubbed, "silence.true_motion"),
        "expert_d": _mean(dubbed, "expert_sync.distance"),
        "expert_c": _mean(dubbed, "expert_sync.confidence"),
        "expert_offset": _mean(dubbed, "expert_sync.offset"),
        "expert_d_true": _mean(dubbed, "true_expert_sync.distance"),
        "expert_c_true": _mean(dubbed, "true_expert_sync.confidence"),
    }


def _mean(reports: Sequence[Report], name: str, of: Callable[[float], float] = float) -> float:
    """Mean over the reports that have the value; NaN if none has."""
    values = [of(report.values[name]) for report in reports if name in report.values]
    return float(np.mean(values)) if values else math.nan


def curve_rows(
    curves: dict[str, list[tuple[np.ndarray, np.ndarray, CurveAgreement]]],
) -> list[tuple[str, dict[str, Any]]]:
    """Describe predicted curves: for each group a list of predicted curve, true curve and their agreement."""
    rows = []
    for name, clips in curves.items():
        agreements = [agreement for _, _, agreement in clips]
        pooled = pool_curves([(predicted, true) for predicted, true, _ in clips])
        rows.append(
            (
                name,
                {
                    "num_clips": len(clips),
                    "opening_r": float(np.nanmean([each.correlation for each in agreements])),
                    "opening_r_pooled": pooled.correlation,
                    "best_lag": mean_best_lag(agreements)[0],
                    "best_lag_pooled": pooled.best_lag,
                    "gain": float(np.nanmean([each.gain for each in agreements])),
                    "gain_pooled": pooled.gain,
                },
            )
        )
    return rows


def check_groups(groups: dict[str, Group]) -> list[str]:
    """Say which thresholds are not met; a value that could not be measured does not meet its own."""
    counted = {name: group for name, group in groups.items() if group.values["num_clips"] >= SMALLEST_GROUP}
    if not counted:
        return [f"no group has {SMALLEST_GROUP} clips, so none was held to them"]
    return [f"{name}: {problem}" for name, group in counted.items() for problem in _problems(group.values)]


def _problems(values: dict[str, float]) -> list[str]:
    problems = []
    if not values["opening_r"] >= MINIMUM_CORRELATION:
        problems.append(f"opening correlation {values['opening_r']:.3f}, wanted at least {MINIMUM_CORRELATION}")
    # A dub follows its audio: where that is apart from the recording's video, the dub may be as far from it.
    own = values["recording_offset"]
    if not min(0, own) <= values["best_lag"] <= max(0, own):
        problems.append(f"best lag {values['best_lag']:+.0f} frames, wanted 0, or up to the recording's own offset")
    if not MINIMUM_GAIN <= values["gain"] <= MAXIMUM_GAIN:
        problems.append(f"gain {values['gain']:.2f}, wanted {MINIMUM_GAIN} to {MAXIMUM_GAIN}")
    if not values["sharpness"] >= MINIMUM_SHARPNESS:
        problems.append(f"sharpness {values['sharpness']:.2f}, wanted at least {MINIMUM_SHARPNESS}")
    for key, words in (("lmd_left", "the mouth left as it was"), ("lmd_other", "the audio of another clip")):
        if not values["lmd"] < values[key]:
            problems.append(f"LMD {values['lmd']:.4f}, wanted below that of {words}, {values[key]:.4f}")
    return problems


def markdown(rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Lay values out, a line for each and a column for each group; values that no group has are left out."""
    lines = [["", *(name for name, _ in rows)]]
    for key, (heading, decimals) in HEADINGS.items():
        cells = [_cell(values.get(key), decimals) for _, values in rows]
        if any(cell != "-" for cell in cells):
            lines.append([heading, *cells])
    return markdown_table(lines[0], lines[1:])


def _cell(value: Any, decimals: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{decimals}f}"

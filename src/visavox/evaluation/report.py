"""The report of an evaluation: its figures for one pair of videos, and the table over many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from visavox.evaluation.descriptions import DESCRIPTIONS
from visavox.evaluation.face_figures import FaceFeatures, FaceFigures
from visavox.metrics.curves import CurveAgreement, mean_best_lag, pool_curves
from visavox.metrics.frechet import frechet_inception_distance
from visavox.metrics.picture import OutsideDifference
from visavox.metrics.silence import SilenceMotion
from visavox.metrics.sync import LipSyncError, SyncScore


@dataclass(frozen=True)
class Curves:
    """The mouth of both videos, frame by frame: what the agreements were computed from."""

    times: np.ndarray
    """float64 (T,): presentation times of the dubbed frames, seconds."""
    opening: np.ndarray
    """float64 (T,): lip opening of the dubbed video, NaN without a face."""
    true_opening: np.ndarray
    """float64 (T,): of the recording at the same times."""
    width: np.ndarray
    """float64 (T,): lip width of the dubbed video."""
    true_width: np.ndarray
    """float64 (T,): of the recording."""


@dataclass(frozen=True)
class Report:
    """What was measured on one dubbed video. A figure that could not be measured is NaN or None."""

    dubbed: str
    """Path of the dubbed video."""
    truth: str
    """Path of the recording that it was compared with."""
    num_frames: int
    """Frames of the dubbed video that have a partner in the truth."""
    num_compared: int
    """Of these, frames with a face in both."""
    frame_rate: float
    """Frames a second of the dubbed video."""
    opening: CurveAgreement
    """Lip opening against the truth."""
    width: CurveAgreement
    """Lip width against the truth."""
    landmark_distance: float
    """LMD, mean over frames, in distances of the outer eye corners (`landmark.landmark_distance`)."""
    psnr: float = math.nan
    """Of the mouth region, dB, from the squared error over all frames (`picture.psnr`)."""
    ssim: float = math.nan
    """Of the mouth region, mean over frames (`picture.ssim`)."""
    aligned: bool = False
    """PSNR and SSIM were taken after moving the dubbed face onto the true one, because the heads do not coincide."""
    sharpness: float = math.nan
    """Energy of fine detail in the mouth region over that of the truth (`picture.laplacian_energy`)."""
    flicker: float = math.nan
    """Second difference in time of the repainted region over that of the truth (`flicker`)."""
    outside: OutsideDifference | None = None
    """Pixels outside the repainted region against the source; None if there is no source to compare with."""
    silence: SilenceMotion | None = None
    """The mouth in silence; None without sound."""
    expert_sync: SyncScore | None = None
    """expert-D, expert-C and offset by an expert of ours; None if none was given."""
    true_expert_sync: SyncScore | None = None
    """The same of the true recording with its own sound."""
    lse: LipSyncError | None = None
    """LSE-D, LSE-C and offset by the published SyncNet; None if it was not given."""
    true_lse: LipSyncError | None = None
    """The same of the true recording with its own sound."""
    face: FaceFigures | None = None
    """LPIPS, CPBD and identity of the face; None if nothing of it was asked for."""
    not_measured: Mapping[str, str] = field(default_factory=dict)
    """What was asked for and could not be measured: path of the figure -> why."""
    features: FaceFeatures | None = field(default=None, repr=False, compare=False)
    """Inception features of the faces, which FID is made of; None if it was not asked for. 16 kB a frame."""
    curves: Curves | None = field(default=None, repr=False, compare=False)
    """The curves themselves."""

    def to_dict(self, curves: bool = False) -> dict[str, Any]:
        """Return the report as plain values for JSON (None where a figure is not a finite number).

        Args:
            curves: include the curves frame by frame.
        """
        values = asdict(replace(self, features=None))
        del values["features"]
        frames = values.pop("curves")
        if curves and frames is not None:
            values["curves"] = {name: array.tolist() for name, array in frames.items()}
        return plain(values)


@dataclass(frozen=True)
class Column:
    """One column of the table."""

    title: str
    """Heading."""
    path: str
    """Where the figure is in a report: attribute names joined by dots."""
    decimals: int
    """Digits after the point."""
    block: str = ""
    """Columns of one block stand in one table, which this heads."""

    @property
    def heading(self) -> str:
        """The title, and an arrow up or down where a higher or a lower figure is better."""
        known = DESCRIPTIONS.get(self.path)
        arrow = {True: " ↑", False: " ↓", None: ""}[known.higher_is_better if known else None]
        return self.title + arrow


def _sync_columns(block: str, names: tuple[str, str, str], path: str) -> tuple[Column, ...]:
    """Return the figures of a judge, each with that of the real video beside it."""
    columns = []
    for name, attribute, decimals in zip(names, ("distance", "confidence", "offset"), (3, 3, 1), strict=True):
        columns.append(Column(name, f"{path}.{attribute}", decimals, block))
        columns.append(Column(f"real {name}", f"true_{path}.{attribute}", decimals, block))
    return tuple(columns)


COLUMNS = (
    Column("open r", "opening.correlation", 2),
    Column("lag", "opening.best_lag", 0),
    Column("gain", "opening.gain", 2),
    Column("width r", "width.correlation", 2),
    Column("LMD", "landmark_distance", 4),
    Column("PSNR", "psnr", 1),
    Column("SSIM", "ssim", 3),
    Column("LPIPS", "face.lpips", 3),
    Column("FID", "fid", 1),
    Column("sharp", "sharpness", 2),
    Column("CPBD", "face.cpbd", 3),
    Column("true CPBD", "face.true_cpbd", 3),
    Column("identity", "face.identity", 3),
    Column("flicker", "flicker", 2),
    Column("outside", "outside.mean", 2),
    Column("codec", "outside.codec_mean", 2),
    Column("sil.move", "silence.motion", 4),
    Column("sil.open", "silence.opening", 3),
    *_sync_columns("whole frame", ("LSE-D frame", "LSE-C frame", "offset frame"), "lse.whole_frame"),
    *_sync_columns("tracked crop", ("LSE-D crop", "LSE-C crop", "offset crop"), "lse.tracked_crop"),
    *_sync_columns("expert", ("expert-D", "expert-C", "expert offset"), "expert_sync"),
)
"""What the tables of `visavox evaluate` show; a column that no report has a figure for is left out."""


def figure(report: Report, path: str) -> float:
    """Read one figure of a report by its dotted path; NaN where it was not measured."""
    value: Any = report
    for name in path.split("."):
        value = getattr(value, name, None)
    return math.nan if value is None else float(value)


def summarise(reports: Sequence[Report]) -> dict[str, Any]:
    """Average the figures of many reports.

    Args:
        reports: of one group, at least one.

    Returns:
        For every column its mean over the reports that have it (medians are nowhere); `opening.best_lag` is the
        lag at which the correlation averaged over the reports is highest, not the mean of noisy lags;
        `fid` is that of all faces of all reports; `not_measured` says what was asked for and is missing, and why;
        `pooled` holds correlation, best lag and gain over all frames taken together.
    """
    summary: dict[str, Any] = {"num_videos": len(reports)}
    for column in COLUMNS:
        values = np.array([figure(report, column.path) for report in reports])
        values = values[~np.isnan(values)]
        summary[column.path] = float(values.mean()) if len(values) else math.nan
    summary["opening.best_lag"], summary["opening.best_correlation"] = mean_best_lag([r.opening for r in reports])
    summary["fid"], summary["not_measured"] = _pooled_fid(reports), {}
    for report in reports:
        summary["not_measured"].update(report.not_measured)
    curves = [report.curves for report in reports if report.curves is not None]
    if curves:
        summary["pooled"] = asdict(pool_curves([(each.opening, each.true_opening) for each in curves]))
    return summary


def _pooled_fid(reports: Sequence[Report]) -> float:
    """FID of the faces of all reports; NaN where it was not measured for all of them."""
    features = [report.features for report in reports if report.features is not None]
    if not features or len(features) < len(reports):
        return math.nan
    dubbed, true = ([getattr(each, name) for each in features] for name in ("dubbed", "true"))
    return frechet_inception_distance(np.concatenate(dubbed), np.concatenate(true))


def format_table(rows: Sequence[tuple[str, dict[str, Any]]], columns: Sequence[Column] = COLUMNS) -> str:
    """Lay out summaries as tables of plain text, one for each block of columns.

    Args:
        rows: name and figures by column path, as `summarise` gives them.
        columns: what to show; one without any figure, and without a reason for having none, is left out, and so is a
            block without any.
    """
    shown = [column for column in columns if any(_cell(figures, column) != "-" for _, figures in rows)]
    blocks = dict.fromkeys(["", *(column.block for column in shown)])
    return "\n\n".join(_format_block(rows, block, [each for each in shown if each.block == block]) for block in blocks)


def _format_block(rows: Sequence[tuple[str, dict[str, Any]]], title: str, shown: Sequence[Column]) -> str:
    cells = [[title, *(column.heading for column in shown)]]
    for name, figures in rows:
        cells.append([name, *(_cell(figures, column) for column in shown)])
    widths = [max(len(row[index]) for row in cells) for index in range(len(shown) + 1)]
    lines = []
    for row in cells:
        name = row[0].ljust(widths[0])
        lines.append("  ".join([name, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]))
    return "\n".join(line.rstrip() for line in lines)


def plain(value: Any) -> Any:
    """Turn numpy values into Python's and numbers that JSON does not know into None, all the way down."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _cell(figures: Mapping[str, Any], column: Column) -> str:
    value = figures.get(column.path)
    if isinstance(value, int | float) and not math.isnan(value):
        return f"{value:.{column.decimals}f}"
    return str(figures.get("not_measured", {}).get(column.path, "-"))

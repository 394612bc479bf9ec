"""Settings of a run over a test set. Settings only: nothing heavy is loaded here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import visavox
from visavox.metrics import Metrics, choose_metrics, metric_class
from visavox.runtime.ranges import Range, check_ranges
from visavox.types import PathLike


def default_metrics() -> dict[str, Any]:
    """Return the options of the metrics that are measured by default, by the name of the metric."""
    return {name: metric.options for name, metric in choose_metrics().items()}


@dataclass(frozen=True)
class ProtocolSettings:
    """Choices of how the pairs of a list are dubbed and measured."""

    model: PathLike = "wav2lip"
    """Name or file of the generator."""
    device: str = "auto"
    """Device of the generator: auto, cpu or cuda."""
    extend_videos: bool = False
    """Play a video back and forth where its audio is longer; the published protocol leaves such pairs out."""
    face: str = "largest"
    """Face that is dubbed and measured: largest, leftmost, rightmost or a number."""
    metrics: Mapping[str, Any] = field(default_factory=default_metrics)
    """Name of each metric that is measured -> its options (`Metric.options_type`)."""
    workers: Annotated[int | None, Range(0, 256, lowest="none but this process", name="the number of workers")] = None
    """Processes; None: one for each core, at most 8; 0: this very process."""
    num_images: Annotated[int, Range(minimum=0)] = 8
    """Pairs that the HTML report shows."""
    redo: bool = False
    """Do every pair again, also those that are finished; needed when what is measured changes."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)

    def make_metrics(self) -> Metrics:
        """Make the metrics, in the order of the settings."""
        return {name: metric_class(name)(options) for name, options in self.metrics.items()}

    def content(self) -> dict[str, Any]:
        """Return what the values depend on, as JSON values; weights by their SHA-256, whatever they are called."""
        from visavox.metrics import model_digest

        return {
            "visavox": visavox.__version__,
            "model": model_digest(str(self.model)),
            "extend_videos": self.extend_videos,
            "face": self.face,
            "metrics": {name: metric.content() for name, metric in sorted(self.make_metrics().items())},
        }


def upgrade_content(stored: dict[str, Any]) -> dict[str, Any]:
    """Bring `ProtocolSettings.content` of an earlier version, in which metrics had no names, into today's form."""
    if "measures" not in stored:
        return stored
    measures, networks, faces = stored["measures"], stored["judges"], stored["face_judges"]
    metrics: dict[str, Any] = {
        "landmark_distance": {},
        "lip_motion": {"maximum_lag": measures["maximum_lag"]},
        "silence": {name: measures[name] for name in ("minimum_silence", "silence_margin")},
    }
    if measures["pictures"]:
        metrics |= {name: {} for name in ("psnr", "ssim", "sharpness", "flicker")}
        metrics["outside"] = {"without_codec": not measures["codec_loss"]}
    for name, option in (("expert_sync", "expert"), ("lip_sync_error", "sync_model")):
        if option in networks:
            metrics[name] = {option: networks[option]}
    if faces["lpips"]:
        metrics["lpips"] = {name: faces[name] for name in ("lpips", "lpips_weights", "lpips_linear")}
    if faces["fid"]:
        metrics["fid"] = {"fid_weights": faces["fid_weights"]}
    if faces["cpbd"]:
        metrics["cpbd"] = {}
    if faces["identity"]:
        metrics["identity"] = {"identity": faces["identity"]}
    kept = {name: stored[name] for name in ("visavox", "model", "extend_videos")}
    return {**kept, "face": measures["face"], "metrics": dict(sorted(metrics.items()))}

"""A metric as a third party writes it: one file, one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from visavox.metrics.metric import Measure, Metric, MetricInfo, Result
from visavox.metrics.pair import FaceFrame, VideoPair


@dataclass(frozen=True)
class BrightnessOptions:
    """Options of the metric."""

    brightness_scale: float = 1.0
    """Number by which the difference is multiplied."""


class Brightness(Metric):
    """Mean difference in brightness of dubbed and true frames."""

    infos = (
        MetricInfo(
            name="brightness",
            column="brightness",
            title="Difference in brightness",
            formula="mean over frames of |mean level of the dubbed frame - that of the true one|",
            higher_is_better=False,
            best="0",
        ),
    )
    needs = frozenset({"frames"})
    options_type: ClassVar[type] = BrightnessOptions
    by_default: ClassVar[bool] = False

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _Differences(self.options.brightness_scale)


class _Differences(Measure):
    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._found: list[float] = []

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        """Take a pair of frames."""
        if true_frame is not None:
            self._found.append(self._scale * abs(float(frame.image.mean()) - float(true_frame.image.mean())))

    def result(self) -> Result:
        """Return the mean."""
        return {"brightness": sum(self._found) / len(self._found) if self._found else float("nan")}

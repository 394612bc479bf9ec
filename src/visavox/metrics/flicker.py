"""Flicker ratio: trembling from frame to frame in the generated region, over that of the recording."""

from __future__ import annotations

from collections import deque

import numpy as np

from visavox.face.geometry import CropSpec, crop_transforms, eye_distance, warp_crop
from visavox.metrics.metric import Measure, Metric, MetricInfo, Result, ratio
from visavox.metrics.pair import FaceFrame, VideoPair, luma


class Flicker(Metric):
    """Second difference in time of the generated region over that of the recording (`second_difference_energy`)."""

    infos = (
        MetricInfo(
            name="flicker",
            column="flicker",
            title="Flicker ratio",
            formula="root mean square of the second difference in time of the generated region over that of the true "
            "one",
            decimals=2,
            best="1",
            undefined="there are no three frames in a row with a face in both videos",
        ),
    )
    needs = frozenset({"frames"})

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _FlickerMeasure(pair)


class _FlickerMeasure(Measure):
    def __init__(self, pair: VideoPair) -> None:
        true = pair.true.track
        # One pixel of a stabilised crop is one pixel of the recording.
        unit = float(np.nanmedian(eye_distance(true.landmarks[true.usable])))
        self._size = 2 * max(16, round(CropSpec().side * unit / 2))
        spec = CropSpec(size=self._size)
        self._transforms = [crop_transforms(track, spec) for track in (pair.dubbed.track, true)]
        self._meters = (FlickerMeter(), FlickerMeter())
        self._shots: tuple[int, int] | None = None

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        if true_frame is None:
            self._interrupt()
            return
        shots = frame.shot, true_frame.shot
        if shots != self._shots:
            self._interrupt()
            self._shots = shots
        for each, transforms, meter in zip((frame, true_frame), self._transforms, self._meters, strict=True):
            # The networks generate the lower half of the crop.
            meter.add(warp_crop(each.image, transforms[each.index], self._size)[self._size // 2 :])

    def result(self) -> Result:
        return {"flicker": ratio(self._meters[0].root_energy, self._meters[1].root_energy)}

    def _interrupt(self) -> None:
        for meter in self._meters:
            meter.interrupt()


def second_difference_energy(first: np.ndarray, middle: np.ndarray, last: np.ndarray) -> float:
    """Mean square of the second difference in time of three stabilised crops' luma.

        E(t) = mean over pixels of (x[t - 1] - 2 x[t] + x[t + 1])^2

    Even motion of light and shade cancels in it; trembling and popping do not. Flicker is the square root of
    the mean of E over the dubbed frames divided by that over the true ones: 1 is as steady as the recording,
    less is stiller (also a mouth that moves less), more trembles. The crops follow the rigid points of the face
    (`visavox.face.geometry.crop`, aligned, smoothed as the networks' crops are), so the head's own motion is taken out.

    Args:
        first: uint8 (H, W, 3), of frame t - 1.
        middle: the same of frame t.
        last: the same of frame t + 1.

    >>> flat = [np.full((4, 4, 3), level, np.uint8) for level in (10, 12, 14, 10)]
    >>> round(second_difference_energy(*flat[:3]), 3), round(second_difference_energy(*flat[1:]), 3)
    (0.0, 36.0)
    """
    difference = luma(first) - 2 * luma(middle) + luma(last)
    return float(np.mean(difference.astype(np.float64) ** 2))


class FlickerMeter:
    """Gathers the second difference over a video, frame after frame."""

    def __init__(self) -> None:
        self._crops: deque[np.ndarray] = deque(maxlen=3)
        self.energies: list[float] = []
        """E of every three consecutive crops."""

    def add(self, crop: np.ndarray) -> None:
        """Take the stabilised crop of the next frame, uint8 RGB (H, W, 3)."""
        self._crops.append(crop)
        if len(self._crops) == 3:
            self.energies.append(second_difference_energy(*self._crops))

    def interrupt(self) -> None:
        """Forget the last frames: a cut follows, or a frame without the face."""
        self._crops.clear()

    @property
    def root_energy(self) -> float:
        """Root of the mean energy, in 8-bit levels; NaN for fewer than three consecutive frames."""
        return float(np.sqrt(np.mean(self.energies))) if self.energies else float("nan")

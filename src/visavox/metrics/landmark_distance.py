"""Landmark distance (LMD): how far the dubbed lips are from the true ones, head motion taken out."""

from __future__ import annotations

import numpy as np

from visavox.face.geometry import RIGID, eye_distance
from visavox.face.geometry.landmarks import LIPS_INNER, LIPS_OUTER
from visavox.metrics.metric import Measure, Metric, MetricInfo, Result
from visavox.metrics.pair import VideoPair, fit_similarity, transform_points

_LIPS = list(LIPS_OUTER + LIPS_INNER)
_RIGID = list(RIGID)


class LandmarkDistance(Metric):
    """LMD, mean over the frames with a face in both videos (`landmark_distance`)."""

    infos = (
        MetricInfo(
            name="landmark_distance",
            column="LMD",
            title="Landmark distance",
            formula="mean distance of lip landmarks to the true ones, after the head's motion is taken out by a "
            "similarity fit",
            source="after Chen et al., ECCV 2018",
            unit="distances of the outer eye corners",
            decimals=4,
            higher_is_better=False,
            best="0",
            needs_same_words=True,
        ),
    )

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _LandmarkMeasure(pair)


class _LandmarkMeasure(Measure):
    def __init__(self, pair: VideoPair) -> None:
        self._pair = pair

    def result(self) -> Result:
        pair, both = self._pair, self._pair.both
        dubbed, true = pair.dubbed.track.landmarks[both], pair.true.track.landmarks[pair.partners[both]]
        return {"landmark_distance": float(np.nanmean(landmark_distance(dubbed, true)))}


def landmark_distance(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Landmark distance of every frame.

        LMD(t) = mean over lip points k of |S_t(p_tk) - q_tk| / |q_t,33 - q_t,263|

    S_t is the similarity transform that best brings the rigid points of the predicted face (corners of the
    eyes, nose, forehead: `visavox.face.geometry.landmarks.RIGID`) onto those of the true one, so neither the place nor
    the tilt of the head counts; k runs over the 40 points of the outer and inner border of the lips. After
    "Lip Movements Generation at a Glance" (Chen et al., 2018), which leaves alignment and unit open; values of
    other papers do not compare with these.

    Args:
        predicted: (..., 478, 2 or 3), landmarks of the dubbed video in pixels.
        true: (..., 478, 2 or 3), of the recording.

    Returns:
        (...), 0 or more, in distances of the outer eye corners; NaN where landmarks are.
    """
    first, second = predicted[..., :2].astype(np.float64), true[..., :2].astype(np.float64)
    aligned = transform_points(fit_similarity(first[..., _RIGID, :], second[..., _RIGID, :]), first[..., _LIPS, :])
    distance = np.linalg.norm(aligned - second[..., _LIPS, :], axis=-1).mean(axis=-1)
    relative: np.ndarray = distance / eye_distance(second)
    return relative

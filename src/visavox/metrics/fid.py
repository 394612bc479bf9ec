"""FID: Frechet distance of the Inception features of dubbed and true faces, over many frames."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visavox.errors import InputError
from visavox.metrics.face_crops import FaceCropMeasure
from visavox.metrics.frechet import Moments, frechet_distance
from visavox.metrics.metric import Measure, Metric, MetricInfo, NotMeasured, Result
from visavox.metrics.pair import VideoPair

if TYPE_CHECKING:
    from torch import Tensor

    from visavox.models.perceptual import FidInception

NO_INCEPTION = "no Inception weights"

FEATURES = "fid.features"
"""Name of the array in a result: float32 (2, T, 2048), of the dubbed and of the true faces."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FidOptions:
    """Frechet distance of a set of faces."""

    fid: bool = False
    """Measure FID of the faces, over all frames of a group."""
    fid_weights: Path | None = None
    """File with the Inception weights of FID (pt_inception-2015-12-05-6726825d.pth); found or fetched by default."""


class Fid(Metric):
    """FID of all faces of a group of videos. One video gives its features alone, 16 kB a frame (`FEATURES`)."""

    infos = (
        MetricInfo(
            name="fid",
            column="FID",
            title="Frechet inception distance",
            formula="Frechet distance of two Gaussians fitted to the Inception features of all dubbed and all true "
            "face crops",
            source="Heusel et al., NeurIPS 2017; network and resizing of pytorch-fid",
            decimals=1,
            higher_is_better=False,
            best="0",
            of_groups=True,
        ),
    )
    needs = frozenset({"frames"})
    options_type = FidOptions
    features = (FEATURES,)
    by_default = False

    def __init__(self, options: FidOptions | None = None) -> None:
        super().__init__(options)
        self._has_none = False

    @cached_property
    def _network(self) -> FidInception:
        from visavox.weights import load_inception

        return load_inception(self.options.fid_weights)

    def prepare(self) -> None:
        """Load the network.

        Raises:
            InputError: the file that was given cannot be used.
            NotMeasured: none was given, and none can be had; the log says what to download.
        """
        if self._has_none:  # nobody waits for a second download to fail
            raise NotMeasured(NO_INCEPTION)
        try:
            _ = self._network
        except InputError as error:
            if self.options.fid_weights is not None:
                raise
            self._has_none = True
            _logger.warning("FID is not measured: %s", error)
            raise NotMeasured(NO_INCEPTION) from error

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _FidMeasure(self._network)

    def facts(self) -> list[str]:
        """Say of what."""
        return ["FID of the face crops of all frames of all pairs, dubbed against real"]

    def content(self) -> dict[str, Any]:
        """Return the SHA-256 of the weights that were given."""
        return {"fid_weights": super().content()["fid_weights"]}

    @classmethod
    def reduce(cls, results: Iterable[Result]) -> dict[str, float]:
        """Fit the Gaussians to the faces of all results; no value unless all of them have features, two in all."""
        dubbed, true = Moments(), Moments()
        for result in results:
            features = result.get(FEATURES)
            if not isinstance(features, np.ndarray):
                return {}
            dubbed.add(features[0])
            true.add(features[1])
        if dubbed.count < 2:
            return {}
        return {"fid": frechet_distance(dubbed.mean, dubbed.covariance, true.mean, true.covariance)}


class _FidMeasure(FaceCropMeasure):
    def __init__(self, network: FidInception) -> None:
        super().__init__()
        self._network = network
        self._features: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])

    def take(self, faces: Tensor, true_faces: Tensor) -> None:
        for images, found in zip((faces, true_faces), self._features, strict=True):
            found.append(self._network(images).numpy())

    def result(self) -> Result:
        self.finish()
        if not self._features[0]:
            raise NotMeasured("no frame has a face in both videos")
        return {FEATURES: np.stack([np.concatenate(each) for each in self._features])}

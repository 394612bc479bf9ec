"""LPIPS: learned perceptual distance of the dubbed face from the true one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from visavox.errors import InputError
from visavox.metrics.face_crops import FaceCropMeasure
from visavox.metrics.metric import Measure, Metric, MetricInfo, Result, mean
from visavox.metrics.pair import VideoPair

if TYPE_CHECKING:
    from torch import Tensor

    from visavox.models.perceptual import Lpips


@dataclass(frozen=True, kw_only=True)
class LpipsOptions:
    """Learned perceptual distance."""

    lpips: Literal["alex", "vgg", "squeeze"] | None = None
    """Measure LPIPS of the face, by this network."""
    lpips_weights: Path | None = None
    """File with the ImageNet weights of that network, as torchvision publishes them; found or fetched by default."""
    lpips_linear: Path | None = None
    """File with the linear weights of LPIPS; by default those of an installed `lpips` or `torchmetrics`, or fetched."""


class LpipsMetric(Metric):
    """LPIPS of the face crop, mean over frames; by AlexNet unless another network is chosen."""

    infos = (
        MetricInfo(
            name="lpips",
            column="LPIPS",
            title="Learned perceptual distance",
            formula="squared differences of unit-normalised ImageNet features of the face crop (256 pixels), weighed "
            "channel by channel as people judge, mean over places, sum over layers; mean over frames",
            source="Zhang et al., CVPR 2018, version 0.1",
            range="0 or more, mostly below 1",
            higher_is_better=False,
            best="0",
            needs_same_words=True,
        ),
    )
    needs = frozenset({"frames"})
    options_type = LpipsOptions
    by_default = False

    def __init__(self, options: LpipsOptions | None = None) -> None:
        super().__init__(options)
        if self.options.lpips is None and (self.options.lpips_weights or self.options.lpips_linear):
            raise InputError("weights of LPIPS were given, but not of which network; add --lpips alex, vgg or squeeze")
        self._name = self.options.lpips or "alex"

    @cached_property
    def _network(self) -> Lpips:
        from visavox.weights import load_lpips

        return load_lpips(self._name, weights=self.options.lpips_weights, linear=self.options.lpips_linear)

    def prepare(self) -> None:
        """Load the network."""
        _ = self._network

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _LpipsMeasure(self._network)

    def facts(self) -> list[str]:
        """Say by which network."""
        return [f"LPIPS of the face crop by {self._name}, version 0.1"]

    def content(self) -> dict[str, Any]:
        """Return the network and the SHA-256 of the weights that were given."""
        return {**super().content(), "lpips": self._name}


class _LpipsMeasure(FaceCropMeasure):
    def __init__(self, network: Lpips) -> None:
        super().__init__()
        self._network = network
        self._values: list[float] = []

    def take(self, faces: Tensor, true_faces: Tensor) -> None:
        self._values += self._network(faces, true_faces).tolist()

    def result(self) -> Result:
        self.finish()
        return {"lpips": mean(self._values)}

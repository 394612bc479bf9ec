"""Expert-D, expert-C and offset: sync by an expert of ours, whose values compare with no paper's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from visavox.metrics.metric import Measure, Metric, model_digest
from visavox.metrics.pair import VideoPair
from visavox.metrics.sync import SyncMeasure, sync_infos

if TYPE_CHECKING:
    from visavox.metrics.expert_windows import LoadedExpert

DEFAULT_EXPERT = "expert"
"""Name of the shipped weights."""


@dataclass(frozen=True, kw_only=True)
class ExpertSyncOptions:
    """Sync by an expert of ours."""

    expert: str | None = None
    """Name or file of an expert, for expert-D and expert-C: values of sync that compare with no paper's."""


class ExpertSync(Metric):
    """Distance, confidence and offset by an expert; by the shipped one unless another is chosen."""

    infos = sync_infos(
        "expert_sync",
        ("expert-D", "expert-C", "expert offset"),
        "expert",
        "the same arithmetic with an expert of ours; not LSE",
    )
    needs = frozenset({"all_frames"})
    options_type = ExpertSyncOptions
    by_default = False

    @property
    def _name(self) -> str:
        return str(self.options.expert or DEFAULT_EXPERT)

    @cached_property
    def _expert(self) -> LoadedExpert:
        from visavox.metrics.expert_windows import load_expert

        return load_expert(self._name)

    def prepare(self) -> None:
        """Load the expert."""
        _ = self._expert

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos.

        Raises:
            NotMeasured: neither has audio.
        """
        from visavox.metrics.expert_windows import ExpertWindows

        return SyncMeasure(pair, "expert_sync", lambda video, audio: ExpertWindows(self._expert, video.track, audio))

    def facts(self) -> list[str]:
        """Say which expert."""
        return [f"expert {self._name}, SHA-256 {model_digest(self._name)}"]

    def content(self) -> dict[str, Any]:
        """Return the SHA-256 of the weights."""
        return {"expert": model_digest(self._name)}

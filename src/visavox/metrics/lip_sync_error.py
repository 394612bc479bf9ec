"""LSE-D, LSE-C and the offset as papers give them: by the SyncNet of 2016, by its published evaluation.

Prajwal et al. ("A Lip Sync Expert Is All You Need", 2020) show SyncNet whole frames where the test set is cropped to
faces already (LRS2, LRS3, LRW), and the crops of SyncNet's own pipeline for other videos. The two do not compare with
each other, so both are measured. `docs/sync-metrics.md` has the protocol and where ours differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from visavox.errors import InputError
from visavox.metrics.metric import Measure, Metric, model_digest
from visavox.metrics.pair import VideoPair
from visavox.metrics.sync import SyncMeasure, sync_infos

if TYPE_CHECKING:
    from visavox.models.sync import SyncNet

_CHUNG = "Chung and Zisserman, ACCV workshops 2016; Prajwal et al., ACM MM 2020"


@dataclass(frozen=True, kw_only=True)
class LipSyncErrorOptions:
    """Sync by the published SyncNet."""

    sync_model: str | None = None
    """The published SyncNet, converted by `visavox models import syncnet_v2.model`, for LSE-D, LSE-C and the offset."""


class LipSyncErrorMetric(Metric):
    """LSE-D, LSE-C and offset of whole frames and of tracked crops."""

    infos = (
        *sync_infos(
            "lse.whole_frame",
            ("LSE-D frame", "LSE-C frame", "offset frame"),
            "whole frame",
            f"{_CHUNG}; SyncNet on whole frames",
        ),
        *sync_infos(
            "lse.tracked_crop",
            ("LSE-D crop", "LSE-C crop", "offset crop"),
            "tracked crop",
            f"{_CHUNG}; SyncNet on tracked crops",
        ),
    )
    needs = frozenset({"all_frames"})
    options_type = LipSyncErrorOptions
    by_default = False

    @property
    def _name(self) -> str:
        if self.options.sync_model is None:
            raise InputError(
                "LSE is measured by the published SyncNet, which visavox may not ship; convert it by `visavox models "
                "import syncnet_v2.model -o syncnet.safetensors` and give --sync-model syncnet.safetensors"
            )
        return str(self.options.sync_model)

    @cached_property
    def _network(self) -> SyncNet:
        from visavox.metrics.syncnet_windows import load_syncnet

        return load_syncnet(self._name)

    def prepare(self) -> None:
        """Load the network."""
        _ = self._network

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos.

        Raises:
            NotMeasured: neither has audio.
        """
        from visavox.metrics.syncnet_windows import SyncNetWindows

        return SyncMeasure(pair, "lse", lambda video, audio: SyncNetWindows(self._network, video.track, audio))

    def facts(self) -> list[str]:
        """Say which file."""
        return [f"SyncNet {self._name}, SHA-256 {model_digest(self._name)}"]

    def content(self) -> dict[str, Any]:
        """Return the SHA-256 of the weights."""
        return {"sync_model": model_digest(self._name)}

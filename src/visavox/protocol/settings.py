"""What can be chosen about a run over a test set. Settings only: nothing heavy is loaded here."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import visavox
from visavox.errors import InputError
from visavox.metrics.evaluation import EvaluationSettings


@dataclass(frozen=True)
class ProtocolSettings:
    """How the pairs of a list are dubbed and measured."""

    model: str | Path = "wav2lip"
    """Name or file of the generator."""
    device: str = "auto"
    """Where the generator runs: auto, cpu or cuda."""
    extend_videos: bool = False
    """Play a video back and forth where its sound is longer; the published protocol leaves such pairs out."""
    measures: EvaluationSettings = field(default_factory=EvaluationSettings)
    """What is measured."""
    judges: dict[str, str] = field(default_factory=dict)
    """Networks that judge: argument of `visavox.metrics.evaluate` to name or file, such as expert or
    sync_model."""
    workers: int | None = None
    """Processes; None: one for each core, at most 8; 0: this very process."""
    num_pictures: int = 8
    """Pairs that the HTML report shows."""
    redo: bool = False
    """Do every pair again, also those that are finished; needed when what is measured changes."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if self.workers is not None and not 0 <= self.workers <= 256:
            raise InputError(f"the number of workers is {self.workers}; give 1 to 256, or 0 to work without any")
        if self.num_pictures < 0:
            raise InputError(f"{self.num_pictures} pairs are to be shown; give 0 or more")

    def content(self) -> dict[str, Any]:
        """Return what the figures depend on, as JSON values; weights by their SHA-256, whatever they are called."""
        from visavox.models.hub import sha256_of
        from visavox.models.registry import find_model

        return {
            "visavox": visavox.__version__,
            "model": sha256_of(find_model(self.model)),
            "extend_videos": self.extend_videos,
            "measures": asdict(self.measures),
            "judges": {name: sha256_of(_weights(judge)) for name, judge in sorted(self.judges.items())},
        }


def _weights(judge: str) -> Path:
    """Find a judge's file: a path, or the name of shipped weights."""
    from visavox.models.registry import find_model

    return Path(judge) if os.path.isfile(judge) else find_model(judge)

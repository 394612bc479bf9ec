"""What can be chosen about a run over a test set. Settings only: nothing heavy is loaded here."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import visavox
from visavox.errors import InputError
from visavox.evaluation.evaluation import EvaluationSettings
from visavox.evaluation.judge_settings import FaceJudgeSettings
from visavox.types import PathLike


@dataclass(frozen=True)
class ProtocolSettings:
    """How the pairs of a list are dubbed and measured."""

    model: PathLike = "wav2lip"
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
    face_judges: FaceJudgeSettings = field(default_factory=FaceJudgeSettings)
    """Networks that judge the picture of the face: LPIPS and identity of each pair, FID of the whole set."""
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
        if self.face_judges.asked_for and not self.measures.pictures:
            raise InputError("LPIPS, FID, CPBD and identity are measured on pictures; leave out --without-pictures")

    def content(self) -> dict[str, Any]:
        """Return what the figures depend on, as JSON values; weights by their SHA-256, whatever they are called."""
        from visavox.runtime.files import sha256_of
        from visavox.weights.registry import find_model

        return {
            "visavox": visavox.__version__,
            "model": sha256_of(find_model(self.model)),
            "extend_videos": self.extend_videos,
            "measures": asdict(self.measures),
            "judges": {name: sha256_of(_weights(judge)) for name, judge in sorted(self.judges.items())},
            "face_judges": {
                name: sha256_of(_file(value)) if isinstance(value, Path) else value
                for name, value in sorted(asdict(self.face_judges).items())
            },
        }


def _weights(judge: str) -> Path:
    """Find a judge's file: a path, or the name of shipped weights."""
    from visavox.weights.registry import find_model

    return Path(judge) if os.path.isfile(judge) else find_model(judge)


def _file(path: Path) -> Path:
    """Return a file of weights that was given.

    Raises:
        InputError: there is none.
    """
    if not path.is_file():
        raise InputError(f"the file of weights {path} does not exist; give the path of one, or leave the option out")
    return path

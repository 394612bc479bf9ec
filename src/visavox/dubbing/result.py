"""Result of a dub."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class DubResult:
    """Result of a dub, every frame accounted for."""

    output: str
    """Path of the result."""
    seconds: float
    """Length of the result in seconds."""
    num_frames: int
    """Frames of the result."""
    num_repainted: int
    """Frames in which at least one mouth was rendered."""
    passed_through: dict[str, int]
    """Frames left as they were: reason, such as "no face", to their number."""
    num_faces: int
    """Faces that speak."""
    audio_seconds: float
    """Length of the recording in seconds."""
    decisions: tuple[str, ...] = ()
    """Decisions that were made on the way, in words, such as how a video shorter than the sound was made longer."""
    truncated: bool = False
    """True if the video broke off before its declared end."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds of each stage: sound, track, references, network, composite, and total. Stages of the second pass
    overlap, and with decoding and encoding."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)

    def summary(self) -> str:
        """Say in one line what was made."""
        parts = [f"{self.num_repainted} of {self.num_frames} frames repainted"]
        parts += [f"{count} passed through ({reason})" for reason, count in self.passed_through.items()]
        return f"{self.output}: {self.seconds:.2f} s, {', '.join(parts)}"

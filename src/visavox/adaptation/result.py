"""What an adaptation came to."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from visavox.adaptation.held_out import Figures, shown_infos
from visavox.evaluation.report import format_table, plain
from visavox.metrics import MetricInfo

AS_IT_WAS, BEFORE, AFTER = "mouth as it was", "before", "after"


@dataclass(frozen=True)
class AdaptResult:
    """What was learned, and what it brought on seconds that were not learned from."""

    output: str
    """The weights file."""
    model: str
    """Name of the generator that it began with."""
    improved: tuple[str, ...]
    """The parts that became better: `renderer`, `speech`; empty where the start was kept as it came."""
    seconds: dict[str, float]
    """Seconds of the footage by use: training, validation, held out."""
    steps: int
    """Updates that were made."""
    minutes: float
    """Minutes of training in this session."""
    expert: str | None
    """Who judged the sync; None if nobody did."""
    validation: dict[str, dict[str, float]]
    """Figures on the validation seconds: before and after, by which the best state was chosen."""
    figures: dict[str, Figures]
    """Figures on the held-out seconds: of the mouth as it was, before and after."""
    notes: tuple[str, ...] = ()
    """What a user should know."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return plain(asdict(self))

    def table(self) -> str:
        """Return the report as text for people."""
        used = self.seconds
        lines = [
            f"{used['training']:.1f} s learned from in {self.steps} steps ({self.minutes:.1f} min), "
            f"{used['validation']:.1f} s to choose by; measured on {used['held out']:.1f} s held out, played backwards "
            "with their own sound:",
            "",
            format_table(list(self.figures.items()), shown_infos()),
            "",
            self.verdict(),
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)

    def verdict(self) -> str:
        """Say in one sentence what the adaptation brought."""
        if not self.improved:
            return f"No gain on the validation seconds: {self.output} holds {self.model} as it came."
        before, after = self.figures[BEFORE], self.figures[AFTER]
        better = [info.column for info in shown_infos() if _is_better(info, after, before)]
        worse = [info.column for info in shown_infos() if _is_better(info, before, after)]
        told = [f"{word} in {', '.join(names)}" for word, names in (("better", better), ("worse", worse)) if names]
        return f"Improved: {' and '.join(self.improved)}. On the held-out seconds {', '.join(told) or 'no difference'}."


def quality_of(figures: dict[str, Figures]) -> dict[str, float]:
    """Name the figures as a weights file holds them, such as `after psnr`; those that are no numbers are left out."""
    return {
        f"{row} {path}": round(value, 4)
        for row, values in figures.items()
        for path, value in values.items()
        if math.isfinite(value)
    }


def _is_better(info: MetricInfo, one: Figures, other: Figures) -> bool:
    """Whether a value of `one` is better than that of `other`, by more than a rounding."""
    return _goodness(info, one) > _goodness(info, other) + 1e-4


def _goodness(info: MetricInfo, values: Figures) -> float:
    """Return a number that grows as the value becomes better; of a ratio, as it comes nearer to 1."""
    value = values.get(info.name, math.nan)
    if info.higher_is_better is None:
        return -abs(math.log(max(value, 1e-6)))
    return value if info.higher_is_better else -value

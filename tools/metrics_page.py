"""Tables of docs/metrics.md, made from the table of metrics.

python -m tools.metrics_page            puts them into the page
python -m tools.metrics_page --print    prints them
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from visavox.metrics import METRICS, MetricInfo
from visavox.metrics.table import metric_class
from visavox.runtime.files import write_whole

PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
BEGIN, END = "<!-- metrics: begin -->", "<!-- metrics: end -->"
"""Lines of the page that the tables stand between."""

_BETTER = {True: "higher", False: "lower", None: "neither"}


def tables() -> str:
    """Write what stands between the markers."""
    infos = [(name, info) for name in METRICS for info in metric_class(name).infos]
    shown = [_value_row(name, info) for name, info in infos if info.in_table]
    hidden = [[f"`{info.name}`", info.title, info.formula, info.unit] for _, info in infos if not info.in_table]
    return "\n\n".join([
        _table(["column", "metric", "what it is", "computed as", "source", "range", "unit", "better", "best"], shown),
        "In the JSON and in the table of pairs of a protocol alone:",
        _table(["value", "what it is", "computed as", "unit"], hidden),
        "Names for `--metrics`:",
        _table(["metric", "measured", "options"], [_metric_row(name) for name in METRICS]),
    ])  # fmt: skip


def _value_row(name: str, info: MetricInfo) -> list[str]:
    better = _BETTER[info.higher_is_better]
    return [info.column, f"`{name}`", info.title, info.formula, info.source, info.range, info.unit, better, info.best]


def _metric_row(name: str) -> list[str]:
    kind = metric_class(name)
    options = ", ".join(f"`--{each.name.replace('_', '-')}`" for each in fields(kind.options_type))
    return [f"`{name}`", "by default" if kind.by_default else "if named, or asked for by an option", options]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)])


def main(argv: Sequence[str]) -> int:
    """Print the tables, or put them into the page."""
    if "--print" in argv:
        print(tables())
        return 0
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    write_whole(PAGE, f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

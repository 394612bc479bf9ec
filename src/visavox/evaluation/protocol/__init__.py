"""Whole test sets: every pair of a list dubbed, measured and reported, as papers do it.

`check_protocol` gives a job that works through a list in the format of Wav2Lip's evaluation (Prajwal et al., "A Lip
Sync Expert Is All You Need for Speech to Lip Generation In the Wild", 2020, section 4) in parallel, goes on where it
was interrupted, and writes a row for each pair, a table, and two reports.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.evaluation.protocol.job import ProtocolJob, check_protocol, run_protocol
    from visavox.evaluation.protocol.settings import ProtocolSettings
    from visavox.evaluation.protocol.summary import RunSummary

_HOMES = {
    "ProtocolJob": "job",
    "ProtocolSettings": "settings",
    "RunSummary": "summary",
    "check_protocol": "job",
    "run_protocol": "job",
}

__all__ = ["ProtocolJob", "ProtocolSettings", "RunSummary", "check_protocol", "run_protocol"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""A run that is interrupted and gone on with gives the numbers of one that was not: the check, for any stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.acting_progress import AfterStep, interrupt
from tests.training.tiny import log_lines

Trained = tuple[Path, Mapping[str, float]]
"""The folder of a run, and its metrics."""
Train = Callable[..., Mapping[str, float]]
"""Trains into a folder, with `progress=` and `resume=` as they come; returns the figures."""


def check_resuming(train: Train, folder: Path, *, step: int = 4, whole: Trained | None = None) -> None:
    """Kill a run after a step that comes right after a checkpoint: what its log says of that step is written anew.

    Args:
        train: trains into a folder.
        folder: an empty one, for the runs.
        step: the step after which the run is killed.
        whole: the uninterrupted run and its figures, where there is one already.
    """
    uninterrupted, expected = whole or (folder / "whole", train(folder / "whole"))
    path = folder / "parts"
    with pytest.raises(KeyboardInterrupt):
        train(path, progress=AfterStep(step, interrupt))
    assert torch.load(path / "last.ckpt", weights_only=True)["step"] == step - 1
    assert len(log_lines(path, "losses")) == step
    np.testing.assert_equal(train(path, resume=True), expected)
    assert_same_run(path, uninterrupted)


def assert_same_run(one: Path, other: Path, *, same_settings: bool = True) -> None:
    """Two runs left the same log, the same best weights and the same last state, bit by bit.

    Args:
        one: folder of a run.
        other: folder of another.
        same_settings: whether both were started alike, so that what is written of that is the same, too.
    """
    written = {path.name for folder in (one, other) for path in folder.glob("best.*")}
    assert "best.safetensors" in written
    for name in ("log.jsonl", *(["config.json"] if same_settings else []), *sorted(written)):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    first, second = (_flat(torch.load(path / "last.ckpt", weights_only=True)) for path in (one, other))
    assert first.keys() == second.keys()
    different = [key for key, value in first.items() if not _same(value, second[key])]
    assert not different


def _flat(state: Any, prefix: str = "") -> dict[str, Any]:
    """Every number of a nested checkpoint under its path."""
    if isinstance(state, dict):
        return {k: v for name, part in state.items() for k, v in _flat(part, f"{prefix}/{name}").items()}
    if isinstance(state, list | tuple):
        return _flat(dict(enumerate(state)), prefix)
    return {prefix: state}


def _same(one: Any, other: Any) -> bool:
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other

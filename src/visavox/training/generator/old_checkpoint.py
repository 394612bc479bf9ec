"""Checkpoints of generators that earlier versions wrote: their tensors get the names and the order of today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn

from visavox.weights.version_1 import converted_tensors, present_name

_BASIS = "conditioner.motion_basis."


def converted_checkpoint(
    state: dict[str, Any], generator: nn.Module, groups: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Convert the checkpoint of a task that trains a generator; one of today stays as it is.

    Args:
        state: the checkpoint.
        generator: the network of today, which knows its motion basis already.
        groups: names of the parameters of each group of its optimizer, in their order.
    """
    tensors: dict[str, Tensor] = state["modules"]["generator"]
    if any(name.startswith("renderer.") for name in tensors):
        return state
    basis = {name: tensor for name, tensor in generator.state_dict().items() if name.startswith(_BASIS)}

    def renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return converted_tensors(tensors, None) | basis

    # An optimizer knows parameters by their number, and the parts of a generator came in another order.
    order = [present_name(name) for name in tensors]
    before = [number for group in groups for number in _sorted_like(order, group)]
    after = {name: number for number, name in enumerate(name for group in groups for name in group)}
    moments = state["optimizers"]["generator"]
    moved = {after[name]: moments["state"][number] for number, name in enumerate(before) if number in moments["state"]}
    return state | {
        "modules": state["modules"] | {"generator": renamed(tensors)},
        "average": renamed(state["average"]),
        "optimizers": state["optimizers"] | {"generator": moments | {"state": moved}},
    }


def converted_part(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert the names of some tensors of a generator, float or int (any shape); those of today stay as they are."""
    if any(name.startswith(("renderer.", "conditioner.")) for name in tensors):
        return tensors
    return {present_name(name): tensor for name, tensor in tensors.items()}


def _sorted_like(order: Sequence[str], names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [name for name in order if name in wanted]

"""Processes of a training: several that hold the same numbers after every step, and those that prepare batches.

Gradients are averaged here and not by `DistributedDataParallel`, because a task calls parts of its networks (an
encoder, the features of the discriminator) and one network several times in a step, which that wrapper does not see.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def average(fabric: Fabric, tensors: Sequence[Tensor]) -> None:
    """Replace tensors, float32 (any shape), by their means over all processes, in place; all get the same bits."""
    if fabric.world_size == 1 or not tensors:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    mean = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(mean, Tensor)
    for tensor, part in zip(tensors, torch.split(mean, [tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))


@torch.no_grad()
def average_gradients(fabric: Fabric, parameters: Iterable[nn.Parameter], total: Tensor) -> Tensor:
    """Average the gradients of a step over all processes, in place.

    Args:
        fabric: the processes.
        parameters: those that are trained; one without a gradient is left out.
        total: scalar, this process's total loss.

    Returns:
        float32 scalar, the mean of the total losses; not finite if one of them is not.
    """
    mean = total.detach().float().reshape(1).clone()
    average(fabric, [*(p.grad for p in parameters if p.grad is not None), mean])
    return mean[0]


@torch.no_grad()
def share_statistics(fabric: Fabric, modules: Iterable[nn.Module], stop: bool) -> bool:
    """Average the buffers of networks (the statistics of batch normalisation); tell whether any process is to stop."""
    if fabric.world_size == 1:
        return stop
    flag = torch.tensor([float(stop)], device=fabric.device)
    buffers = [buffer for module in modules for buffer in module.buffers() if buffer.is_floating_point()]
    average(fabric, [*buffers, flag])
    return bool(flag > 0)


def end_children(fabric: Fabric, patience: float) -> None:
    """Wait for the processes that this one started, so many seconds; end those that are still there then."""
    running: list[subprocess.Popen[bytes]] = getattr(fabric.strategy.launcher, "procs", [])
    children = running.copy()
    # Lightning watches this list, and ends this process too when a child in it ends otherwise than by itself.
    running.clear()
    for child in children:
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def leave_signals_to_parent(*_: object) -> None:
    """Let a process that prepares batches ignore Ctrl-C, which a terminal sends to every process of a program.

    The training process decides what Ctrl-C means, and still wants batches until its checkpoint is written.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A forked process has inherited the handler of its parent, but is ended by this signal.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

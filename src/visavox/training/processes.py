"""Processes of a training: several that hold the same numbers after every step, and signals that end a run.

Gradients are averaged here and not by `DistributedDataParallel`, because a task calls parts of its networks (an
encoder, the features of the discriminator) and one network several times in a step, which that wrapper does not see.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning.fabric import Fabric

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def average(fabric: Fabric, tensors: Sequence[Tensor]) -> None:
    """Replace float32 tensors by their means over all processes, in place; every process gets the same bits."""
    if fabric.world_size == 1 or not tensors:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    mean = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(mean, Tensor)
    for tensor, part in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))


@torch.no_grad()
def average_gradients(fabric: Fabric, parameters: Iterable[nn.Parameter], total: Tensor) -> Tensor:
    """Average the gradients of a step; return the mean of its total loss, not finite if that of one process is not."""
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
    running: list[subprocess.Popen] = getattr(fabric.strategy.launcher, "procs", [])
    children = running.copy()
    # Lightning watches this list, and ends this process too when a child in it ends otherwise than by itself.
    running.clear()
    for child in children:
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class StopRequest:
    """Takes note of Ctrl-C and SIGTERM while a block runs; a second one acts at once, as without this class."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The signal that came; None while none did."""
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> StopRequest:
        """Begin to take note."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._take) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Leave signals to those who had them before."""
        self._restore()

    def deliver(self) -> None:
        """Let the signal that came do what it would have done; nothing if none came."""
        self._restore()
        if self.number is not None:
            signal.raise_signal(self.number)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()
        logger.warning("stopping after this step, when its checkpoint is written (again: stop at once)")

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._before = {}


def ignore_interruptions(*_: object) -> None:
    """Leave Ctrl-C, which a terminal sends to every process of a program, to the process that decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

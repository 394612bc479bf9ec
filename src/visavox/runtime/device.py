"""Resources of networks: their device, the number formats in which it is fast, processor threads and memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from visavox.errors import InputError
from visavox.runtime.native_libraries import mark_used

if TYPE_CHECKING:
    import torch

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
"""Device as it is asked for; `auto` is a CUDA device where there is one, else the processor."""


def choose_device(name: str, count: int = 1) -> torch.device:
    """Return the device for `auto`, `cpu` or `cuda`.

    Args:
        name: what is asked for.
        count: devices of this machine that will work together.

    Raises:
        InputError: CUDA devices are asked for where there are none, or not as many.
    """
    import torch

    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cuda" and not available:
        raise InputError("device is cuda, and this machine has no usable CUDA device; use --device auto or cpu")
    kind = name if name != "auto" else "cuda" if available else "cpu"
    if kind == "cuda" and count > available:
        raise InputError(f"devices is {count}, and this machine has {available} CUDA devices; give no more than that")
    return torch.device(kind)


def reduced_precision(device: torch.device) -> torch.dtype | None:
    """Return the number format in which `device` is faster than in float32, or None.

    bfloat16 pays where the processor multiplies it; elsewhere it is emulated and slower.
    """
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if not hasattr(torch.cpu, "get_capabilities"):  # older than torch 2.8
        return None
    found: Mapping[str, Any] = torch.cpu.get_capabilities()
    return torch.bfloat16 if found.get("avx512_bf16") or found.get("amx_bf16") else None


@lru_cache(maxsize=1)
def multiplies_bfloat16() -> bool:
    """Tell whether the processor has instructions for bfloat16; without them it is several times slower."""
    import torch

    is_there = bool(torch.backends.mkldnn.is_available())
    return is_there and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@contextmanager
def processor_threads(count: int | None) -> Iterator[None]:
    """Limit the processor threads that networks use in this thread, within the block; other threads keep theirs.

    `torch.set_num_threads` would change the whole process; the limit of OpenMP belongs to the thread that sets it.

    Args:
        count: how many; None: half of the cores.

    Raises:
        InputError: the process was forked from one that had computed with threads.
    """
    import torch
    from threadpoolctl import ThreadpoolController

    torch.get_num_threads()  # a new thread takes over what was set for the process here, and not at its first operation
    mark_used("a network")
    if count is None:
        affinity = getattr(os, "sched_getaffinity", None)
        cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
        count = max(1, cores // 2)
    pools = [pool for pool in ThreadpoolController().lib_controllers if pool.user_api == "openmp"]
    before = [pool.num_threads for pool in pools]
    for pool in pools:
        pool.set_num_threads(count)
    try:
        yield
    finally:
        for pool, number in zip(pools, before, strict=True):
            pool.set_num_threads(number)


def return_free_memory() -> None:
    """Ask the C library to give back what Python has freed.

    The GNU library keeps freed blocks of up to 32 MB for itself. After the first pass of a long video that adds up
    to what the second pass needs for all of its work, and the peak would grow with the length. Elsewhere nothing
    happens.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def keep_freed_memory() -> None:
    """Tell glibc to keep what is freed, once for this process.

    A training step on the CPU frees and takes the same hundreds of megabytes again; by default each time goes
    back to the kernel, which must clear every page again: a third of the time of a step.
    """
    trim_threshold, mmap_threshold, largest = -1, -3, 2**31 - 1
    try:
        allocator = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return
    allocator(trim_threshold, largest)
    allocator(mmap_threshold, largest)

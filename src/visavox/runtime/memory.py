"""Freed memory: given back to the system, or kept for the next step."""

from __future__ import annotations

import contextlib
import ctypes
import sys


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
    back to the kernel, which must clear every page anew: a third of the time of a step.
    """
    trim_threshold, mmap_threshold, largest = -1, -3, 2**31 - 1
    try:
        allocator = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return
    allocator(trim_threshold, largest)
    allocator(mmap_threshold, largest)

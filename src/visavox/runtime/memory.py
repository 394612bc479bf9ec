"""Memory that was freed goes back to the system."""

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

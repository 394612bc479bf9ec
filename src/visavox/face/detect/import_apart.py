"""Imports libraries that hold on to whoever imported them."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType


def import_apart(name: str) -> ModuleType:
    """Import a module in a thread of its own.

    mediapipe 0.10.21 keeps, for as long as the program runs, the exception that told it that `sounddevice` is missing.
    With the exception stay its traceback, all functions that were being called when mediapipe was imported, and all
    that they hold then and later: the landmarks of the first video (86 MB for ten minutes) and whatever its job made.
    A new thread has called nothing.

    Args:
        name: full name of the module.

    Raises:
        ImportError: as `import` does.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="visavox-import") as pool:
        return pool.submit(importlib.import_module, name).result()

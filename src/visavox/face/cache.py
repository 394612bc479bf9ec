"""The folder in which visavox keeps what it can make or fetch again."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from visavox.errors import InputError

CACHE_VARIABLE = "VISAVOX_CACHE"
"""Environment variable that names another folder."""
DOWNLOAD_TIMEOUT = 30.0
"""Seconds without an answer after which a download is given up."""


def cache_folder() -> Path:
    """Folder of the cache: VISAVOX_CACHE, or where the platform keeps such things. It may not exist yet."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "visavox"


def fetch_to_cache(name: str, url: str, sha256: str, what: str) -> Path:
    """Return the path of a file in the cache, fetching it when it is not there yet.

    Args:
        name: file name in the cache.
        url: where it comes from.
        sha256: what it must hash to, in lower-case hexadecimal.
        what: what it is, for messages: "the face landmark networks".

    Raises:
        InputError: it cannot be fetched or written, or is not what was published; the message tells how to get it.
    """
    target = cache_folder() / name
    how = f"download {url} and save it as {target}"
    if target.exists():
        if _sha256(target.read_bytes()) == sha256:
            return target
        raise InputError(f"{target} is not {what} as published (its SHA-256 differs): delete it, or {how}.")
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT) as answer:
            content = answer.read()
    except (urllib.error.URLError, OSError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"{what} could not be fetched ({reason}): {how}.") from error
    if _sha256(content) != sha256:
        raise InputError(f"what {url} gave is not {what} as published (its SHA-256 differs): try again, or {how}.")
    write_whole(target, content)
    return target


def write_whole(target: Path, content: bytes) -> None:
    """Write a file of the cache so that it appears under its name only when it is whole.

    Raises:
        InputError: the cache folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"the cache {target.parent} cannot be written ({error.strerror or error}); "
            f"set {CACHE_VARIABLE} to a folder that can."
        ) from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

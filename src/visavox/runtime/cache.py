"""The folder in which visavox keeps what it can make or fetch again."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO

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
        if sha256_of(target) == sha256:
            return target
        raise InputError(f"{target} is not {what} as published (its SHA-256 differs): delete it, or {how}.")
    with tempfile.TemporaryFile() as content:
        try:
            with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT) as answer:
                shutil.copyfileobj(answer, content)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise InputError(f"{what} could not be fetched ({reason}): {how}.") from error
        content.seek(0)
        if hashlib.file_digest(content, "sha256").hexdigest() != sha256:
            raise InputError(f"what {url} gave is not {what} as published (its SHA-256 differs): try again, or {how}.")
        content.seek(0)
        write_whole(target, content)
    return target


def write_whole(target: Path, content: BinaryIO) -> None:
    """Write a file of the cache, from where `content` stands, so that it appears under its name only when it is whole.

    Raises:
        InputError: the cache folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                shutil.copyfileobj(content, file)
            os.replace(temporary, target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"the cache {target.parent} cannot be written ({error.strerror or error}); "
            f"set {CACHE_VARIABLE} to a folder that can."
        ) from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

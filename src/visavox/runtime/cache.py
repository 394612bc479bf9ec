"""Cache folder: keeps what can be made or fetched again."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

import platformdirs

from visavox.errors import InputError
from visavox.runtime.files import sha256_of, write_whole

CACHE_VARIABLE = "VISAVOX_CACHE"
"""Environment variable that names another folder."""
DOWNLOAD_TIMEOUT = 30.0
"""Seconds without an answer after which a download is given up."""


def cache_folder() -> Path:
    """Folder of the cache: VISAVOX_CACHE, or where the platform keeps such things. It may not exist yet."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else platformdirs.user_cache_path("visavox", appauthor=False)


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
        _write(target, content)
    return target


def _write(target: Path, content: IO[bytes]) -> None:
    """Write a file of the cache from where `content` stands.

    Raises:
        InputError: the cache folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, lambda file: shutil.copyfileobj(content, file))
    except OSError as error:
        raise InputError(
            f"the cache {target.parent} cannot be written ({error.strerror or error}); "
            f"set {CACHE_VARIABLE} to a folder that can."
        ) from error

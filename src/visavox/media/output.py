"""Output files: checks of the path before the work, and a file that appears only when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from visavox.errors import InputError
from visavox.runtime.files import LONGEST_NAME, PartialFile
from visavox.types import PathLike

CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".webm": "webm"}
"""Extension of the output → name of the FFmpeg muxer."""

STANDARD_STREAM = "-"
"""Path that means standard input or standard output."""


def check_output(
    output: PathLike,
    inputs: Iterable[PathLike] = (),
    overwrite: bool = False,
    extensions: Iterable[str] = tuple(CONTAINERS),
) -> None:
    """Say everything that is wrong with an output path before any work starts.

    Args:
        output: the path that will be written; "-" is standard output.
        inputs: files that are read; the output may be none of them, whatever it is called.
        overwrite: whether an existing file may be replaced.
        extensions: what the name may end in; none at all allows any ending.

    Raises:
        InputError: the path cannot or must not be written.
    """
    if str(output) == STANDARD_STREAM:
        return
    if not str(output):
        raise InputError("the output path is empty; give the name of a file, such as result.mp4")
    path = Path(output)
    allowed = tuple(extensions)
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise InputError(f"the name of output {path} is too long; allowed are {LONGEST_NAME} bytes")
    if path.is_dir():
        raise InputError(f"output {path} is a directory; give the name of a file in it, such as {path / 'result.mp4'}")
    if allowed and path.suffix.lower() not in allowed:
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no extension"
        raise InputError(f"output {path} {ending}; allowed are {', '.join(allowed)}")
    _check_not_input(path, inputs)
    if path.exists() and not path.is_file():
        raise InputError(f"output {path} is not an ordinary file; give the name of a new file")
    if path.exists() and not overwrite:
        raise InputError(f"output {path} exists already; choose another name or pass --overwrite")
    _check_folder(path)


def _check_not_input(path: Path, inputs: Iterable[PathLike]) -> None:
    for given in inputs:
        if str(given) == STANDARD_STREAM:
            continue
        same = os.path.realpath(path) == os.path.realpath(given)
        with contextlib.suppress(OSError):
            same = same or os.path.samefile(path, given)
        if same:
            raise InputError(f"output {path} is the input {given}; give the result another name")


def _check_folder(path: Path) -> None:
    folder = Path(os.path.realpath(path)).parent
    if not folder.exists():
        raise InputError(f"the folder of output {path} does not exist; create it first: mkdir -p {folder}")
    if not folder.is_dir():
        raise InputError(f"output {path} cannot be written: {folder} is not a directory")
    trial = PartialFile(path)  # rights, read-only disks and odd file systems: only trying tells them all
    try:
        os.close(os.open(trial.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except PermissionError:
        raise InputError(f"output {path} cannot be written: no permission to create files in {folder}") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"output {path} cannot be written: no file can be created in {folder} ({reason})") from None
    finally:
        trial.discard()


def write_failure(error: BaseException, output: PathLike) -> InputError | None:
    """The sentence for an error of the operating system while `output` was written; None for any other error."""
    code = getattr(error, "errno", None)
    name = "standard output" if str(output) == STANDARD_STREAM else str(output)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"no space left on the disk while writing {name}; free some space or write to another disk")
    if code == errno.EFBIG:
        return InputError(f"{name} grew beyond the largest file that is allowed here; raise the limit (ulimit -f)")
    if code == errno.EPIPE:
        return InputError(f"{name} was closed by the program that reads it before the video was whole")
    if isinstance(error, OSError) and code is not None and code > 0:
        return InputError(f"cannot write {name}: {os.strerror(code)}; check the disk and the permissions")
    return None

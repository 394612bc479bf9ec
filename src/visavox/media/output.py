"""Where a result goes: checks of its path before the work, and a file that appears only when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import weakref
from collections.abc import Iterable
from pathlib import Path

from visavox.errors import InputError

CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".webm": "webm"}
"""Extension of the output → name of the FFmpeg muxer."""

STANDARD_STREAM = "-"
"""Path that means standard input or standard output."""

_LONGEST_NAME = 255  # bytes, on every common file system


def check_output(
    output: str | Path,
    inputs: Iterable[str | Path] = (),
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
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise InputError(f"the name of output {path} is too long; allowed are {_LONGEST_NAME} bytes")
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


def _check_not_input(path: Path, inputs: Iterable[str | Path]) -> None:
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


def write_failure(error: BaseException, output: str | Path) -> InputError | None:
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


class PartialFile:
    """A file under a temporary name beside its target; `commit` gives it the final name, `discard` removes it.

    Attributes:
        path: the temporary name, `.<name>.<random>.part<extension>`, in the folder of the target.
        target: the final name, with symbolic links followed, so that a link to a result stays a link.
    """

    def __init__(self, target: str | Path) -> None:
        self.target = Path(os.path.realpath(target))
        tail = f".{secrets.token_hex(4)}.part{self.target.suffix}"
        stem = os.fsencode(self.target.name)[: _LONGEST_NAME - len(os.fsencode(tail)) - 1]
        self.path = self.target.with_name("." + stem.decode("utf-8", "ignore") + tail)
        # Ctrl-C can strike between any two lines of whoever holds this; what is forgotten goes at the latest with
        # the process.
        weakref.finalize(self, _remove, self.path)

    def commit(self) -> None:
        """Put the whole file on the disk under its final name, replacing what was there."""
        with open(self.path, "rb") as file:
            os.fsync(file.fileno())
        if self.target.exists():
            shutil.copymode(self.target, self.path)
        os.replace(self.path, self.target)

    def discard(self) -> None:
        """Remove the temporary file; nothing happens where there is none."""
        _remove(self.path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)

"""Foundation of all commands: common options, and errors as exit codes and one line of text."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Annotated, Any, TypeVar

from visavox.cli.progress_views import View, make_view
from visavox.errors import Cancelled, InputError, VisavoxError
from visavox.progress import CancelToken, Progress

logger = logging.getLogger(__name__)

Options = TypeVar("Options")

EXIT_DONE = 0
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""128 + SIGINT, what shells expect of a program that Ctrl-C stopped."""
EXIT_TERMINATED = 143
"""128 + SIGTERM."""

EXTRAS = {
    "lightning": "train",
    "tensorboard": "train",
    "skimage": "metrics",
    "matplotlib": "plot",
    "mediapipe": "face",
    "huggingface_hub": "hub",
    "transformers": "hubert",
}
"""Optional package -> the extra of pyproject.toml that installs it."""

OS_ERRORS = {
    errno.ENOSPC: "the disk is full{where}; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up{where}; free some space or choose another place",
    errno.EROFS: "the file system is read-only{where}; choose another place",
    errno.EACCES: "no permission{where}; change the permissions or choose another place",
    errno.EPIPE: "the program that reads the output has stopped reading (broken pipe)",
}
"""Refusals of the operating system in the middle of a job, which are no fault of the program."""


def alias(*names: str) -> Any:
    """Return a marker that gives an option of a dataclass further names.

    To be used as in `output: Annotated[Path, alias("-o")]`.
    """
    from tyro import conf

    return conf.arg(aliases=names)


def named(name: str) -> Any:
    """Return a marker that gives an option another name than its field has."""
    from tyro import conf

    return conf.arg(name=name)


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Options that every command has."""

    quiet: Annotated[bool, alias("-q")] = False
    """Draw no progress bars and print no warnings."""
    verbose: Annotated[bool, alias("-v")] = False
    """Say step by step what is done, and where an error came from."""
    progress_view: Annotated[View, named("progress")] = "auto"
    """Show progress as bars, as JSON lines on standard error, or not at all; auto draws bars on a terminal."""

    @property
    def progress(self) -> Progress:
        """Progress as these options ask for it."""
        return self.cancellable(None)

    def cancellable(self, cancel: CancelToken | None) -> Progress:
        """Return progress as these options ask for it, of work that `cancel` stops."""
        return Progress(make_view(self.progress_view, quiet=self.quiet), cancel)


@dataclass(frozen=True, kw_only=True)
class ReportOptions(CommonOptions):
    """Options of commands that report values."""

    json: bool = False
    """Print the values as JSON on standard output, and nothing else there."""


def parse(options: type[Options], argv: list[str], *, command: str) -> Options:
    """Read `argv` into a dataclass (or a union of dataclasses, for sub-commands) and set up the messages.

    Args:
        options: a frozen dataclass, usually derived from CommonOptions; its docstring heads the help text.
        argv: the arguments after the name of the command.
        command: name of the command, as in `visavox COMMAND`.

    Raises:
        InputError: an option is unknown, missing or has a value that is not allowed.
        SystemExit: with code 0, after `--help`.
    """
    import tyro

    messages = _Captured()
    read = partial(
        tyro.cli,
        options,
        prog=f"visavox {command}",
        args=argv,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitSubcommandPrefixes),
    )
    if {"-h", "--help"} & set(argv):
        parsed: Options = read()
    else:
        try:
            with contextlib.redirect_stderr(messages), contextlib.redirect_stdout(messages):
                parsed = read()
        except SystemExit:
            raise InputError(
                f"{_one_line(messages.getvalue())} (`visavox {command} --help` lists the options)"
            ) from None
    if isinstance(parsed, CommonOptions):
        set_up_messages(quiet=parsed.quiet, verbose=parsed.verbose)
    return parsed


class _Captured(io.StringIO):
    """Takes the messages of tyro, which believes that this is UTF-8 and no terminal: boxes without colours."""

    encoding = "utf-8"


def _one_line(boxed: str) -> str:
    """Take the sentences out of tyro's boxed error messages."""
    sentences: list[str] = []
    for box in boxed.split("╭")[1:]:
        rows = [row.strip("│ ") for row in box.splitlines() if row.startswith("│")]
        words = " ".join(row for row in rows if not set(row) <= {"─"}).partition("For full helptext")[0]
        sentences.append(re.sub(r"\s+", " ", words).strip().rstrip(".:"))
    text = "; ".join(sentence for sentence in sentences if sentence)
    return text[:1].lower() + text[1:]


def set_up_messages(*, quiet: bool = False, verbose: bool = False) -> None:
    """Send log records and warnings to standard error, one line each, as much as the options ask for."""
    logger = logging.getLogger("visavox")
    logger.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_LineFormatter())
        logger.addHandler(handler)

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        # Warnings of other libraries tell a user nothing; ours are UserWarnings.
        if verbose or category is UserWarning:
            logger.warning("%s", message)

    warnings.showwarning = show


class _LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        return f"visavox: {level}{record.getMessage()}"


def run(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """Run a command; turn what stops it into one line on standard error and an exit code.

    Bad input, a full disk and a broken pipe give 2, Ctrl-C gives 130, SIGTERM 143. An error that visavox did not
    foresee keeps its traceback: it is a bug.
    """
    set_up_messages()
    try:
        with _terminated_like_interrupted():
            code = command(argv)
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED, kind="")
    except Cancelled as error:
        how_to_go_on = str(error)
        return _fail(f"interrupted: {how_to_go_on}" if how_to_go_on else "interrupted", error.exit_code, kind="")
    except VisavoxError as error:
        return _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        return _fail(
            f"this needs {package}, which is not installed; install it with: pip install 'visavox[{EXTRAS[package]}]'",
            EXIT_BAD_INPUT,
        )
    except OSError as error:
        if error.errno not in OS_ERRORS:
            raise
        _let_go_of_stdout()
        where = f" ({error.filename})" if error.filename else ""
        return _fail(OS_ERRORS[error.errno].format(where=where), EXIT_BAD_INPUT)


def _fail(message: str, code: int, *, kind: str = "error: ") -> int:
    if logging.getLogger("visavox").isEnabledFor(logging.DEBUG):
        traceback.print_exc()
    print(f"visavox: {kind}{message}", file=sys.stderr)
    return code


def _let_go_of_stdout() -> None:
    """Keep the interpreter from failing once more at its end, when it flushes a standard output that takes no more."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def cancelled_by_interrupt(notice: str = "", go_on: str = "") -> Iterator[CancelToken]:
    """Make Ctrl-C and SIGTERM cancel the job of the block, so that it ends in order.

    A second signal ends it where it is.

    Args:
        notice: said at the first signal, of a job that does not stop at once.
        go_on: how to go on, said in the end; by default the job's own words.
    """
    token = CancelToken()
    first: list[int] = []

    def cancel(number: int, frame: FrameType | None) -> None:
        if first:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(EXIT_TERMINATED)
        first.append(number)
        token.cancel()
        if notice:
            logger.warning("%s (again: stop at once)", notice)

    try:
        before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever started it has the signals
        yield token
        return
    try:
        yield token
    except Cancelled as error:
        stopped = Cancelled(go_on) if go_on else error
        if first == [signal.SIGTERM]:
            stopped.exit_code = EXIT_TERMINATED
        raise stopped from None
    except (KeyboardInterrupt, SystemExit):
        if go_on:
            print(f"visavox: {go_on}", file=sys.stderr)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM unwind the program as Ctrl-C does, so that temporary files go."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(EXIT_TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: a test, or a program that calls main()
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""How a command ends: exit codes, one line for each error, options read from dataclasses."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Annotated, Any, Literal

import pytest
import tyro

from visavox.cli.common import CommonOptions, ReportOptions, alias, cancelled_by_interrupt, parse, run
from visavox.errors import Cancelled, InputError, TrainingError


@dataclass(frozen=True)
class Example(ReportOptions):
    """An example of a command."""

    face: tyro.conf.Positional[Path]
    """A picture."""
    output: Annotated[Path, alias("-o")]
    """A path."""
    extend: Literal["pingpong", "loop"] = "pingpong"
    """A choice."""
    crf: int = 18
    """A number."""


@pytest.fixture(autouse=True)
def restored_messages() -> Iterator[None]:
    logger = logging.getLogger("visavox")
    level, handlers, shown = logger.level, list(logger.handlers), warnings.showwarning
    logger.handlers.clear()
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers
    warnings.showwarning = shown


def stops_with(error: BaseException) -> Callable[..., int]:
    def command(argv: list[str]) -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("a.mp4: no such file"), 2, "visavox: error: a.mp4: no such file"),
        (TrainingError("the loss is not a number"), 1, "visavox: error: the loss is not a number"),
        (KeyboardInterrupt(), 130, "visavox: interrupted\n"),
        (Cancelled(), 130, "visavox: interrupted\n"),
        (Cancelled("resume the run"), 130, "visavox: interrupted: resume the run\n"),
        (OSError(errno.ENOSPC, "x", "/some/file"), 2, "visavox: error: the disk is full (/some/file); free some space"),
        (BrokenPipeError(errno.EPIPE, "x"), 2, "visavox: error: the program that reads the output has stopped"),
        (ModuleNotFoundError("x", name="skimage.metrics"), 2, "visavox: error: this needs skimage"),
    ],
    ids=[
        "bad input",
        "training",
        "Ctrl-C",
        "cancelled",
        "cancelled training",
        "full disk",
        "broken pipe",
        "extra not installed",
    ],
)
def test_what_stops_a_command_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    assert run(stops_with(error), []) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(line)
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError(errno.EBADF, "a bug"), ModuleNotFoundError(name="x")])
def test_bugs_keep_their_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        run(stops_with(error), [])


def test_the_extra_that_installs_a_missing_package_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    run(stops_with(ModuleNotFoundError(name="lightning.fabric")), [])
    assert "pip install 'visavox[train]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["a.png", "-o", "b", "--extend", "bounce"], ["'bounce'", "--extend", "'pingpong', 'loop'"]),
        (["a.png", "-o", "b", "--crf", "low"], ["--crf", "low"]),
        (["a.png", "-o", "b", "--unheard-of", "1"], ["--unheard-of"]),
        (["a.png", "-o", "b", "--extnd", "loop"], ["--extnd", "--extend"]),
        (["a.png"], ["--output"]),
        (["a.png", "another.png", "-o", "b"], ["another.png"]),
    ],
    ids=["choice", "number", "unknown option", "misspelt option", "missing option", "one argument too many"],
)
def test_options_that_cannot_be_read_are_one_line(
    capsys: pytest.CaptureFixture[str], argv: list[str], words: list[str]
) -> None:
    def command(argv: list[str]) -> int:
        parse(Example, argv, command="example")
        return 0

    assert run(command, argv) == 2
    said = capsys.readouterr().err
    assert said.startswith("visavox: error: ")
    assert said.count("\n") == 1
    assert "`visavox example --help`" in said
    assert all(word in said for word in words), said
    assert not set("╭│─") & set(said)


def test_options_are_read_into_the_dataclass() -> None:
    options = parse(Example, ["-", "-o", "out file.mp4", "-q", "--json", "--extend", "loop"], command="example")
    assert options == Example(face=Path("-"), output=Path("out file.mp4"), quiet=True, json=True, extend="loop")


def test_quiet_verbose_and_the_default_differ_in_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    def command(argv: list[str]) -> int:
        parse(CommonOptions, argv, command="example")
        warnings.warn(f"the video is broken at 3 s {argv}", UserWarning, stacklevel=1)
        logging.getLogger("visavox.media").debug("a detail")
        return 0

    said = {}
    for flags in ([], ["--quiet"], ["--verbose"]):
        logging.getLogger("visavox").handlers.clear()
        run(command, flags)
        said[tuple(flags)] = capsys.readouterr().err
    warning = "visavox: warning: the video is broken at 3 s"
    assert said == {
        (): f"{warning} []\n",
        ("--quiet",): "",
        ("--verbose",): f"{warning} ['--verbose']\nvisavox: a detail\n",
    }


def test_verbose_shows_where_an_error_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    def command(argv: list[str]) -> int:
        parse(CommonOptions, argv, command="example")
        raise InputError("no")

    assert run(command, ["-v"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("visavox: error: no\n")


def visavox(*argv: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "visavox", *argv], text=True, stderr=subprocess.PIPE, **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device that is always full")
def test_a_full_disk_under_standard_output() -> None:
    with open("/dev/full", "w") as full, visavox("--help", stdout=full) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.startswith("visavox: error: the disk is full")
    assert said.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_reader_that_went_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with visavox("--help", stdout=writing) as process:
        os.close(writing)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said == "visavox: error: the program that reads the output has stopped reading (broken pipe)\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_job_and_a_second_one_ends_it_where_it_is(
    capsys: pytest.CaptureFixture[str], number: int, code: int
) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    steps: list[str] = []

    def command(argv: list[str]) -> int:
        with cancelled_by_interrupt("stopping after this step", "the same command goes on") as cancel:
            signal.raise_signal(number)
            steps.append("this step")
            if "impatient" in argv:
                signal.raise_signal(number)
            cancel.raise_if_cancelled()
        return 0

    assert run(command, []) == code
    notice = "visavox: warning: stopping after this step (again: stop at once)\n"
    assert capsys.readouterr().err == notice + "visavox: interrupted: the same command goes on\n"
    if number == signal.SIGINT:
        assert run(command, ["impatient"]) == code
    else:  # what main() passes to the interpreter as it is
        with pytest.raises(SystemExit, match=str(code)):
            run(command, ["impatient"])
    assert capsys.readouterr().err == (
        notice + "visavox: the same command goes on\n" + ("visavox: interrupted\n" if number == signal.SIGINT else "")
    )
    assert steps == ["this step"] * 2
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "visavox: interrupted\n"), (signal.SIGTERM, 143, "")],
    ids=["Ctrl-C", "terminated"],
)
def test_signals_unwind_the_program(tmp_path: Path, number: Signals, code: int, line: str) -> None:
    program = tmp_path / "job.py"
    program.write_text(
        "import sys, time, pathlib\n"
        "from visavox.cli.common import run\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "def job(argv):\n"
        "    part = folder / 'a.part'\n"
        "    part.touch()\n"
        "    try:\n"
        "        time.sleep(60)\n"
        "    finally:\n"
        "        part.unlink()\n"
        "    return 0\n"
        "sys.exit(run(job, []))\n"
    )
    with subprocess.Popen([sys.executable, program, tmp_path], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "a.part").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert said == line
    assert not (tmp_path / "a.part").exists()

"""The table of commands: help, version, unknown names, and how fast the list of commands is there."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from visavox import __version__
from visavox.cli.main import COMMANDS, main


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name}" in listed
        assert command.summary in listed


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: visavox" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"visavox {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("dubb", "dub"), ("evalute", "evaluate"), ("trian", "train")])
def test_unknown_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str], typed: str, meant: str) -> None:
    assert main([typed, "a", "b"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"visavox: error: there is no command '{typed}'")
    assert f"`visavox {meant}`" in said.err
    assert said.err.count("\n") == 1


def test_unknown_command_far_from_all_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyzzy"]) == 2
    said = capsys.readouterr().err
    assert "Did you mean" not in said
    assert all(name in said for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code in (0, None)
    said = capsys.readouterr()
    assert f"visavox {name}" in said.out
    assert said.err == ""


def test_help_is_there_well_under_half_a_second() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "visavox", "--help"], check=True, capture_output=True)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.4

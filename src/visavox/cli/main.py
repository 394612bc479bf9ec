"""`visavox COMMAND ...`: finds the module of a command, imports only that one, and runs it."""

from __future__ import annotations

import difflib
import importlib
import signal
import sys
from collections.abc import Callable
from typing import NamedTuple

from visavox import __version__
from visavox.cli.common import run
from visavox.errors import InputError
from visavox.runtime.native_libraries import own_process


class Command(NamedTuple):
    """Module and summary of a command."""

    module: str
    """Module with `main(argv) -> exit code`; imported only when the command is called."""
    summary: str
    """One line for the list of commands."""


COMMANDS = {
    "dub": Command("visavox.cli.dub", "make the face in a video or an image say a recording"),
    "demo": Command("visavox.cli.demo", "dub the clip that comes with visavox and say where the result is"),
    "track": Command("visavox.cli.track", "follow the faces of a video; save landmarks and head pose"),
    "motion": Command("visavox.cli.motion", "speech, or a performance, to the motion of a face"),
    "prepare": Command("visavox.cli.prepare", "turn raw videos into clips to train on"),
    "train": Command("visavox.cli.train", "train the expert or a generator on prepared clips"),
    "adapt": Command("visavox.cli.adapt", "fit a generator to one person's videos, and say what it brought"),
    "avatar": Command("visavox.cli.avatar", "one person, learned from videos: build and describe avatars"),
    "evaluate": Command("visavox.cli.evaluate", "measure dubbed videos against the true recordings"),
    "compare": Command("visavox.cli.compare", "put several videos side by side in one"),
    "bench": Command("visavox.cli.bench", "measure how fast this machine draws an avatar"),
    "models": Command("visavox.cli.models", "list and describe weights; convert official files"),
}


def help_text() -> str:
    """Return what `visavox --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [
        "usage: visavox COMMAND [options]",
        "",
        "Makes a face speak: a video or a photo and a recording of speech in, the same video saying those words out.",
        "",
        "commands:",
        *(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()),
        "",
        "options:",
        "  -h, --help  show this text; `visavox COMMAND --help` shows the options of a command",
        "  --version   print the version",
        "",
        "exit codes: 0 done, 2 the input cannot be used (one line on standard error says why), 130 interrupted",
    ]
    return "\n".join(lines)


def unknown_command(name: str) -> InputError:
    """Return the error for a command that does not exist, with the nearest one that does."""
    nearest = difflib.get_close_matches(name, COMMANDS, n=1)
    guess = f" Did you mean `visavox {nearest[0]}`?" if nearest else ""
    return InputError(f"there is no command '{name}'; the commands are {', '.join(COMMANDS)}.{guess}")


def dispatch(argv: list[str]) -> int:
    """Run the command that `argv` names and return its exit code."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(help_text())
        return 0 if argv else 2
    if argv[0] == "--version":
        print(f"visavox {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise unknown_command(argv[0])
    run_command: Callable[[list[str]], int] = importlib.import_module(COMMANDS[argv[0]].module).main
    return run_command(argv[1:])


def main(argv: list[str] | None = None) -> int:
    """Run `visavox` with `argv` (by default the process's own arguments) and return its exit code."""
    if argv is not None:
        return run(dispatch, argv)
    own_process()
    code = run(dispatch, sys.argv[1:])
    # Nothing is left to clean up: Ctrl-C while the interpreter ends must not show a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


if __name__ == "__main__":
    sys.exit(main())

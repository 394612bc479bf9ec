"""`visavox demo`: dubs the bundled clip with the bundled speech, by the same command that a user would type."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from visavox.cli.common import CommonOptions, alias, parse
from visavox.demo import FACE, SPEECH


@dataclass(frozen=True)
class DemoOptions(CommonOptions):
    """Dub the clip that comes with visavox with speech that is not its own."""

    output: Annotated[Path, alias("-o")] = Path("results/demo.mp4")
    """The file to write; an earlier one is replaced."""


def main(argv: list[str]) -> int:
    """Run the demo; print the command, the path of the result and how long it took."""
    from visavox.cli import dub

    options = parse(DemoOptions, argv, command="demo")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    arguments = [str(FACE), str(SPEECH), "-o", str(options.output), "--overwrite"]
    arguments += ["--quiet"] * options.quiet + ["--verbose"] * options.verbose
    print(f"visavox dub {shlex.join(arguments)}", flush=True)
    start = time.perf_counter()
    code = dub.main(arguments)
    if code == 0:
        print(f"{options.output.resolve()}  (made in {time.perf_counter() - start:.1f} s)")
    return code

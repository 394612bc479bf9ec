"""`visavox bench avatar`: how fast this machine draws an avatar."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from visavox.cli.common import EXIT_DONE, ReportOptions, parse
from visavox.errors import InputError

if TYPE_CHECKING:
    from visavox.avatar.speak import Machine, Speed

_USAGE = "usage: visavox bench avatar AVATAR_OR_HEAD [options]"


@dataclass(frozen=True, kw_only=True)
class AvatarBench(ReportOptions):
    """Draw frames of an avatar and say how many a second, how many samples a ray, and on what machine.

    Other programs that are at work make the values worse.
    """

    avatar: Positional[Annotated[Path, arg(metavar="AVATAR_OR_HEAD")]]
    """Folder of an avatar, whose own poses and motion are drawn; or the weights of a head, which then sways."""
    torso: Path | None = None
    """Weights of a torso, for a head from a file."""
    size: tuple[int, ...] = (128, 256)
    """Sides of the images in pixels."""
    frames: int = 20
    """Frames of each size."""
    threads: int | None = None
    """Processor threads; as many as torch takes of itself where it is left out."""
    device: str = "cpu"
    """Device that renders: cpu or cuda."""
    compile: bool = False
    """Compile head and torso before they are measured; on a CUDA device only."""


def main(argv: list[str]) -> int:
    """Run `visavox bench` with the arguments behind it and return the exit code.

    Raises:
        SystemExit: with code 0, after `--help`.
    """
    if argv[:1] in (["-h"], ["--help"]):
        print(f"{_USAGE}\n\n`visavox bench avatar --help` lists the options.")
        raise SystemExit(EXIT_DONE)
    if argv[:1] != ["avatar"]:
        given = f"'{argv[0]}'" if argv else "nothing"
        raise InputError(f"{given} cannot be measured; what can be is avatar ({_USAGE})")
    options = parse(AvatarBench, argv[1:], command="bench avatar")
    if options.threads is not None and options.threads < 1:
        raise InputError(f"--threads is {options.threads}; give 1 or more")
    import torch

    from visavox.avatar.speak import load_subject, machine, measure_speed

    before = torch.get_num_threads()
    torch.set_num_threads(options.threads or before)
    try:
        subject = load_subject(
            options.avatar, options.torso, frames=options.frames, device=options.device, compile=options.compile
        )
        speeds = measure_speed(subject, options.size, options.progress)
        on = machine(options.device, compiled=options.compile)
    finally:
        torch.set_num_threads(before)
    if options.json:
        print(json.dumps({"machine": asdict(on), "speeds": [asdict(speed) for speed in speeds]}, indent=2))
    else:
        print(table(speeds, on))
    return EXIT_DONE


def table(speeds: list[Speed], on: Machine) -> str:
    """The values as text for people."""
    lines = ["picture   frames/s  (middle half)   rays   samples/ray   head  torso"]
    lines += [
        f"{one.size:4d} px  {one.frames_a_second:9.2f}  {f'{one.slow:.2f}-{one.fast:.2f}':>13}  {one.rays:6.0f}  "
        f"{one.samples_a_ray:11.2f}  {one.head_share:5.0%}  {one.torso_share:5.0%}"
        for one in speeds
    ]
    where = "" if on.device == "cpu" else f", {on.device}"
    how = f"{on.precision}, compiled" if on.compiled else on.precision
    lines.append(
        f"median of {speeds[0].frames} frames; {on.processor}, {on.cores} cores{where}; {on.threads} threads, "
        f"{how}, torch {on.torch}"
    )
    return "\n".join(lines)

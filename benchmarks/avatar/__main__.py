"""How good is an avatar on the last part of its footage, which nothing was learned from?

Its frames are drawn from their true landmarks (head and torso alone) and from their audio (the whole chain), always
with the true pose, and compared with how they were. Beside them stand a face that never moves, and the true frames
themselves.

    python -m benchmarks.avatar AVATAR -o results/avatar.json --sheet results/avatar.png
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

import visavox
from benchmarks.avatar.drives import LABELS, Drive, Stretch, held_out, open_drive
from benchmarks.avatar.sheet import draw_sheet
from benchmarks.avatar.table import values_table
from benchmarks.avatar.values import Meter, Painter, Tally, enlargement
from benchmarks.motion.model import write_wav
from visavox.avatar.format.avatar_folder import NEEDED, POSTNET_FILE, find_avatar
from visavox.avatar.speak.job import Avatar
from visavox.avatar.speak.settings import AvatarSpeakSettings
from visavox.avatar.speak.speed import machine
from visavox.cli.common import CommonOptions, parse, run
from visavox.data.radiance import PersonData
from visavox.errors import InputError, VisavoxError
from visavox.evaluation.report import plain
from visavox.models.radiance import Head, Torso
from visavox.runtime.device import Device
from visavox.training.radiance import load_patch_loss
from visavox.weights import load_model

TRUE = "true frames"
"""The line of the images as they were."""


@dataclass(frozen=True, kw_only=True)
class AvatarOptions(CommonOptions):
    """Draw the held-out part of an avatar's footage, and compare it with how it was.

    Prints tables in Markdown.
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """Folder of the avatar; its data set lies in it."""
    data: Path | None = None
    """The data set, where it lies elsewhere."""
    drives: tuple[Drive, ...] = ("still", "landmarks", "sound", "sound-without-postnet")
    """What the face is moved by; each is a line of the table."""
    head: Path | None = None
    """Weights of another head, in place of the avatar's."""
    torso: Path | None = None
    """Weights of another torso, in place of the avatar's."""
    stretches: int | None = None
    """Only so many stretches of the held-out part: a quick look, no result."""
    seed: int = 0
    """Of what speech leaves to chance."""
    temperature: float | None = None
    """How much that is; by default as much as when an avatar speaks."""
    without_memory: bool = False
    """Do not speak once more in a process of its own, which is how memory is measured."""
    device: Device = "cpu"
    """Where it is drawn."""
    sheet: Path | None = None
    """Show six held-out frames, true and drawn, in this image (.png or .jpg)."""
    sheet_only: bool = False
    """Make that image and measure nothing."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Write all values to this JSON file."""


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    options = parse(AvatarOptions, argv, command="benchmarks.avatar")
    _check(options)
    folder = Path(find_avatar(options.avatar))
    avatar = _with_weights(Avatar.load(folder, device=options.device), options)
    data = PersonData.load(options.data or folder / "data")
    if data.camera != avatar.parts.camera:
        raise InputError(f"the data set {data.folder} is not that of the avatar {folder}: its camera is another one")
    stretches = held_out(data)[: options.stretches]
    if not stretches:
        raise InputError(f"the data set {data.folder} has no usable held-out frame; nothing can be measured")
    settings = AvatarSpeakSettings(seed=options.seed, temperature=options.temperature)
    if options.sheet is not None:
        draw_sheet(avatar, data, stretches, settings, options.sheet)
    if options.sheet_only:
        return 0
    lines = _measure(avatar, data, stretches, settings, options)
    frames = sum(int(stretch.usable.sum()) for stretch in stretches)
    on = machine(options.device)
    size = sum((folder / name).stat().st_size for name in (*NEEDED, POSTNET_FILE) if (folder / name).is_file())
    times = enlargement(data.size)
    print(f"{frames} held-out frames in {len(stretches)} stretches; faces are tracked at {times} times their size")
    print(f"\n{values_table(lines)}\n\nthe avatar: {size} bytes")
    print(f"{on.processor}, {on.cores} cores, {on.threads} threads, torch {on.torch}, {on.device}, {on.precision}")
    spoken = None if options.without_memory else _speak(folder, stretches, str(avatar.device))
    if spoken is not None:
        print(
            f"{spoken['video_seconds']:.1f} s of their speech said as `visavox avatar speak` does: "
            f"{spoken['seconds']:.1f} s, peak memory {spoken['peak_memory_mb']:.0f} MB"
        )
    if options.output is not None:
        stored = {
            "visavox": visavox.__version__,
            "machine": asdict(on),
            "options": {name: str(value) for name, value in vars(options).items()},
            "frames": frames,
            "stretches": [[stretch.start, stretch.start + stretch.num_frames] for stretch in stretches],
            "enlargement": times,
            "bytes": size,
            "spoken": spoken,
            "lines": lines,
        }
        options.output.write_text(json.dumps(plain(stored), indent=1) + "\n", encoding="utf-8")
    return 0


def _check(options: AvatarOptions) -> None:
    """See that outputs can be written and numbers mean something, before anything is loaded."""
    from visavox.media import check_output

    if options.stretches is not None and options.stretches < 1:
        raise InputError(f"{options.stretches} stretches are to be measured; give 1 or more, or leave it out for all")
    if options.output is not None:
        check_output(options.output, (), overwrite=True, extensions=(".json",))
    if options.sheet_only and options.sheet is None:
        raise InputError("--sheet-only makes a picture; say which with --sheet PICTURE.png")
    if options.sheet is not None:
        check_output(options.sheet, (), overwrite=True, extensions=(".png", ".jpg"))


def _with_weights(avatar: Avatar, options: AvatarOptions) -> Avatar:
    """Exchange head or torso for those of other weights files."""
    others: dict[str, Any] = {
        name: load_model(path, network, device=str(avatar.device))
        for name, path, network in (("head", options.head, Head), ("torso", options.torso, Torso))
        if path is not None
    }
    return Avatar(replace(avatar.parts, **others), avatar.device) if others else avatar


def _measure(
    avatar: Avatar,
    data: PersonData,
    stretches: Sequence[Stretch],
    settings: AvatarSpeakSettings,
    options: AvatarOptions,
) -> dict[str, dict[str, float]]:
    """Draw and compare: values of each line by its name."""
    meter, painter = Meter(data, load_patch_loss("face-features")), Painter(avatar)
    tally = Tally()
    for stretch in options.progress.track(stretches, TRUE):
        meter.add(tally, stretch, None)
    lines = {TRUE: tally.values()}
    for name in options.drives:
        drive, tally = open_drive(name, avatar, settings), Tally()
        for stretch in options.progress.track(stretches, LABELS[name]):
            meter.add(tally, stretch, painter.draw_all(stretch, drive(stretch), tally))
        lines[LABELS[name]] = tally.values()
    return lines


def _speak(folder: Path, stretches: Sequence[Stretch], device: str) -> dict[str, float]:
    """Let the avatar say what was said, in a process of its own; return its time and memory."""
    with tempfile.TemporaryDirectory(prefix="visavox-") as place:
        sound = Path(place) / "speech.wav"
        write_wav(sound, np.concatenate([stretch.sound for stretch in stretches]))
        command = [sys.executable, "-m", "benchmarks.avatar.speak_job", folder, sound, Path(place) / "out.mp4", device]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=dict(os.environ), check=False)
    if done.returncode:
        raise VisavoxError(f"the avatar {folder} did not speak: {done.stderr.strip().splitlines()[-1]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))

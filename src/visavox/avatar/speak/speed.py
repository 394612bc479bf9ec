"""Rendering speed of an avatar on this machine: frames a second, samples a ray, shares of head and torso."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visavox.avatar.format import find_avatar, list_avatars, read_avatar
from visavox.data.radiance import window_frames
from visavox.errors import InputError
from visavox.models.radiance import Camera, Head, HeadImage, Torso, check_compiler, compile_networks, scaled
from visavox.progress import QUIET, Progress
from visavox.runtime.device import multiplies_bfloat16
from visavox.types import PathLike
from visavox.weights import load_model

WARM_UP = 3
"""Frames that are drawn before the clock runs."""
SMALLEST, LARGEST = 16, 2048
"""Sides of an image that can be asked for, pixels."""
_SHOWN = 2.3
"""Side of the image in heights of the face, where no avatar says it; as videos are cropped."""
_FACE_HEIGHT, _DISTANCE = 20.0, 60.0
"""Of a head without an avatar, centimetres."""
_SWAY = 12.0
"""Degrees by which a head without an avatar turns to either side."""


@dataclass(frozen=True)
class Machine:
    """The machine of a measurement."""

    processor: str
    """Its name."""
    cores: int
    """Cores that this program may use."""
    threads: int
    """Threads that torch computes with."""
    torch: str
    """Version of torch."""
    device: str
    """Name of the CUDA device, or `cpu`."""
    precision: str
    """Number format in which networks multiply."""
    compiled: bool = False
    """True where head and torso were compiled."""


@dataclass(frozen=True)
class Speed:
    """Rendering speed of images of one size."""

    size: int
    """Side, pixels."""
    frames: int
    """Frames that were measured."""
    frames_a_second: float
    """One over the median time of a frame."""
    slow: float
    """Frames a second of the slowest quarter of the frames, at its border."""
    fast: float
    """The same of the fastest quarter."""
    rays: float
    """Rays of a frame, mean."""
    samples_a_ray: float
    """Samples of a ray, mean."""
    head_share: float
    """Share of the time that goes into the head."""
    torso_share: float
    """Share of the time that goes into the torso and into putting both together; 0 without one."""


@dataclass(frozen=True)
class Subject:
    """The rendered person: F frames that lie evenly over a performance."""

    head: Head
    """The head."""
    torso: Torso | None
    """Neck and shoulders; None: the head alone."""
    camera: Camera
    """Looks at the person; its size is the one they were learned at."""
    rotations: Tensor
    """float32 (F, 3, 3), head to camera."""
    translations: Tensor
    """float32 (F, 3), centimetres."""
    windows: Tensor
    """float32 (F, window, 68, 3), centimetres: the landmarks of each frame and of those around it."""


def load_subject(
    path: PathLike,
    torso: PathLike | None = None,
    *,
    frames: int = 20,
    device: str = "cpu",
    compile: bool = False,
) -> Subject:
    """Read what is to be drawn.

    Args:
        path: the folder of an avatar, the name of one that comes with visavox, or the weights of a head, which then
            sways before a camera of our own.
        torso: weights of a torso, for a head from a file.
        frames: frames of the performance.
        device: where it is drawn.
        compile: compile head and torso when they are first drawn; on a CUDA device only.

    Raises:
        InputError: something cannot be used.
    """
    if frames < 1:
        raise InputError(f"{frames} frames are to be drawn; give 1 or more")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"the device is {device}, and torch finds no CUDA device; leave out --device")
    if compile:
        check_compiler(device)
    subject = _read_subject(path, torso, frames, device)
    if compile:
        compile_networks(*(part for part in (subject.head, subject.torso) if part is not None))
    return subject


def _read_subject(path: PathLike, torso: PathLike | None, frames: int, device: str) -> Subject:
    if str(path) in list_avatars():
        path = find_avatar(path)
    if Path(path).is_dir():
        if torso is not None:
            raise InputError(f"{path} is an avatar, which has its own torso; leave out --torso")
        return _from_avatar(path, frames, device)
    head = load_model(path, Head, device=device)
    below = None if torso is None else load_model(torso, Torso, device=device)
    return _swaying(head, below, frames, device)


def _from_avatar(path: PathLike, frames: int, device: str) -> Subject:
    avatar = read_avatar(path, device=device)
    seen = avatar.camera
    camera = Camera(seen.focal_length, seen.principal_point, (seen.size, seen.size))
    selected = np.linspace(0, avatar.motion.num_frames - 1, frames).round().astype(int)
    around = avatar.head.config.landmarks.window
    displacements, stretches = avatar.motion.displacements, avatar.stretches
    places = [
        window_frames(frame, around, *next((start, stop) for start, stop in stretches if start <= frame < stop))
        for frame in selected
    ]
    windows = np.stack([displacements[place] for place in places])
    tensors = (avatar.pose.rotations[selected], avatar.pose.translations[selected], windows)
    return Subject(avatar.head, avatar.torso, camera, *(torch.from_numpy(part).float().to(device) for part in tensors))


def _swaying(head: Head, torso: Torso | None, frames: int, device: str) -> Subject:
    size = 128
    camera = Camera(size * _DISTANCE / (_SHOWN * _FACE_HEIGHT), ((size - 1) / 2, (size - 1) / 2), (size, size))
    angle = torch.deg2rad(torch.linspace(-_SWAY, _SWAY, frames))
    zero, one = torch.zeros(frames), torch.ones(frames)
    rows = [angle.cos(), zero, angle.sin(), zero, one, zero, -angle.sin(), zero, angle.cos()]
    rotations = torch.stack(rows, dim=1).view(frames, 3, 3)
    translations = torch.tensor([0.0, 0.0, -_DISTANCE]).expand(frames, 3).clone()
    windows = torch.zeros(frames, head.config.landmarks.window, 68, 3)
    return Subject(head, torso, camera, *(part.to(device) for part in (rotations, translations, windows)))


def measure_speed(subject: Subject, sizes: Sequence[int], progress: Progress = QUIET) -> list[Speed]:
    """Draw all frames at each size, after a warm-up.

    Raises:
        InputError: a size is not between `SMALLEST` and `LARGEST`.
    """
    for size in sizes:
        if not SMALLEST <= size <= LARGEST:
            raise InputError(f"the size {size} is not allowed; give {SMALLEST} to {LARGEST} pixels")
    return [_measure(subject, size, progress) for size in sizes]


def _measure(subject: Subject, size: int, progress: Progress) -> Speed:
    camera = scaled(subject.camera, size)
    scene = torch.zeros(size, size, 3, device=subject.rotations.device)

    def head(frame: int) -> HeadImage:
        return subject.head.render_frame(camera, *_face(subject, frame), scene)

    def whole(frame: int) -> HeadImage:
        assert subject.torso is not None
        return subject.torso.render_frame(subject.head, camera, *_face(subject, frame), scene)

    draw = head if subject.torso is None else whole
    count = len(subject.rotations)
    for number in range(WARM_UP):
        draw(number % count)
    seconds, of_head, images = [], [], []
    for frame in progress.track(range(count), f"drawing {size} px"):
        taken, image = _timed(partial(draw, frame), scene.device)
        seconds.append(taken)
        images.append(image)
        # The torso draws the head itself: what the head takes of it is what it takes alone.
        of_head.append(taken if subject.torso is None else _timed(partial(head, frame), scene.device)[0])
    fast, median, slow = np.percentile(seconds, [25, 50, 75])
    rays, samples = (sum(getattr(one, name) for one in images) for name in ("num_rays", "num_samples"))
    share = min(1.0, float(np.median(of_head) / median))
    return Speed(size, count, 1 / median, 1 / slow, 1 / fast, rays / count, samples / max(1, rays), share, 1 - share)


def _face(subject: Subject, frame: int) -> tuple[Tensor, Tensor, Tensor]:
    return subject.rotations[frame], subject.translations[frame], subject.windows[frame]


def _timed(draw: Callable[[], HeadImage], device: torch.device) -> tuple[float, HeadImage]:
    begin = time.perf_counter()
    image = draw()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin, image


def machine(device: str = "cpu", *, compiled: bool = False) -> Machine:
    """Describe the machine that a device belongs to, and whether networks were compiled for it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    on_cuda = device.startswith("cuda")
    return Machine(
        processor=_processor(),
        cores=cores,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        device=torch.cuda.get_device_name(device) if on_cuda else "cpu",
        precision="bfloat16" if on_cuda or multiplies_bfloat16() else "float32",
        compiled=compiled,
    )


def _processor() -> str:
    """Name of the processor: what Linux says of it, or what Python knows."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()

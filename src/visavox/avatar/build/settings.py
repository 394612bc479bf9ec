"""Settings of the building of an avatar. Nothing heavy is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from visavox.avatar.dataset import DataSettings
from visavox.errors import InputError
from visavox.runtime.device import Device
from visavox.runtime.ranges import Range, check_ranges

Preset = Literal["cpu", "small", "full"]
BuildStep = Literal["data", "head", "torso", "postnet", "measured", "packed"]

SIZES: dict[Preset, int] = {"cpu": 128, "small": 256, "full": 512}
"""Side of the images of each preset, in pixels."""
BUILD_STEPS: tuple[BuildStep, ...] = ("data", "head", "torso", "postnet", "measured", "packed")
"""Steps of a build, in order."""


@dataclass(frozen=True)
class BuildSettings:
    """Preset, length and device of a build."""

    preset: Preset = "cpu"
    """cpu (images of 128 pixels, two cores), small (256), or full (512, for a GPU): images and recipes."""
    minutes: Annotated[float | None, Range(above=0, maximum=100_000, example=60)] = None
    """Minutes to train head and torso in, divided between them by the speed that is measured here; the video, the
    post-net and the measuring come on top. By default the steps of the recipes."""
    head_steps: Annotated[int | None, Range(minimum=1)] = None
    """Updates of the head, in place of the recipe's."""
    torso_steps: Annotated[int | None, Range(minimum=1)] = None
    """Updates of the torso, likewise."""
    postnet_steps: Annotated[int | None, Range(minimum=1)] = None
    """Updates of the post-net, likewise."""
    dataset: Path | None = None
    """Prepared clips of other speakers (visavox prepare), whose speech the post-net is trained on as well."""
    motion: str = "motion"
    """Motion VAE that the avatar will speak by: a shipped name, a path, or hf:OWNER/REPOSITORY/FILE."""
    licence: str = ""
    """Permitted uses of the avatar; written into it."""
    attribution: str = ""
    """Credit to be given when it is used; written into it."""
    until: BuildStep = "packed"
    """Stop after this stage: data, head, torso, postnet, measured, or packed (all)."""
    device: Device = "auto"
    """Device of the trainings."""
    workers: Annotated[int | None, Range(minimum=0, lowest="none but this process")] = None
    """Processes that prepare batches, in place of the recipe's; 0 prepares them in the training's own."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    """Seed of everything that is drawn at random."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)
        if self.minutes is not None and (self.head_steps or self.torso_steps):
            raise InputError("minutes were given, and steps of head or torso too; give one of them")

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return SIZES[self.preset]

    def check_size(self, data: DataSettings) -> None:
        """See that the data set was not asked for in another size than the preset has.

        Raises:
            InputError: it was.
        """
        if data.size not in (None, self.size):
            fitting = next((name for name, size in SIZES.items() if size == data.size), None)
            raise InputError(
                f"--size {data.size} was given, and images of --preset {self.preset} have {self.size} pixels; leave "
                f"--size out, or give --preset {fitting}"
            )

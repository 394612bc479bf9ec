"""What a user can choose about the building of an avatar. Settings only: nothing heavy is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from visavox.avatar.dataset.settings import DataSettings
from visavox.errors import InputError
from visavox.runtime.device import Device
from visavox.runtime.ranges import Range, check_ranges

Preset = Literal["cpu", "small", "full"]
Stage = Literal["data", "head", "torso", "postnet", "measured", "packed"]

SIZES: dict[Preset, int] = {"cpu": 128, "small": 256, "full": 512}
"""Side of the pictures of each preset, in pixels."""
STAGES: tuple[Stage, ...] = ("data", "head", "torso", "postnet", "measured", "packed")
"""What a build does, in order."""


@dataclass(frozen=True)
class BuildSettings:
    """How an avatar is learned."""

    preset: Preset = "cpu"
    """cpu (pictures of 128 pixels, two cores), small (256), or full (512, for a GPU): pictures and recipes."""
    minutes: Annotated[float | None, Range(above=0, maximum=100_000, example=60)] = None
    """Minutes to train head and torso in, divided between them by the speed that is measured here; the footage, the
    post-net and the measuring come on top. By default the steps of the recipes."""
    head_steps: Annotated[int | None, Range(minimum=1)] = None
    """Updates of the head, in place of the recipe's."""
    torso_steps: Annotated[int | None, Range(minimum=1)] = None
    """Updates of the torso, likewise."""
    postnet_steps: Annotated[int | None, Range(minimum=1)] = None
    """Updates of the post-net, likewise."""
    dataset: Path | None = None
    """Prepared clips of other speakers (visavox prepare), whose speech the post-net hears as well."""
    motion: str = "motion"
    """Motion VAE that the avatar will speak by: a shipped name, a path, or hf:OWNER/REPOSITORY/FILE."""
    licence: str = ""
    """What the avatar may be used for; written into it."""
    attribution: str = ""
    """Who is to be named when it is used; written into it."""
    until: Stage = "packed"
    """Stop after this stage: data, head, torso, postnet, measured, or packed (all)."""
    device: Device = "auto"
    """Where to train."""
    workers: Annotated[int | None, Range(minimum=0, lowest="none but this process")] = None
    """Processes that prepare batches, in place of the recipe's; 0 prepares them in the training's own."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    """Where all chance comes from."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)
        if self.minutes is not None and (self.head_steps or self.torso_steps):
            raise InputError("minutes were given, and steps of head or torso too; give one of them")

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return SIZES[self.preset]

    def check_size(self, data: DataSettings) -> None:
        """See that the data set was not asked for in another size than the preset has.

        Raises:
            InputError: it was.
        """
        if data.size not in (None, self.size):
            fitting = next((name for name, size in SIZES.items() if size == data.size), None)
            raise InputError(
                f"--size {data.size} was given, and pictures of --preset {self.preset} have {self.size} pixels; leave "
                f"--size out, or give --preset {fitting}"
            )

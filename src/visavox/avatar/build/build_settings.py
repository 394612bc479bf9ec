"""What a user can choose about the building of an avatar. Settings only: nothing heavy is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visavox.avatar.dataset.settings import DataSettings
from visavox.errors import InputError
from visavox.runtime.device import Device

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
    minutes: float | None = None
    """Minutes to train head and torso in, divided between them by the speed that is measured here; the footage, the
    post-net and the measuring come on top. By default the steps of the recipes."""
    head_steps: int | None = None
    """Updates of the head, in place of the recipe's."""
    torso_steps: int | None = None
    """Updates of the torso, likewise."""
    postnet_steps: int | None = None
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
    workers: int | None = None
    """Processes that prepare batches, in place of the recipe's; 0 prepares them in the training's own."""
    seed: int = 0
    """Where all chance comes from."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.preset not in SIZES:
            raise InputError(f"preset is {self.preset!r}; give {', '.join(SIZES)}")
        if self.until not in STAGES:
            raise InputError(f"until is {self.until!r}; give {', '.join(STAGES)}")
        if self.minutes is not None and not 0 < self.minutes <= 100_000:
            raise InputError(f"minutes is {self.minutes:g}; give more than 0, such as 60")
        for name in ("head_steps", "torso_steps", "postnet_steps"):
            steps = getattr(self, name)
            if steps is not None and steps < 1:
                raise InputError(f"{name} is {steps}; give 1 or more, or leave it out")
        if self.minutes is not None and (self.head_steps or self.torso_steps):
            raise InputError("minutes were given, and steps of head or torso too; give one of them")
        if self.workers is not None and self.workers < 0:
            raise InputError(f"workers is {self.workers}; give 0 (none but this process) or more")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"seed is {self.seed}; give 0 to {2**31 - 1}")

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

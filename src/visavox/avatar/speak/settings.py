"""Settings of an avatar that speaks. Nothing heavy is loaded here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec

from visavox.errors import InputError
from visavox.media import Encoding
from visavox.runtime.device import Device
from visavox.runtime.ranges import Range, check_ranges

_PASTE: PrimitiveConstructorSpec[str | None] = PrimitiveConstructorSpec(
    nargs=(0, 1),
    metavar="[FOLDER]",
    instance_from_str=lambda words: words[0] if words else "",
    is_instance=lambda value: value is None or isinstance(value, str),
    str_from_instance=lambda value: [value] if value else [],
)
"""`--paste` alone, or with a folder."""


@dataclass(frozen=True)
class AvatarSpeakSettings:
    """Pose, blinks, scene and size of an avatar that speaks."""

    pose: str = "original"
    """Movement of the head. original: as in the video, to and fro for as long as is needed; still: not at all; or a
    video, whose head movement is brought into the range of the person's."""
    blink: str = "natural"
    """natural (as the person does), none, or blinks a minute."""
    seed: Annotated[int, Range(minimum=0)] = 0
    """Another number gives another motion for the same speech, and other blinks."""
    temperature: Annotated[float | None, Range(0, 2, lowest="most likely", example=0.7)] = None
    """Share of chance in the motion; 0 the most likely one, 1 all that people do, the motion model's own
    default when left out."""
    size: int | None = None
    """Side of the image in pixels, even; that of the images that the avatar was learned from when left out. With
    --paste, the side at which the head is drawn before it is fitted into the frame."""
    background: str = "original"
    """Scene behind the person. original: the scene of the video; green; transparent (.mov or .webm); or an image,
    of which the middle is taken."""
    paste: Annotated[str | None, _PASTE] = None
    """Put the drawn head back into the frames of the video, at their full resolution. Alone, the video is looked
    for where it was; with a folder, there."""
    threads: Annotated[int | None, Range(minimum=1)] = None
    """Processor threads of the networks; half of the cores when left out, because encoding runs beside them."""
    device: Device = "auto"
    """Device of the networks; auto takes a GPU when there is one."""
    compile: bool = False
    """Compile head and torso first, which takes a while and pays for long recordings; on a CUDA device only."""
    encoding: Encoding = field(default_factory=Encoding)
    """Encoding of the result."""
    overwrite: bool = False
    """Replace the output when it exists."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)
        if self.pastes and self.pose != "original":
            raise InputError("the head is pasted into the video, whose pose it has; leave out --pose or --paste")
        if self.pastes and self.background != "original":
            raise InputError("the head is pasted into the video, which has its own background; leave out one of both")

    @property
    def pastes(self) -> bool:
        """True where the head goes back into the video."""
        return self.paste is not None

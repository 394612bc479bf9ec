"""Settings of a dub, and its result; nothing heavy is loaded here."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from tyro.conf import arg

from visavox.errors import InputError
from visavox.face.geometry import FaceBox
from visavox.media import Encoding
from visavox.runtime.device import Device

Extend = Literal["pingpong", "loop", "freeze", "stop"]
Tail = Literal["cut", "original", "silent"]

_LONGEST_OFFSET = 60_000.0


@dataclass(frozen=True)
class DubSettings:
    """Settings of a dub."""

    speaker: Annotated[str, arg(name="face")] = "largest"
    """Face that speaks: largest, leftmost, rightmost, all, or a number (0 is the most prominent one)."""
    face_box: FaceBox | None = None
    """The face inside this box instead: x0,y0,x1,y1 in pixels of the upright image, at its first frames."""
    track: Path | None = None
    """Use this track file (made by `visavox track` or by --save-track) instead of looking for faces."""
    save_track: Path | None = None
    """Save the faces that were found here (.npz), for --track of a later job on the same video."""
    cache_track: bool = False
    """Keep the faces that were found in the cache, and take them from there when the same video comes again."""
    audio_offset: float = 0.0
    """Shift the sound against the mouth, in milliseconds: with 40 the sound of a word comes 40 ms later than its
    mouth. Change it when lips look late (positive) or early (negative)."""
    extend: Extend = "pingpong"
    """Sound longer than the video: play the video back and forth (no jump), loop it, freeze its last frame, or
    stop with the video and cut the sound."""
    tail: Tail = "cut"
    """Video longer than the sound: cut the video, play the rest as it was (with its own sound), or play the rest
    with a resting mouth in silence."""
    mix: float | None = None
    """Keep the original soundtrack under the speech, this many dB louder than it was (-20: a tenth); not kept when
    left out."""
    close_in_silence: bool = True
    """Give the network true silence in pauses of 0.3 s or more, so that noise does not move the lips."""
    reference: str = "auto"
    """The image that shows the network what the lower face looks like. auto: a sharp, calm frame of each shot with
    the lips a little parted; same: each frame itself, as the published Wav2Lip does; or the number of a frame."""
    track_smoothing: float = 0.03
    """Standard deviation, in seconds, of the smoothing of the mask's border over time."""
    expressiveness: float | None = None
    """Factor on the movement of the mouth: 1 as the model predicts for a typical speaker, 0.5 half as wide. When left
    out, between 0.75 and 1.4, as this person's mouth moves in the video."""
    motion: Path | None = None
    """For models driven by motion: take it from this file (.npz, made by `visavox motion` from a performance or
    from other speech) instead of from the sound."""
    openness: float | None = None
    """For models driven by motion: how far lips open, 0.8 to 1.2, 1 when left out; what is shut stays shut."""
    seed: int | None = None
    """For models driven by motion: another number gives another motion for the same speech; 0 when left out."""
    temperature: float | None = None
    """For models driven by motion: how much of it is left to chance; 0 the most likely one, 1 all that people
    do, the motion model's own default when left out."""
    match_color: bool = True
    """Shift the rendered skin to the colour of the skin around it."""
    sharpen: float = 0.6
    """Share of its finest detail that is added to the mouth once more (an unsharp mask); 0 pastes it as it is."""
    keep_detail: float = 1.0
    """Share, 0-1, of the source's grain and fine skin detail that is kept on cheeks and chin."""
    batch_size: int = 8
    """Faces that the network renders at a time."""
    threads: int | None = None
    """Processor threads of the network; half of the cores when left out, because decoding, pasting and encoding run
    beside it, and a network whose threads wait for a core is slower than one with fewer."""
    device: Device = "auto"
    """Device of the network; auto takes a GPU when there is one."""
    backend: str = "torch"
    """Backend that runs the network."""
    encoding: Encoding = field(default_factory=Encoding)
    """Codecs and quality of the result."""
    overwrite: bool = False
    """Replace the output when it exists."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name, allowed in (("extend", Extend), ("tail", Tail), ("device", Device)):
            if getattr(self, name) not in get_args(allowed):
                raise InputError(f"{name} is {getattr(self, name)!r}; allowed are {', '.join(get_args(allowed))}")
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}; give 1 or more")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads is {self.threads}; give 1 or more")
        if not 0 <= self.keep_detail <= 1:
            raise InputError(f"keep_detail is {self.keep_detail}; give a share between 0 and 1")
        if not 0 <= self.sharpen <= 3:
            raise InputError(f"sharpen is {self.sharpen}; give 0 to 3")
        if self.expressiveness is not None and not 0 <= self.expressiveness <= 2:
            raise InputError(f"expressiveness is {self.expressiveness}; give 0 to 2, 1 for a typical speaker")
        if self.openness is not None and not 0.8 <= self.openness <= 1.2:
            raise InputError(f"openness is {self.openness}; give 0.8 to 1.2, 1 for what the motion says")
        if self.seed is not None and self.seed < 0:
            raise InputError(f"seed is {self.seed}; give 0 or more")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise InputError(f"temperature is {self.temperature}; give 0 (most likely) to 2")
        if self.motion is not None and (self.seed is not None or self.temperature is not None):
            raise InputError("motion is given together with seed or temperature; a motion from a file leaves no chance")
        if not 0 <= self.track_smoothing <= 1:
            raise InputError(f"track_smoothing is {self.track_smoothing} s; give 0 to 1")
        if not math.isfinite(self.audio_offset) or abs(self.audio_offset) > _LONGEST_OFFSET:
            raise InputError(f"audio_offset is {self.audio_offset}; give milliseconds between -60000 and 60000")
        if self.mix is not None and not -100 <= self.mix <= 20:
            raise InputError(f"mix is {self.mix}; give decibels between -100 and 20, such as -20")
        if self.reference not in ("auto", "same") and not self.reference.isdecimal():
            raise InputError(f"reference is {self.reference!r}; allowed are auto, same or the number of a frame")
        self._check_faces()

    def _check_faces(self) -> None:
        if self.speaker not in ("largest", "leftmost", "rightmost", "all") and not self.speaker.isdecimal():
            raise InputError(
                f"face is {self.speaker!r}; allowed are largest, leftmost, rightmost, all or a number (0 is the most"
                " prominent face)"
            )
        if self.face_box is not None and self.track is not None:
            raise InputError("both face_box and track are given; a track file already says where the face is")
        if self.save_track is not None and os.path.splitext(self.save_track)[1].lower() != ".npz":
            raise InputError(f"save_track is {self.save_track}; a track file ends in .npz")

    @property
    def audio_lead(self) -> Fraction:
        """Seconds by which the audio that a mouth shows lies ahead of its image."""
        return Fraction(self.audio_offset).limit_denominator(1_000_000) / 1000


@dataclass(frozen=True)
class DubResult:
    """Result of a dub, every frame accounted for."""

    output: str
    """Path of the result."""
    seconds: float
    """Length of the result in seconds."""
    num_frames: int
    """Frames of the result."""
    num_repainted: int
    """Frames in which at least one mouth was rendered."""
    passed_through: dict[str, int]
    """Frames left as they were: reason, such as "no face", to their number."""
    num_faces: int
    """Faces that speak."""
    audio_seconds: float
    """Length of the recording in seconds."""
    decisions: tuple[str, ...] = ()
    """Decisions that were made on the way, in words, such as how a video shorter than the recording was made longer."""
    truncated: bool = False
    """True if the video broke off before its declared end."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds of each stage: sound, track, references, network, composite, and total. Stages of the second pass
    overlap, and with decoding and encoding."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)

    def summary(self) -> str:
        """Say in one line what was made."""
        parts = [f"{self.num_repainted} of {self.num_frames} frames repainted"]
        parts += [f"{count} passed through ({reason})" for reason, count in self.passed_through.items()]
        return f"{self.output}: {self.seconds:.2f} s, {', '.join(parts)}"

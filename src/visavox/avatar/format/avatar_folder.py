"""The folder of an avatar: all that speaking needs of one person.

| file | holds |
|---|---|
| `avatar.json` | what is known of the avatar (`AvatarInfo`); written last, so that a folder with it is whole |
| `head.safetensors`, `torso.safetensors` | the networks, in half precision; of the codes of frames the mean |
| `postnet.safetensors` | the person's speaking style; not every avatar has one |
| `performance.npz` | motion and pose of the video that was learned from, frame by frame |
| `background.png` | the empty scene |

`data` (the person's data set) and `training` (run folders) beside them are only for building, and may be deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visavox.data.radiance import PersonCamera
from visavox.errors import InputError
from visavox.runtime.files import write_whole
from visavox.runtime.serialization import from_mapping
from visavox.types import HeadPose, Motion, PathLike

if TYPE_CHECKING:
    from torch import nn

    from visavox.models.radiance import Head, Torso
    from visavox.motion.speech_to_motion import SpeakerAdapter

FORMAT = 1
"""Raised when a folder is laid out differently."""
INFO_FILE = "avatar.json"
HEAD_FILE, TORSO_FILE, POSTNET_FILE = "head.safetensors", "torso.safetensors", "postnet.safetensors"
PERFORMANCE_FILE, BACKGROUND_FILE = "performance.npz", "background.png"
NEEDED = (INFO_FILE, HEAD_FILE, TORSO_FILE, PERFORMANCE_FILE, BACKGROUND_FILE)
"""Files that an avatar cannot speak without."""
_MAKE = "make it with `visavox avatar build VIDEO -o AVATAR`"


@dataclass(frozen=True)
class SourceVideo:
    """One of the videos."""

    path: str
    """Path at the time of the build, absolute or relative to the folder of the avatar."""
    num_frames: int
    """Frames of it, 25 a second."""
    lag: float = 0.0
    """Seconds by which its audio was moved."""


@dataclass(frozen=True)
class SourceCrop:
    """The square of the videos' frames that the avatar was learned from, in pixels of the frame."""

    x: int
    """Left border."""
    y: int
    """Upper border."""
    side: int
    """Side."""


@dataclass(frozen=True)
class AvatarSource:
    """The videos that an avatar was learned from."""

    videos: tuple[SourceVideo, ...]
    """The videos, in the order of their frames."""
    crop: SourceCrop
    """The square that was cut out of them."""
    frame_size: tuple[int, int]
    """Width and height of their frames, upright, in pixels."""


@dataclass(frozen=True)
class AvatarInfo:
    """Description of an avatar, read without loading its networks."""

    size: int
    """Side of the images that it was learned from, in pixels."""
    camera: PersonCamera
    """The camera that looked at the person, in pixels of those images."""
    stretches: tuple[tuple[int, int], ...]
    """Intervals [start, stop) of the performance in which time goes on without a joint."""
    motion: str = "motion"
    """Motion VAE that belongs to it: a shipped name, a path, or hf:OWNER/REPOSITORY/FILE."""
    preset: str = ""
    """The recipe that it was built by."""
    licence: str = ""
    """Permitted uses."""
    attribution: str = ""
    """Credit to be given."""
    source: AvatarSource | None = None
    """The videos; None where they are not known."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values on the part of the video that was held out."""

    @classmethod
    def load(cls, folder: PathLike) -> AvatarInfo:
        """Read what is known of an avatar.

        Raises:
            InputError: the folder is no avatar, is not finished, is damaged, or was made by a newer visavox.
        """
        place = Path(folder)
        _check_whole(place)
        path = place / INFO_FILE
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error
        if not isinstance(stored, dict) or not isinstance(stored.get("format"), int):
            raise _damaged(path, ValueError("it names no format"))
        if stored.pop("format") != FORMAT:
            raise InputError(
                f"{place} is an avatar of another format than {FORMAT}, which this visavox reads; install a newer "
                "visavox, or build the avatar again"
            )
        values = stored.pop("figures", {})
        source = stored.get("source")
        if isinstance(source, dict) and "footage" in source:
            stored["source"] = {**source, "videos": source["footage"]}
            del stored["source"]["footage"]
        try:
            info = from_mapping(cls, stored)
            _check_stretches(info.stretches)
        except ValueError as error:
            raise _damaged(path, error) from error
        return cls(**{**vars(info), "values": values})

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, under the names that the format has had from the beginning."""
        stored = asdict(self)
        values = stored.pop("values")
        if stored["source"] is not None:
            stored["source"] = {"footage": stored["source"].pop("videos"), **stored["source"]}
        return {"format": FORMAT, **stored, "figures": values}

    @property
    def num_frames(self) -> int:
        """Frames of the performance."""
        return self.stretches[-1][1]


@dataclass(frozen=True)
class AvatarFolder:
    """An avatar whose parts were read."""

    folder: Path
    """The folder."""
    info: AvatarInfo
    """Content of its `avatar.json`."""
    head: Head
    """Renders the head."""
    torso: Torso
    """Renders neck and shoulders."""
    adapter: SpeakerAdapter | None
    """Brings motion to the person; None: the avatar has no post-net."""
    motion: Motion
    """Motion of the person in the video, T frames."""
    pose: HeadPose
    """Pose of their head in the same frames."""
    background: np.ndarray
    """uint8 (H, W, 3): the empty scene, as large as the images that the avatar was learned from."""

    @property
    def camera(self) -> PersonCamera:
        """The camera that looked at the person."""
        return self.info.camera

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """Intervals [start, stop) in which time goes on without a joint."""
        return self.info.stretches


def read_avatar(folder: PathLike, *, device: str = "cpu") -> AvatarFolder:
    """Read all parts of an avatar.

    Args:
        folder: the avatar.
        device: where its networks are to lie.

    Raises:
        InputError: the folder is no avatar, or a part of it is missing, damaged, or does not fit the others.
    """
    from visavox.media import read_still
    from visavox.models.motion import PostNet
    from visavox.models.radiance import Head, Torso
    from visavox.motion.motion_file import load_performance
    from visavox.motion.speech_to_motion import SpeakerAdapter
    from visavox.weights import load_model

    place = Path(folder)
    info = AvatarInfo.load(place)
    motion, pose = load_performance(place / PERFORMANCE_FILE)
    if pose is None or motion.num_frames != info.num_frames:
        raise _damaged(place / PERFORMANCE_FILE, ValueError("it is not the performance that avatar.json tells of"))
    background = read_still(str(place / BACKGROUND_FILE), str(place / BACKGROUND_FILE))[0]
    if background.shape != (info.size, info.size, 3) or info.camera.size != info.size:
        raise _damaged(place / BACKGROUND_FILE, ValueError(f"it is not {info.size} pixels square"))
    adapter: Any = None
    if (place / POSTNET_FILE).is_file():
        adapter = SpeakerAdapter(load_model(place / POSTNET_FILE, PostNet, device=device))
    head = load_model(place / HEAD_FILE, Head, device=device)
    torso = load_model(place / TORSO_FILE, Torso, device=device)
    return AvatarFolder(place, info, head, torso, adapter, motion, pose, background)


def write_avatar(
    folder: PathLike,
    info: AvatarInfo,
    weights: Mapping[str, PathLike],
    *,
    motion: Motion,
    pose: HeadPose,
    background: np.ndarray,
) -> None:
    """Write an avatar; until it is whole the folder has no `avatar.json`, and is none.

    Args:
        folder: made where it is missing; an avatar that is there is replaced.
        info: what is known of it.
        weights: weights files of `head` and `torso`, and of `postnet` where the avatar has one.
        motion: of the video's frames that were learned from.
        pose: of the same frames.
        background: uint8 (size, size, 3), the empty scene.

    Raises:
        InputError: a weights file cannot be used, or the folder cannot be written.
        ValueError: the parts do not fit together.
    """
    from PIL import Image

    from visavox.motion.motion_file import save_motion

    _check_stretches(info.stretches)
    if background.shape != (info.size, info.size, 3) or info.camera.size != info.size:
        raise ValueError(f"a background {background.shape} does not fit images of {info.size} pixels")
    if not motion.num_frames == pose.num_frames == info.num_frames:
        raise ValueError(
            f"{motion.num_frames} frames of motion, {pose.num_frames} of pose, and stretches of {info.num_frames}"
        )
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / INFO_FILE).unlink(missing_ok=True)
        _store(weights["head"], "head", place / HEAD_FILE, info.licence)
        _store(weights["torso"], "torso", place / TORSO_FILE, info.licence)
        if "postnet" in weights:
            _store(weights["postnet"], "postnet", place / POSTNET_FILE, info.licence)
        else:
            (place / POSTNET_FILE).unlink(missing_ok=True)
        save_motion(motion, place / PERFORMANCE_FILE, pose=pose)
        Image.fromarray(background).save(place / BACKGROUND_FILE)
        write_whole(place / INFO_FILE, json.dumps(info.to_json(), indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise InputError(f"{place} cannot be written ({error.strerror or error}); give another folder") from error


def _store(source: PathLike, network: str, target: Path, licence: str) -> None:
    """Copy a weights file: head and torso in half precision, and of their individual codes the mean alone."""
    import torch

    from visavox.models.motion import PostNet
    from visavox.models.radiance import Head, Torso
    from visavox.weights import load_model, read_info, save_model

    path = Path(source)
    kinds: dict[str, type[nn.Module]] = {"head": Head, "torso": Torso, "postnet": PostNet}
    module: Any = load_model(path, kinds[network])
    card = read_info(path).card
    card = replace(card, licence=licence or card.licence)
    has_codes = network in ("head", "torso")
    if has_codes:
        module = _with_mean_code(module)
    dtype = torch.float16 if has_codes else torch.float32
    save_model(target, module, card, dtype=dtype)


def _with_mean_code(module: Any) -> Any:
    """A head or torso whose only individual code is the mean of all, which is what images are made with."""
    import torch

    with torch.device("meta"):
        packed = type(module)(replace(module.config, num_frames=1))
    state = module.state_dict()
    state["appearance"] = state["appearance"].mean(dim=0, keepdim=True)
    packed.load_state_dict(state, assign=True)
    return packed


def _check_whole(place: Path) -> None:
    if not place.is_dir():
        what = "is a file" if place.exists() else "does not exist"
        raise InputError(f"the avatar {place} {what}; give the folder of an avatar, or {_MAKE}")
    missing = [name for name in NEEDED if not (place / name).is_file()]
    if missing:
        raise InputError(
            f"{place} is not an avatar, or not a finished one: {', '.join(missing)} is missing; {_MAKE} (the same "
            "command goes on where an earlier one was ended)"
        )


def _check_stretches(stretches: tuple[tuple[int, int], ...]) -> None:
    """See that stretches follow one another from the first frame on.

    Raises:
        ValueError: they do not.
    """
    last = 0
    for start, stop in stretches:
        if start != last or stop <= start:
            raise ValueError(f"its stretches do not follow one another: {start} to {stop} comes after {last}")
        last = stop
    if not stretches:
        raise ValueError("it has no stretch of time")


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} is damaged or not what an avatar holds ({error}); build the avatar again, or fetch it again"
    )


SHIPPED_FOLDER = Path(__file__).parents[1] / "shipped"
"""Folder of the shipped avatars, a folder each."""
DEMO_AVATAR = "grid-s1"
"""The one that the demo speaks with."""


def list_avatars(folder: Path = SHIPPED_FOLDER) -> list[str]:
    """Names of the avatars that come with visavox."""
    return sorted(path.parent.name for path in folder.glob(f"*/{INFO_FILE}"))


def find_avatar(name_or_path: PathLike, folder: Path = SHIPPED_FOLDER) -> Path:
    """Find the folder of an avatar.

    Args:
        name_or_path: the name of one that comes with visavox, or a folder, whose parts are not looked at.
        folder: where those that come with visavox lie.

    Raises:
        InputError: there is neither.
    """
    shipped = list_avatars(folder)
    if str(name_or_path) in shipped:
        return folder / str(name_or_path)
    path = Path(name_or_path)
    if path.exists():
        return path
    known = f"those that come with visavox are {', '.join(shipped)}" if shipped else "none comes with this visavox"
    raise InputError(
        f"there is no avatar {name_or_path}; give the folder of one ({known}), or make it with `visavox avatar build "
        "VIDEO -o AVATAR`"
    )

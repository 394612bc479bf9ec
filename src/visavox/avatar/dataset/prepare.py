"""From video to a person's data set, stage by stage.

    headers ─► track ─► checks ─► crop and person ─► empty scene ─► head, torso ─► motion, speech, split ─► report

Every stage keeps what it made. The same call after an interruption goes on in the middle of the stage that was ended; a
changed setting redoes the stages that it touches. Images are streamed from the videos to mapped arrays.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.avatar.dataset.background import Plate, clean_plate
from visavox.avatar.dataset.camera import (
    GIVEN_HEAD,
    PERSON,
    SEGMENTED,
    CropPlan,
    camera_motion,
    crop_camera,
    cut_crops,
    plan_crop,
)
from visavox.avatar.dataset.checks import Finding, check_headers, check_images, check_tracked, refuse_failed
from visavox.avatar.dataset.report import write_report
from visavox.avatar.dataset.segmentation import WORKED, segment_person
from visavox.avatar.dataset.settings import DataSettings
from visavox.avatar.dataset.signals import Lags, measure_lags, read_person_audio, write_motion, write_speech
from visavox.avatar.dataset.tracking import (
    PersonTrack,
    PersonVideos,
    VideoTrack,
    faces_beside,
    find_videos,
    person_track,
    stretches,
    track_videos,
)
from visavox.constants import FRAME_RATE
from visavox.data.radiance import (
    BACKGROUND,
    CAMERA,
    FRAMES,
    HEAD_MASK,
    MOTION,
    SPEECH,
    SPLIT,
    TORSO,
    TORSO_MASK,
    PersonCamera,
    PersonData,
)
from visavox.errors import InputError
from visavox.face.detect import MASK_SUFFIX, MaskFolder, open_segmenter
from visavox.progress import QUIET, Progress
from visavox.runtime.files import write_whole
from visavox.runtime.lock import locked
from visavox.runtime.resumable import ResumableSteps, key_of
from visavox.types import PathLike

DATA_FILE = "data.json"
"""Settings, findings and values of a data set."""
REPORT_FILE = "report.html"
"""The same for people, with images."""
VERSION = 1
"""Grows when the same video and settings begin to give other data."""
WORK = "work"
"""Folder of what the stages keep for one another; it may be deleted when all is done."""
BYTES_PER_PIXEL = 12
"""Of a frame on disk: image, two masks, the torso and what the stages keep."""
FACES_SAMPLED = 40
"""Stored images by which sharpness is evaluated."""


@dataclass(frozen=True)
class Prepared:
    """A finished data set and what is known of it."""

    data: PersonData
    """The data set."""
    values: dict[str, Any]
    """Content of `data.json`."""
    marks: dict[str, str]
    """Digests of its parts, by which a training knows its data: `pictures`, `motion` and `speech`, hexadecimal. One
    changes when what is learned from a part has to be learned again."""

    @property
    def findings(self) -> list[Finding]:
        """Answers to the questions about the video."""
        return [Finding(**one) for one in self.values["findings"]]


@dataclass(frozen=True)
class _Tracked:
    """State of the work once the face has been followed."""

    videos: PersonVideos
    tracks: list[VideoTrack]
    track: PersonTrack
    lags: Lags
    findings: list[Finding]
    plan: CropPlan
    camera: PersonCamera


def prepare_person(
    location: PathLike,
    folder: PathLike,
    settings: DataSettings | None = None,
    progress: Progress = QUIET,
) -> Prepared:
    """Make a person's data set of a video, or of a folder with videos of one fixed camera.

    Args:
        location: the video.
        folder: where the data set goes: new, empty, or begun by an earlier call with the same video.
        settings: how it is done.
        progress: takes the events.

    Raises:
        InputError: the video cannot become an avatar, or the folder cannot be used; said as early as it is known.
    """
    settings = settings or DataSettings()
    return prepare_videos(check_videos(location, settings), Path(folder), settings, progress)


def check_videos(location: PathLike, settings: DataSettings) -> PersonVideos:
    """Find the videos of a person, and check what their headers and the settings tell.

    Raises:
        InputError: they cannot become an avatar.
    """
    videos = find_videos(location)
    check_headers(videos, settings)
    if settings.masks is not None:
        MaskFolder(settings.masks)
    return videos


def prepare_videos(videos: PersonVideos, target: Path, settings: DataSettings, progress: Progress) -> Prepared:
    """Make a person's data set of videos that were checked; otherwise as `prepare_person`.

    Raises:
        InputError: what can only be known once the face has been followed.
    """
    _claim(target)
    with locked(target / WORK / "lock", "visavox avatar build", target):
        stages = ResumableSteps(target / WORK / "stages.json", target)
        tracked = _track(videos, target, settings, progress)
        _make_images(tracked, target, settings, stages, progress)
        marks = _marks(tracked, settings)
        usable = _make_numbers(tracked, target, settings, stages, marks)
        data = PersonData.load(target)
        values = _finish(data, tracked, usable, settings, stages)
    return Prepared(data, values, marks)


def _claim(folder: Path) -> None:
    """See that a folder is new, empty or ours, and make it.

    Raises:
        InputError: it is a file, holds something else, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the person's data")
    is_ours = (folder / WORK).is_dir() or (folder / DATA_FILE).is_file()
    if folder.is_dir() and not is_ours and any(folder.iterdir()):
        raise InputError(f"{folder} holds something that visavox avatar build did not make; give a new or empty folder")
    try:
        (folder / WORK).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}; give another folder") from None


def _track(videos: PersonVideos, folder: Path, settings: DataSettings, progress: Progress) -> _Tracked:
    """Follow the face, check the video, and choose what is cut out."""
    videos, tracks = track_videos(videos, folder / WORK / "tracks", progress)
    track = person_track(tracks, videos.frame_size)
    if not track.seen.any():
        raise InputError("no face was found in the video; give a video in which the person looks into the camera")
    audio = read_person_audio(videos)
    lags = measure_lags(audio, track)
    camera = camera_motion(tracks, videos.frame_size)
    findings = check_tracked(track, faces_beside(tracks), camera, audio, lags, settings)
    refuse_failed(findings, settings.force)
    plan = plan_crop(track, settings.side, settings.margin)
    _check_space(folder, track.num_frames, settings.side)
    return _Tracked(videos, tracks, track, lags, findings, plan, crop_camera(plan, track))


def _check_space(folder: Path, num_frames: int, size: int) -> None:
    have = sum(path.stat().st_size for path in folder.glob("*.npy")) + shutil.disk_usage(folder).free
    need = num_frames * size * size * BYTES_PER_PIXEL
    if need > have:
        raise InputError(
            f"the data of {num_frames} frames at {size} pixels needs {need / 1e9:.1f} GB and {folder} has "
            f"{have / 1e9:.1f} GB left; free some space, choose another folder, or a smaller --size"
        )


def _make_images(
    tracked: _Tracked, folder: Path, settings: DataSettings, stages: ResumableSteps, progress: Progress
) -> None:
    """Everything that has pixels."""
    plan = tracked.plan
    key = _images_key(tracked, settings)

    def cut() -> None:
        with open_segmenter(settings.masks) as segmenter:
            cut_crops(folder, tracked.videos, tracked.tracks, plan, segmenter, key, progress)

    stages.run("pictures", key, [FRAMES, PERSON, GIVEN_HEAD, SEGMENTED], cut)

    def empty_scene() -> dict[str, Any]:
        plate = clean_plate(
            np.load(folder / FRAMES, mmap_mode="r"),
            np.load(folder / PERSON, mmap_mode="r"),
            tracked.track.seen & (np.load(folder / SEGMENTED) > 0),
            progress,
        )
        write_whole(folder / BACKGROUND, lambda file: np.save(file, plate.image))
        write_whole(folder / SEEN, lambda file: np.save(file, plate.seen))
        return {"seen_share": round(float(plate.seen.mean()), 4), "noise": round(plate.noise, 3)}

    values = stages.run("background", key, [BACKGROUND, SEEN], empty_scene)
    plate = Plate(np.load(folder / BACKGROUND), np.load(folder / SEEN), values["noise"])

    def apart() -> None:
        segment_person(folder, tracked.track, plan, plate, key, progress)

    stages.run("masks", key, [HEAD_MASK, TORSO_MASK, TORSO, WORKED], apart)


SEEN = f"{WORK}/background_seen.npy"
"""bool (H, W): what of the background was seen empty."""


def _images_key(tracked: _Tracked, settings: DataSettings) -> str:
    videos = [video.digest for video in tracked.videos.files]
    return key_of(VERSION, videos, tracked.plan.as_dict(), _state_of_masks(settings.masks))


def _state_of_masks(folder: Path | None) -> list[Any] | None:
    """Return what changes when masks of one's own do: their place, their number, and the time of the last one."""
    if folder is None:
        return None
    times = [path.stat().st_mtime_ns for path in folder.rglob(f"*{MASK_SUFFIX}")]
    return [str(folder.resolve()), len(times), max(times, default=0)]


def _marks(tracked: _Tracked, settings: DataSettings) -> dict[str, str]:
    images = _images_key(tracked, settings)
    return {
        "pictures": images,
        "motion": key_of(images, settings.pose_smoothing),
        "speech": key_of(images, tracked.lags.seconds),
    }


def _make_numbers(
    tracked: _Tracked, folder: Path, settings: DataSettings, stages: ResumableSteps, marks: dict[str, str]
) -> np.ndarray:
    """Motion, camera, speech and split; returns which frames are usable."""
    track = tracked.track
    usable: np.ndarray = track.seen & (np.load(folder / WORKED) > 0)
    if usable.sum() < settings.minimum_seconds * FRAME_RATE and not settings.force:
        raise InputError(
            f"only {usable.sum() / FRAME_RATE:.1f} s could be told apart into person and background; give video "
            "in which one person stands out from what is behind them, or masks of your own (--masks)"
        )
    stages.run(
        "motion",
        marks["motion"],
        [MOTION],
        lambda: write_motion(folder / MOTION, track, usable, settings.pose_smoothing),
    )
    stages.run(
        "speech",
        marks["speech"],
        [SPEECH],
        lambda: write_speech(folder / SPEECH, read_person_audio(tracked.videos), tracked.lags, track),
    )
    write_whole(folder / CAMERA, json.dumps(asdict(tracked.camera), indent=2) + "\n")
    split = split_in_time(track.stretch, settings.test_share)
    write_whole(folder / SPLIT, json.dumps(split) + "\n")
    return usable


def _finish(
    data: PersonData, tracked: _Tracked, usable: np.ndarray, settings: DataSettings, stages: ResumableSteps
) -> dict[str, Any]:
    """Check the stored images, and write down what is known."""
    findings = [*tracked.findings, *check_images(_faces(data, tracked), tracked.plan)]
    track = tracked.track
    values = {
        "version": VERSION,
        "settings": {
            **asdict(settings),
            "size": settings.side,
            "masks": None if settings.masks is None else str(settings.masks),
        },
        "footage": {
            "videos": len(tracked.videos.files),
            "files": _files(tracked),
            "left_out": [list(one) for one in tracked.videos.left_out],
            "frame_size": list(track.frame_size),
            "stretches": len(stretches(track.stretch)),
        },
        "frames": {
            "all": track.num_frames,
            "usable": int(usable.sum()),
            "without_face": int((~track.seen).sum()),
            "not_segmented": int((track.seen & ~usable).sum()),
            "train": len(data.indices("train")),
            "test": len(data.indices("test")),
        },
        "crop": tracked.plan.as_dict(),
        "camera": asdict(data.camera),
        "background": stages.values("background"),
        "lags": sorted(set(tracked.lags.seconds)),
        "findings": [finding.as_dict() for finding in findings],
    }
    write_whole(data.folder / DATA_FILE, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    write_report(data.folder / REPORT_FILE, data, findings, values)
    return values


def _files(tracked: _Tracked) -> list[dict[str, Any]]:
    """List the videos in the order of their frames, with their path, number of frames and lag of the audio."""
    frames = np.bincount(tracked.track.video, minlength=len(tracked.videos.files))
    videos = zip(tracked.videos.files, frames, tracked.lags.seconds, strict=True)
    return [
        {"path": str(Path(video.path).resolve()), "frames": int(count), "lag": float(lag)}
        for video, count, lag in videos
    ]


def _faces(data: PersonData, tracked: _Tracked) -> list[np.ndarray]:
    """Some stored faces, cut out."""
    known = np.flatnonzero(data.usable)
    faces = []
    for index in known[np.unique(np.linspace(0, len(known) - 1, FACES_SAMPLED).astype(np.intp))]:
        points = tracked.plan.to_crop(tracked.track.landmarks[index])[:, :2]
        (x0, y0), (x1, y1) = (np.clip(edge, 0, data.size) for edge in (points.min(axis=0), points.max(axis=0)))
        face = np.asarray(data.frames[index, int(y0) : int(y1) + 1, int(x0) : int(x1) + 1])
        if min(face.shape[:2]) > 8:
            faces.append(face)
    return faces


Intervals = list[list[int]]

NEAR_JOINT = 0.02
"""Largest move of the border, as a share of all frames, to fall on a joint of videos or a cut."""


def split_in_time(stretch: np.ndarray, test_share: float) -> dict[str, Intervals]:
    """Divide the frames at one point in time.

    Args:
        stretch: (T,): number of the stretch of time that each frame belongs to.
        test_share: share of the frames that go to the test part.

    Returns:
        `train` and `test`: intervals [start, stop) that never cross a joint.
    """
    count = len(stretch)
    border = min(max(1, round(count * (1 - test_share))), count - 1)
    joints = np.array([start for start, _ in stretches(stretch)][1:], dtype=np.int64)
    if len(joints):
        nearest = int(joints[np.abs(joints - border).argmin()])
        if abs(nearest - border) <= NEAR_JOINT * count:
            border = nearest
    parts: dict[str, Intervals] = {"train": [], "test": []}
    for start, stop in stretches(stretch):
        if start < border:
            parts["train"].append([start, min(stop, border)])
        if stop > border:
            parts["test"].append([max(start, border), stop])
    return parts

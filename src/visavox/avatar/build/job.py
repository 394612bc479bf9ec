"""The build of an avatar as a job: the data set, then what is learned from it.

    data ─► head ─► torso ─► post-net ─► measured ─► packed

Every step keeps what it made, and a training its last checkpoint: the same job goes on where an earlier one was
interrupted or cancelled, and a changed setting redoes what it touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from visavox.avatar.build.settings import BUILD_STEPS, BuildSettings, BuildStep
from visavox.avatar.build.steps import TRAINING_FOLDER, TrainingSteps, progress_of_step
from visavox.avatar.dataset import DataSettings, Prepared, check_videos, prepare_videos
from visavox.avatar.dataset.tracking import PersonVideos
from visavox.avatar.format.avatar_folder import INFO_FILE
from visavox.data.generator import read_manifest
from visavox.errors import InputError
from visavox.progress import QUIET, Progress
from visavox.runtime.job import Job
from visavox.runtime.lock import locked
from visavox.types import PathLike
from visavox.weights import WEIGHTS_FOLDER, find_model

DATA_FOLDER = "data"
"""Folder of the data set within that of the avatar."""


@dataclass(frozen=True)
class BuildResult:
    """The result of a build."""

    folder: Path
    """The avatar."""
    prepared: Prepared
    """Its data set."""
    values: Mapping[str, Any]
    """Values on held-out frames; empty where the build stopped before."""
    steps: tuple[BuildStep, ...]
    """The steps that are done."""

    @property
    def can_speak(self) -> bool:
        """True where the avatar is whole, False where it was stopped before."""
        return self.steps == BUILD_STEPS


@dataclass(frozen=True)
class BuildRequest:
    """Files and settings of a build that passed the checks."""

    videos: PersonVideos
    """The videos of the person."""
    folder: Path
    """The folder of the avatar."""
    settings: BuildSettings
    """Settings of the trainings."""
    data: DataSettings
    """Settings of the data set."""


class BuildJob(Job[BuildResult]):
    """One avatar to be built, after its checks."""

    def __init__(self, request: BuildRequest) -> None:
        self._request = request

    def _work(self, progress: Progress) -> BuildResult:
        request = self._request
        steps = BUILD_STEPS[: BUILD_STEPS.index(request.settings.until) + 1]
        prepared = prepare_videos(
            request.videos, request.folder / DATA_FOLDER, request.data, progress_of_step(progress, "data")
        )
        values: dict[str, Any] = {}
        if len(steps) > 1:
            with locked(request.folder / TRAINING_FOLDER / "lock", "visavox avatar build", request.folder):
                training = TrainingSteps(request.folder, prepared, request.data, request.settings, progress)
                values = training.run(steps)
        return BuildResult(request.folder, prepared, values, steps)


def check(
    location: PathLike,
    folder: PathLike,
    settings: BuildSettings | None = None,
    data: DataSettings | None = None,
) -> BuildJob:
    """Check everything about a build that can be known before the work, and return it as a job.

        job = visavox.avatar.build.check("person.mp4", "AVATAR")
        result = job.run(on_event=print)

    Args:
        location: a video of the person, or a folder with videos of one fixed camera.
        folder: the avatar; its data set goes to `data` in it, and the runs to `training`. A job of the same files goes
            on where an earlier one stopped.
        settings: how it is learned.
        data: how the videos are prepared; its size is that of the preset.

    Returns:
        the job.

    Raises:
        InputError: the videos cannot become an avatar, or the folder or a setting cannot be used.
    """
    settings, data, target = settings or BuildSettings(), data or DataSettings(), Path(folder)
    settings.check_size(data)
    data = replace(data, size=settings.size)
    _check_folder(target)
    videos = check_videos(location, data)
    if settings.until != BUILD_STEPS[0]:
        settings = _checked(settings)
    return BuildJob(BuildRequest(videos, target, settings, data))


def build_avatar(
    location: PathLike,
    folder: PathLike,
    settings: BuildSettings | None = None,
    data: DataSettings | None = None,
    progress: Progress = QUIET,
) -> BuildResult:
    """Build an avatar of a person, or go on with it where an earlier call was ended.

    Args:
        location: a video of the person, or a folder with videos of one fixed camera.
        folder: the avatar; its data set goes to `data` in it, and the runs to `training`.
        settings: how it is learned.
        data: how the videos are prepared; its size is that of the preset.
        progress: takes the events, and may cancel the work.

    Raises:
        InputError: the videos cannot become an avatar, or the folder or a setting cannot be used; said as early as it
            is known.
        TrainingError: a training went wrong again and again.
        Cancelled: it was stopped, once a checkpoint was written; the same call goes on.
    """
    return check(location, folder, settings, data).run(progress=progress)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that is a file, or holds something else.

    Raises:
        InputError: it does.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the avatar")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names and not names & {DATA_FOLDER, TRAINING_FOLDER, INFO_FILE}:
        raise InputError(f"{folder} holds something that visavox avatar build did not make; give a new or empty folder")


def _checked(settings: BuildSettings) -> BuildSettings:
    """Refuse before the work what would be refused after hours; weights by a name that holds anywhere.

    Raises:
        InputError: device, data set or weights cannot be used.
    """
    from visavox.runtime.device import choose_device
    from visavox.training import SHIPPED_SYNCNET
    from visavox.training.motion import load_pair

    choose_device(settings.device)
    if settings.dataset is not None:
        read_manifest(settings.dataset)
    load_pair(SHIPPED_SYNCNET, settings.motion)
    path = find_model(settings.motion)
    is_own = path.parent != WEIGHTS_FOLDER and not settings.motion.startswith("hf:")
    return replace(settings, motion=str(path.resolve())) if is_own else settings

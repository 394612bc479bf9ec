"""Plot of GeneFace's domain adaptation: true and predicted landmark frames in the plane in which they differ most.

Frames of landmarks have 204 numbers each; the plane is that of their principal components over all clouds, each with
the same weight.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from visavox.data.motion import MotionClip, MotionStore
from visavox.errors import InputError
from visavox.evaluation.plot import IMAGE_SUFFIXES
from visavox.face.geometry import IBUG_68, canonical_face
from visavox.motion.speech_to_motion import SpeakerAdapter
from visavox.progress import QUIET, Progress
from visavox.runtime.files import PartialFile, write_whole
from visavox.training.motion import Draw
from visavox.types import PathLike

GREEN, BLUE, RED, ORANGE = "#3a9d5d", "#2f6db5", "#d43d3d", "#f28e1c"
"""Colours of true frames of many, true frames of the person, predicted ones, and adapted ones."""
_TEMPLATE = "motion_plot.html"


@dataclass(frozen=True)
class Cloud:
    """Frames of one kind."""

    name: str
    """Name of them, for the legend."""
    colour: str
    """CSS colour."""
    frames: np.ndarray
    """float32 (N, 68, 3), centimetres from the canonical face."""
    clips: list[str]
    """Name of the clip of each frame."""
    numbers: np.ndarray
    """int (N,), number of each frame in its clip."""

    def thinned(self, count: int, rng: np.random.Generator) -> Cloud:
        """Return at most `count` of the frames."""
        kept = np.sort(rng.choice(len(self.frames), min(count, len(self.frames)), replace=False))
        return Cloud(
            self.name, self.colour, self.frames[kept], [self.clips[place] for place in kept], self.numbers[kept]
        )


def check_plot_path(path: PathLike) -> None:
    """See whether a plot can be written, before anything is computed.

    Raises:
        InputError: the ending is unknown, or the folder does not exist.
        ModuleNotFoundError: it is an image, and matplotlib is not installed.
    """
    target = Path(path)
    allowed = (*IMAGE_SUFFIXES, ".html")
    if target.suffix.lower() not in allowed:
        raise InputError(f"{target} has no ending of a plot; give one of {', '.join(allowed)}.")
    if not target.resolve().parent.is_dir():
        raise InputError(
            f"there is no folder {target.resolve().parent} for the plot; make it, or choose another place."
        )
    if target.suffix.lower() != ".html":
        import matplotlib  # noqa: F401


@dataclass(frozen=True)
class Prediction:
    """Motion that is predicted for the speech of others."""

    draw: Draw
    """Makes motion for the speech of a clip (`visavox.training.motion.postnet_sources`)."""
    postnet: SpeakerAdapter | None = None
    """The person's post-net, applied to it; None leaves adapted predictions out."""
    name: str = "predicted"
    """Of that motion in the legend."""


def domain_clouds(
    store: MotionStore,
    person: str,
    prediction: Prediction | None = None,
    *,
    count: int = 1000,
    seed: int = 0,
    progress: Progress = QUIET,
) -> list[Cloud]:
    """Gather the frames of the plot.

    Args:
        store: clips of the person and of others.
        person: who the person is.
        prediction: what is predicted; None leaves it out.
        count: frames of each cloud.
        seed: where chance comes from.
        progress: where it is shown.

    Returns:
        true frames of the others, of the person, predicted ones for the speech of others, and those adapted.

    Raises:
        InputError: the person is not in the store, or nobody else is.
    """
    own, others = store.of_speaker(person).clips, store.without_speaker(person).clips
    if not own or not others:
        speakers = ", ".join(store.speakers())
        raise InputError(f"the plot needs clips of {person!r} and of others; the speakers here are {speakers}.")
    rng = np.random.default_rng(seed)
    clouds = [
        _cloud("true: many speakers", GREEN, others, [clip.displacements for clip in others]),
        _cloud(f"true: {person}", BLUE, own, [clip.displacements for clip in own]),
    ]
    if prediction is not None:
        # Some frames of many clips say more than all frames of a few.
        selection = [others[place] for place in np.sort(rng.permutation(len(others))[: max(1, count // 10)])]
        predicted = [prediction.draw(clip)[0] for clip in progress.track(selection, "predicting motion", unit="clip")]
        clouds.append(_cloud(f"{prediction.name}, without adaptation", RED, selection, predicted))
        if prediction.postnet is not None:
            adapted = [prediction.postnet(motion) for motion in predicted]
            clouds.append(_cloud(f"{prediction.name}, with adaptation", ORANGE, selection, adapted))
    return [cloud.thinned(count, rng) for cloud in clouds]


def principal_plane(clouds: Sequence[Cloud]) -> list[np.ndarray]:
    """Project the frames of all clouds to their two principal components: (N, 2) each, centimetres."""
    rows = [cloud.frames.reshape(len(cloud.frames), -1).astype(np.float64) for cloud in clouds]
    mean = np.mean([each.mean(axis=0) for each in rows], axis=0)
    covariance = np.mean([(each - mean).T @ (each - mean) / len(each) for each in rows], axis=0)
    axes = np.linalg.eigh(covariance)[1][:, :-3:-1]
    # The sign of an axis is arbitrary: the same data are to give the same image.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    return [(each - mean) @ axes for each in rows]


def plot_domains(clouds: Sequence[Cloud], path: PathLike) -> None:
    """Draw the plot: an image, or a page that is one file and needs no network.

    Args:
        clouds: as `domain_clouds` gives them.
        path: `.html` or an image's ending; replaced if it exists, and never left half written.
    """
    target, planes = Path(path), principal_plane(clouds)
    if target.suffix.lower() == ".html":
        write_whole(target, _page(clouds, planes, target.stem))
        return
    with PartialFile(target) as partial:
        _draw(clouds, planes, partial.path)


def _cloud(name: str, colour: str, clips: list[MotionClip], motions: list[np.ndarray]) -> Cloud:
    seen = [np.flatnonzero(clip.confidence[: len(motion)] > 0) for clip, motion in zip(clips, motions, strict=True)]
    return Cloud(
        name,
        colour,
        np.concatenate([motion[frames] for motion, frames in zip(motions, seen, strict=True)]),
        [clip.clip_id for clip, frames in zip(clips, seen, strict=True) for _ in frames],
        np.concatenate(seen),
    )


def _draw(clouds: Sequence[Cloud], planes: list[np.ndarray], path: Path) -> None:
    from matplotlib.figure import Figure  # no pyplot: nothing global, no window system

    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots()
    for cloud, points in zip(clouds, planes, strict=True):
        axes.scatter(points[:, 0], points[:, 1], s=7, c=cloud.colour, alpha=0.55, linewidths=0, label=cloud.name)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("first principal component of the landmarks, cm")
    axes.set_ylabel("second, cm")
    axes.legend(loc="best", markerscale=2.5, framealpha=0.9)
    axes.grid(alpha=0.2)
    figure.savefig(path, dpi=140)


def _page(clouds: Sequence[Cloud], planes: list[np.ndarray], title: str) -> str:
    canonical = canonical_face()[list(IBUG_68)]
    shown = []
    for cloud, points in zip(clouds, planes, strict=True):
        names = sorted(set(cloud.clips))
        # Hundredths of a centimetre: a third of the size of decimals.
        faces = np.rint(100 * (canonical + cloud.frames)[..., :2]).astype(int)
        shown.append(
            {
                "name": cloud.name,
                "colour": cloud.colour,
                "points": np.round(points, 3).tolist(),
                "clips": names,
                "clip": [names.index(name) for name in cloud.clips],
                "frame": cloud.numbers.tolist(),
                "faces": faces.reshape(len(faces), -1).tolist(),
            }
        )
    template = (files("visavox.evaluation") / _TEMPLATE).read_text(encoding="utf-8")
    # Inside a script element only this could end it early.
    data = json.dumps(shown, separators=(",", ":")).replace("</", "<\\/")
    return template.replace("{{title}}", html.escape(title)).replace("{{data}}", data)

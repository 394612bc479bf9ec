"""What projecting predicted faces on those of the person changes (GeneFace++), and what the person's post-net does.

    python -m benchmarks.motion_projection DATASET grid_s1 --postnet postnet-grid-s1

The last clips of the person are said again by the motion model, on their face, and projected on frames of the others.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from benchmarks.motion.material import Material, load_material
from benchmarks.motion.model import write_wav
from visavox.cli.common import CommonOptions, parse, run
from visavox.errors import InputError
from visavox.face.geometry.motion import lip_gap
from visavox.metrics.motion import landmark_frechet_distance
from visavox.motion.refinement import FaceProjection, ProjectionSettings
from visavox.motion.speech_to_motion import SpeakerAdapter, SpeechToMotionSettings, speech_to_motion
from visavox.types import Motion

HELD_OUT = 0.12
"""Share of the person's clips that is said again, the last ones: those that `visavox train postnet` keeps apart."""

Say = Callable[[np.ndarray], np.ndarray]
"""Audio of 16 kHz, float32 (N,), to displacements (T, 68, 3)."""


@dataclass(frozen=True, kw_only=True)
class ProjectionOptions(CommonOptions):
    """Say the held-out clips of a person again, with and without projection, and compare with what they did.

    Prints a table in Markdown.
    """

    dataset: Annotated[Path, tyro.conf.Positional]
    """Folder that `visavox prepare` wrote."""
    person: Annotated[str, tyro.conf.Positional]
    """A speaker of its training split."""
    model: str = "motion"
    """Motion VAE: name or file."""
    postnet: str | None = None
    """The person's post-net, for rows of its own: name or file."""
    shares: tuple[float, ...] = (0.0, 0.5, 1.0)
    """Shares of the way that are measured."""
    temperature: float = 0.7
    """How much is left to chance."""


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    options = parse(ProjectionOptions, argv, command="benchmarks.motion_projection")
    known, held_out = _clips(options)
    frames = np.concatenate([clip.displacements[clip.seen] for clip in known])
    truth = np.concatenate([clip.displacements[clip.seen] for clip in held_out])
    print(f"{len(held_out)} clips of {options.person}; distance of their other clips: ", end="")
    print(f"{landmark_frechet_distance(frames, truth):.2f} cm²\n")
    print("| spoken by | projection | Frechet distance, cm² | opening r | opening gain |\n|---|---|---:|---:|---:|")
    person = Motion(frames, np.ones(len(frames), np.float32), frames.mean(axis=0))
    for name, say in _speakers(options, person).items():
        said = [say(clip.audio)[: clip.num_frames] for clip in held_out]
        for share in options.shares:
            for lips in (False, True) if share else (False,):
                nearby = FaceProjection(frames, ProjectionSettings(share, lips=lips))
                _print_row(name, share, lips, [nearby(each) for each in said], held_out, truth)
    return 0


def _clips(options: ProjectionOptions) -> tuple[list[Material], list[Material]]:
    clips = [
        clip
        for clip in load_material(options.dataset, "train", progress=options.progress)
        if clip.speaker == options.person
    ]
    apart = max(1, round(HELD_OUT * len(clips)))
    if len(clips) <= apart:
        raise InputError(
            f"{options.person!r} has {len(clips)} clips in the training split of {options.dataset}; two or more are "
            "needed, some of which are said anew"
        )
    return clips[:-apart], clips[-apart:]


def _speakers(options: ProjectionOptions, person: Motion) -> dict[str, Say]:
    settings = SpeechToMotionSettings(model=options.model, temperature=options.temperature)

    def say_with(manner: SpeakerAdapter | None) -> Say:
        def say(audio: np.ndarray) -> np.ndarray:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "speech.wav"
                write_wav(path, audio)
                return speech_to_motion(path, settings, person=person, adaptation=manner).displacements

        return say

    ways = {options.model: say_with(None)}
    if options.postnet is not None:
        ways[f"{options.model}, {options.postnet}"] = say_with(SpeakerAdapter.load(options.postnet))
    return ways


def _print_row(
    name: str, share: float, lips: bool, said: list[np.ndarray], held_out: list[Material], truth: np.ndarray
) -> None:
    pairs = [(lip_gap(each), lip_gap(clip.displacements)) for each, clip in zip(said, held_out, strict=True)]
    correlation = np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs])
    gain = np.mean([one.std() / other.std() for one, other in pairs])
    what = "off" if not share else f"{share:g}{', lips too' if lips else ''}"
    distance = landmark_frechet_distance(np.concatenate(said), truth)
    print(f"| {name} | {what} | {distance:.2f} | {correlation:.3f} | {gain:.2f} |", flush=True)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))

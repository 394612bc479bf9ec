"""Does a face move as the speech says?

Motion models, and simple baselines that are trained in the same run on the training split, predict the motion of the
validation split of a prepared data set from its audio alone; the values compare it with how those faces did move.

    python -m benchmarks.motion DATASET --models motion -o results/motion.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

import visavox
from benchmarks.motion.baselines import convolution, gather, mean_face, ridge
from benchmarks.motion.material import Material, load_material
from benchmarks.motion.table import opening_table, values_table
from benchmarks.motion.values import ClipValues, Scorer, group_values, measure
from visavox.cli.common import CommonOptions, parse, run
from visavox.data.generator import FeatureCache
from visavox.evaluation.report import plain
from visavox.progress import Progress
from visavox.speech import load_features

Sample = Callable[[np.ndarray, int], np.ndarray]
"""Audio, float32 (N,) of 16 kHz, and a seed, to displacements (T, 68, 3)."""


@dataclass(frozen=True, kw_only=True)
class MotionOptions(CommonOptions):
    """Predict the motion of unseen speakers from their audio, and compare it with how they moved.

    Prints tables in Markdown.
    """

    dataset: Annotated[Path, tyro.conf.Positional]
    """Folder that visavox prepare wrote."""
    models: tuple[str, ...] = ()
    """Motion models, by name or file."""
    temperatures: tuple[float, ...] = (0.0, 1.0)
    """How much the models leave to chance; each is a line of its own."""
    features: tuple[str, ...] = ("mel",)
    """Speech features of the baselines."""
    without_baselines: bool = False
    """Measure the models only."""
    syncnet: str | None = None
    """Motion SyncNet, by name or file, for the accuracy of sync."""
    samples: int = 3
    """Samples of each clip, where chance takes part, for the diversity."""
    seeds: tuple[int, ...] = (0,)
    """Trainings of the convolution; of several, the table shows each."""
    limit: int | None = None
    """Only so many clips of each group: a quick look, no result."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Write all values, clip by clip, to this JSON file."""


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    options = parse(MotionOptions, argv, command="benchmarks.motion")
    if options.output is not None:
        from visavox.media import check_output

        check_output(options.output, (), overwrite=True, extensions=(".json",))
    syncnet = None if options.syncnet is None else _sync_scorer(options.syncnet)
    clips = load_material(options.dataset, "validation", limit=options.limit, progress=options.progress)
    results: dict[str, list[ClipValues]] = {}
    for name, sample, number in _predictors(options):
        results[name] = _measure(clips, sample, number, syncnet, options.progress, name)
        groups = group_values(results[name])
        print(f"{name}\n\n{values_table(groups)}\n", flush=True)
    print(
        f"Correlation of lip opening\n\n{opening_table({name: group_values(each) for name, each in results.items()})}"
    )
    if options.output is not None:
        values = {
            name: {
                "groups": group_values(each),
                "clips": dict(zip((clip.clip_id for clip in clips), map(asdict, each), strict=True)),
            }
            for name, each in results.items()
        }
        stored = {"visavox": visavox.__version__, "dataset": str(options.dataset), "predictors": values}
        options.output.write_text(json.dumps(plain(stored), indent=1) + "\n", encoding="utf-8")
    return 0


def _measure(
    clips: Sequence[Material], sample: Sample, samples: int, scorer: Scorer | None, progress: Progress, name: str
) -> list[ClipValues]:
    """Measure a predictor on clips, drawing so many samples of each."""
    found = []
    for clip in progress.track(clips, name, unit="clip"):
        predicted = [fit_frames(sample(clip.audio, seed), clip.num_frames) for seed in range(samples)]
        found.append(measure(clip, predicted, scorer))
    return found


def _sync_scorer(model: str) -> Scorer:
    from benchmarks.motion.sync import SyncScorer

    return SyncScorer(model)


def fit_frames(motion: np.ndarray, num_frames: int) -> np.ndarray:
    """Cut a motion to the frames of its clip, or hold its last one: audio may end a little early or late."""
    return motion[np.minimum(np.arange(num_frames), len(motion) - 1)]


def _predictors(options: MotionOptions) -> Iterator[tuple[str, Sample, int]]:
    """Yield name, sampler and number of samples of everything that is measured, each made when its turn comes."""
    if not options.without_baselines:
        training = load_material(options.dataset, "train", progress=options.progress)
        for name in options.features:
            features = load_features(name)
            frames = gather(training, FeatureCache(options.dataset, features))
            if name == options.features[0]:
                yield "mean face", _without_chance(mean_face(frames)), 1
            yield f"ridge regression on {name}", _without_chance(ridge(frames, features)), 1
            for seed in options.seeds:
                label = f"convolution on {name}" + (f", seed {seed}" if len(options.seeds) > 1 else "")
                yield label, _without_chance(convolution(frames, features, seed=seed)), 1
    for model in options.models:
        from benchmarks.motion.model import model_sampler

        for temperature in options.temperatures:
            number = options.samples if temperature > 0 else 1
            yield f"{model}, temperature {temperature:g}", model_sampler(model, temperature), number


def _without_chance(predict: Callable[[np.ndarray], np.ndarray]) -> Sample:
    return lambda audio, seed: predict(audio)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))

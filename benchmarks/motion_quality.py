"""How well motion made of speech follows the true motion, on the validation speakers of a prepared data set.

    python -m benchmarks.motion_quality DATASET --model motion

One table: for each collection of speakers (what their names begin with) the correlation of the opening of the lips at
lag 0, its gain, and how fast the lips move against the truth, mean over clips; nothing is smoothed. Beside the most
likely motion (temperature 0) and what is drawn at temperature 1 stands the speech branch of the default generator.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
import tyro

from visavox.audio.speech_features import load_features
from visavox.cli.common import CommonOptions, parse, run
from visavox.data.clip_store import StoredClip, load_store
from visavox.data.feature_cache import FeatureCache
from visavox.data.speech_dataset import window_at
from visavox.face.resting_face import opening_of, resting_face, width_of
from visavox.metrics.curves import gain, opening_correlation
from visavox.models.checkpoint import load_model
from visavox.models.geneface.motion_vae import MotionVae
from visavox.training.motion_vae import collection_of

Curves = dict[str, np.ndarray]
"""`opening` (T,), and where it is known `width` (T,), of one clip."""


@dataclass(frozen=True, kw_only=True)
class QualityOptions(CommonOptions):
    """Measure motion VAEs. Prints a table in Markdown."""

    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Folder that `visavox prepare` wrote."""
    model: str = "motion"
    """Motion VAE: a name or a file."""
    baseline: str = "wav2lip"
    """Generator whose speech branch stands beside it."""
    seeds: int = 3
    """Draws of each clip at temperature 1."""


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    options = parse(QualityOptions, argv, command="benchmarks.motion_quality")
    clips = load_store(options.dataset, "validation").clips
    vae = cast(MotionVae, load_model(options.model, network="motion_vae"))
    cache = FeatureCache(options.dataset, load_features(vae.config.features))
    predictors: dict[str, Callable[[StoredClip], list[Curves]]] = {
        f"{options.model}, temperature 0": lambda clip: [_drawn(vae, cache.of(clip), 0.0, 0)],
        f"{options.model}, temperature 1": lambda clip: [
            _drawn(vae, cache.of(clip), 1.0, seed) for seed in range(options.seeds)
        ],
        f"{options.baseline}, speech branch": _speech_branch(load_model(options.baseline, network="wav2lip")),
    }
    tables = {name: _judge(clips, predict, vae) for name, predict in predictors.items()}
    print(_markdown(tables))
    return 0


def _drawn(vae: MotionVae, rows: np.ndarray, temperature: float, seed: int) -> Curves:
    motion = vae.sample(torch.from_numpy(rows)[None], seed=seed, temperature=temperature)[0].numpy()
    displacements = motion.reshape(-1, 68, 3) + vae.rest.numpy().reshape(68, 3)
    return {"opening": opening_of(displacements), "width": width_of(displacements)}


def _speech_branch(generator: Any) -> Callable[[StoredClip], list[Curves]]:
    config, predictor = generator.config, generator.motion_predictor

    def predict(stored: StoredClip) -> list[Curves]:
        frames = range(stored.clip.num_frames)
        windows = np.stack([window_at(stored, frame, config.mel_window, config.mel_lead) for frame in frames])
        with torch.no_grad():
            opening = predictor.opening(predictor(torch.from_numpy(windows)[:, None])).numpy()
        return [{"opening": opening}]

    return predict


def _judge(
    clips: list[StoredClip], predict: Callable[[StoredClip], list[Curves]], vae: MotionVae
) -> dict[str, np.ndarray]:
    """Mean correlation of opening, gain, velocity and correlation of width, (4,), of each collection."""
    mode, face = vae.opening_mode.numpy().reshape(68, 3), vae.rest.numpy().reshape(68, 3)
    rows: dict[str, list[np.ndarray]] = {}
    for stored in clips:
        displacements = stored.clip.displacements
        # Every speaker's motion is shown by the same face, so that sizes compare.
        shown = displacements - resting_face(displacements, mode) + face
        true = {"opening": opening_of(shown), "width": width_of(shown)}
        drawn = [_figures(curves, true) for curves in predict(stored)]
        rows.setdefault(collection_of(stored.speaker), []).append(np.mean(drawn, axis=0))
    return {name: np.nanmean(part, axis=0) for name, part in sorted(rows.items())}


def _figures(predicted: Curves, true: Curves) -> np.ndarray:
    opening, other = predicted["opening"], true["opening"]
    velocity = np.diff(opening).std() / max(float(np.diff(other).std()), 1e-9)
    width = opening_correlation(predicted["width"], true["width"]) if "width" in predicted else np.nan
    return np.array([opening_correlation(opening, other), gain(opening, other), velocity, width], dtype=np.float64)


def _markdown(tables: dict[str, dict[str, np.ndarray]]) -> str:
    names = list(next(iter(tables.values())))
    lines = [f"| opening r / gain / velocity | {' | '.join(names)} | mean | width r |", "|---" * (len(names) + 3) + "|"]
    for title, table in tables.items():
        mean = np.mean(list(table.values()), axis=0)
        cells = [" / ".join(f"{value:.2f}" for value in row[:3]) for row in (*table.values(), mean)]
        lines.append(f"| {title} | {' | '.join(cells)} | {'' if np.isnan(mean[3]) else f'{mean[3]:.2f}'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))

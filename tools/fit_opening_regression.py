"""Fits `src/visavox/data/preparation/opening_regression.json`: what mel spectrograms say of how far lips are open.

    python tools/fit_opening_regression.py FOLDER_OF_GRID_CLIPS...

The numbers that ship were fitted to 120 clips (6 minutes) of speaker 1 of the GRID corpus (Cooke, Barker,
Cunningham, Shao 2006; CC BY 4.0). GRID's sound and picture are taken to be in sync: lags are measured against it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from visavox.audio.features.mel import MEL_FRAMES_PER_SECOND, mel_spectrogram
from visavox.cli.progress_views import make_view
from visavox.constants import FRAME_RATE, NUM_MEL_BANDS
from visavox.data.preparation import find_sources, nearest_frames, remove_slow_changes
from visavox.face.geometry.landmarks import mouth_opening
from visavox.face.track.tracking import track_video
from visavox.media import probe, read_audio
from visavox.progress import Progress

NUM_GROUPS = 10
"""Groups of neighbouring mel bands."""
OFFSETS = range(-6, 7)
"""Frames around the predicted one whose sound is heard: half a second."""
RIDGE = 0.3
"""Penalty on the weights, a frame."""


def main(folders: list[str]) -> None:
    """Fit the regression to the clips in the folders and write it into the package."""
    features, targets = [], []
    for source in Progress(make_view("auto", quiet=False)).track(find_sources(folders).sources, "clips", unit="clip"):
        pair = _observe(source.path)
        if pair is not None:
            features.append(pair[0])
            targets.append(pair[1])
    x, y = np.concatenate(features), np.concatenate(targets)
    weights = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ y)
    print(f"{len(features)} clips, {len(x)} frames; correlation on them {np.corrcoef(x @ weights, y)[0, 1]:.3f}")
    stored = {
        "made by": "tools/fit_opening_regression.py from speaker 1 of the GRID corpus (CC BY 4.0)",
        "offsets": list(OFFSETS),
        "weights": weights.reshape(len(OFFSETS), NUM_GROUPS).round(4).tolist(),
    }
    target = Path(__file__).parents[1] / "src/visavox/data/preparation/opening_regression.json"
    target.write_text(json.dumps(stored).replace("], [", "],\n [") + "\n", encoding="utf-8")


def _observe(path: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return features (T, 130) and openings (T,) of one clip; None where the face is not seen throughout."""
    tracks = track_video(path, max_faces=1)
    if not tracks or not tracks[0].usable.all():
        return None
    chosen = nearest_frames(tracks[0].times, probe(path).frame_rate)
    opening = remove_slow_changes(mouth_opening(tracks[0].landmarks[chosen]))
    mel = mel_spectrogram(read_audio(path)).numpy()
    bands = mel.reshape(NUM_GROUPS, NUM_MEL_BANDS // NUM_GROUPS, -1).mean(axis=1)
    smooth = np.apply_along_axis(np.convolve, 1, bands, [0.25, 0.5, 0.25], mode="same")
    heard = (np.arange(len(chosen))[:, None] + np.array(OFFSETS)) * (MEL_FRAMES_PER_SECOND / FRAME_RATE)
    features = np.stack([np.interp(heard, np.arange(smooth.shape[1]), band) for band in smooth], axis=2)
    features = remove_slow_changes(features.reshape(len(chosen), -1))
    return features, (opening - opening.mean()) / opening.std()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Makes docs/pictures/adapt.jpg: mouths of held-out seconds before and after an adaptation, and as they truly were.

    visavox adapt FOOTAGE -o person.safetensors --work WORK
    python tools/draw_adaptation.py WORK [OUTPUT.jpg]

WORK is the work folder of a finished adaptation. Of four held-out stretches, evenly over all of them, each at the
moments when the true mouth is half open and open.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from visavox.evaluation.face_tiles import jpeg_bytes, label_rows, telling_times
from visavox.evaluation.videos import TrackCache
from visavox.face.geometry.crop import CropSpec, crop_transforms, warp_crop
from visavox.face.geometry.landmarks import mouth_opening
from visavox.media import VideoReader
from visavox.metrics.pair import track_curve

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "adapt.jpg"
STRETCHES = 4
MOUTH = CropSpec(size=150, side=1.1, center_down=1.0)
"""The lower face, upright in every tile."""


def main(arguments: list[str]) -> None:
    """Draw and write."""
    output = Path(arguments[1]) if len(arguments) > 1 else OUTPUT
    image = draw(Path(arguments[0]) / "held-out")
    output.write_bytes(jpeg_bytes(image))
    print(f"{output}: {image.shape[1]} x {image.shape[0]} pixels, {output.stat().st_size} bytes")


def draw(folder: Path) -> np.ndarray:
    """One row before, one after, one true: uint8 RGB."""
    tracks = TrackCache(folder / "tracks")
    count = len(list(folder.glob("*.truth.mp4")))
    rows: dict[str, list[np.ndarray]] = {"before": [], "after": [], "true": []}
    for number in sorted({round(place) for place in np.linspace(0, count - 1, STRETCHES)}):
        truth = tracks.track(folder / f"{number}.truth.mp4")
        # A dub leaves the head where it was: the backward video's landmarks fit both dubs.
        backwards = tracks.track(folder / f"{number}.backwards.mp4")
        moments = telling_times(range(len(truth.times)), track_curve(truth, mouth_opening))[1:]
        indices = [int(moment) for moment in moments]
        rows["true"] += tiles(folder / f"{number}.truth.mp4", crop_transforms(truth, MOUTH), indices)
        for name in ("before", "after"):
            rows[name] += tiles(folder / name / f"{number}.backwards.mp4", crop_transforms(backwards, MOUTH), indices)
    return label_rows(list(rows.items()))


def tiles(video: Path, transforms: np.ndarray, indices: list[int]) -> list[np.ndarray]:
    """Cut mouths out of frames of a video: uint8 RGB, one for each index."""
    with VideoReader(video) as reader:
        images = {frame.index: frame.image for frame in reader if frame.index in indices}
    return [warp_crop(images[index], transforms[index], MOUTH.size) for index in indices]


if __name__ == "__main__":
    main(sys.argv[1:])

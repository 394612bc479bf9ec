"""How well an avatar's pictures are those of the person, on frames that nothing was learned from.

Head and torso are driven by the true landmarks and poses of the held-out part: what is measured is how they paint, not
what the speech makes them do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from visavox.data.radiance.person_data import Part, PersonData
from visavox.data.radiance.ray_dataset import frame_geometry
from visavox.losses.radiance import PatchDistance
from visavox.metrics.mouth_image import psnr, squared_error, ssim
from visavox.models.radiance.head import Head
from visavox.models.radiance.torso import Torso
from visavox.progress import QUIET, Progress
from visavox.runtime.files import PartialFile
from visavox.training.radiance.person import camera_of, mean_known, spread_out, stored_frame
from visavox.training.radiance.torso import seam

MOST_FRAMES = 200
"""Frames that are measured at most, spread over the held-out part: more of them say the same."""
SHOWN = 6
"""Frames of the contact sheet."""
PATCH = 0.25
"""Side of the square around the lips, as a share of the picture: as large as what trainings judge a mouth by."""
FIGURES = ("psnr", "psnr_head", "psnr_seam", "ssim", "mouth_distance")
"""What is measured of a frame."""
_GAIN = 4
"""By which differences are made visible."""
_SMALLEST_ERROR = 1e-3
"""Squared levels: pictures that are equal have no finite PSNR."""


@dataclass(frozen=True)
class Painted:
    """A held-out frame, true and drawn."""

    true: np.ndarray
    """uint8 (H, W, 3)."""
    drawn: np.ndarray
    """uint8 (H, W, 3)."""
    head: np.ndarray
    """bool (H, W): where the true picture shows mostly head."""
    seam: np.ndarray
    """bool (H, W): the band along which head and torso meet."""


def measure(
    head: Head,
    torso: Torso,
    data: PersonData,
    judge: PatchDistance,
    sheet: Path,
    *,
    progress: Progress = QUIET,
) -> dict[str, float | str]:
    """Draw held-out frames, compare them with the true ones, and show some.

    Args:
        head: paints the head; its device is where pictures are made.
        torso: paints what is below it, on the same device.
        data: the person. Where its test part has no usable frame, the training part is measured, and said to be.
        judge: compares mouths as a network that knows faces sees them.
        sheet: the picture to write: true, drawn, and difference times four, one held-out frame a row.
        progress: where progress is shown.

    Returns:
        `part`, `frames`, means over the frames of `psnr`, `psnr_head` and `psnr_seam` in dB and of `ssim`, and
        `mouth_distance`, what the judge sees (0 for equal pictures).
    """
    part: Part = "test" if len(data.indices("test")) else "train"
    chosen = spread_out(data.indices(part), MOST_FRAMES)
    shown = set(spread_out(chosen, SHOWN).tolist())
    found: dict[str, list[float]] = {name: [] for name in FIGURES}
    rows, boxes = [], frame_geometry(data).mouth
    for frame in progress.track(chosen.tolist(), "measuring"):
        painted = paint(head, torso, data, frame)
        for name, value in compare(painted, judge, boxes[frame]).items():
            found[name].append(value)
        if frame in shown:
            rows.append(_row(painted))
    _write_picture(sheet, np.concatenate(rows))
    means = {name: mean_known(values) for name, values in found.items()}
    return {"part": part, "frames": len(chosen), **{name: round(value, 4) for name, value in means.items()}}


@torch.no_grad()
def paint(head: Head, torso: Torso, data: PersonData, frame: int) -> Painted:
    """Draw one frame of a data set from its own landmarks and pose, over the empty scene."""
    device = head.appearance.device
    stored = stored_frame(data, frame, head.config.landmarks.window, device)
    picture = torso.render_frame(
        head, camera_of(data), stored["rotation"], stored["translation"], stored["window"], stored["background"]
    )
    drawn = (picture.color.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    return beside_truth(data, frame, drawn)


def beside_truth(data: PersonData, frame: int, drawn: np.ndarray) -> Painted:
    """Put a drawn picture, uint8 (H, W, 3), beside the true one of a frame."""
    head, torso = (torch.from_numpy(mask[frame].astype(np.float32) / 255) for mask in (data.head_mask, data.torso_mask))
    band = (seam(head, torso) > 0).numpy()
    return Painted(np.array(data.frames[frame]), drawn, np.array(data.head_mask[frame]) > 127, band)


def compare(painted: Painted, judge: PatchDistance, mouth: np.ndarray) -> dict[str, float]:
    """Measure one frame.

    Args:
        painted: the frame.
        judge: compares mouths as a network that knows faces sees them.
        mouth: (4,), the box of the true lips: x0, y0, x1, y1 in pixels.

    Returns:
        `FIGURES`, without those of a region that the frame does not show: PSNR in dB of the picture, the head and the
        band where head and torso meet; SSIM; and what the judge sees of a square around the lips.
    """
    figures = {}
    everywhere = np.ones_like(painted.head)
    for name, where in (("psnr", everywhere), ("psnr_head", painted.head), ("psnr_seam", painted.seam)):
        if where.any():
            error = squared_error(painted.drawn[where], painted.true[where])
            figures[name] = psnr(max(error, _SMALLEST_ERROR))
    figures["ssim"] = ssim(painted.drawn, painted.true)
    figures["mouth_distance"] = _mouth_distance(judge, painted, mouth)
    return figures


def _mouth_distance(judge: PatchDistance, painted: Painted, box: np.ndarray) -> float:
    """What the judge sees of a square around the lips."""
    size = painted.true.shape[0]
    side = max(8, round(PATCH * size))
    x, y = (int(np.clip(round(float(box[i] + box[i + 2] - side) / 2), 0, size - side)) for i in (0, 1))

    def patch(picture: np.ndarray) -> Tensor:
        return torch.from_numpy(picture[y : y + side, x : x + side].astype(np.float32) / 255).permute(2, 0, 1)[None]

    with torch.no_grad():
        return float(judge(patch(painted.drawn), patch(painted.true)).mean())


def _row(painted: Painted) -> np.ndarray:
    difference = np.abs(painted.true.astype(np.int16) - painted.drawn) * _GAIN
    return np.concatenate([painted.true, painted.drawn, difference.clip(0, 255).astype(np.uint8)], axis=1)


def _write_picture(path: Path, picture: np.ndarray) -> None:
    with PartialFile(path) as partial:
        Image.fromarray(picture).save(partial.path)

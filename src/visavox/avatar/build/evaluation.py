"""Evaluation of an avatar's images against those of the person, on frames that nothing was learned from.

Head and torso are driven by the true landmarks and poses of the held-out part: what is measured is how they render, not
what the speech makes them do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from visavox.data.radiance import Part, PersonData, frame_geometry
from visavox.losses import PatchDistance
from visavox.metrics import psnr, squared_error, ssim
from visavox.models.radiance import Head, Torso
from visavox.progress import QUIET, Progress
from visavox.runtime.files import PartialFile
from visavox.training.radiance import camera_of, mean_known, seam, spread_out, stored_frame

MOST_FRAMES = 200
"""Frames that are measured at most, spread over the held-out part: more of them say the same."""
SHOWN = 6
"""Frames of the contact sheet."""
PATCH = 0.25
"""Side of the square around the lips, as a share of the image: as large as what trainings evaluate a mouth by."""
METRICS = ("psnr", "psnr_head", "psnr_seam", "ssim", "mouth_distance")
"""Metrics of a frame."""
_GAIN = 4
"""By which differences are made visible."""
_SMALLEST_ERROR = 1e-3
"""Squared levels: images that are equal have no finite PSNR."""


@dataclass(frozen=True)
class RenderedFrame:
    """A held-out frame, true and drawn."""

    true: np.ndarray
    """uint8 (H, W, 3)."""
    drawn: np.ndarray
    """uint8 (H, W, 3)."""
    head: np.ndarray
    """bool (H, W): where the true image shows mostly head."""
    seam: np.ndarray
    """bool (H, W): the band along which head and torso meet."""


def measure(
    head: Head,
    torso: Torso,
    data: PersonData,
    patch_distance: PatchDistance,
    sheet: Path,
    *,
    progress: Progress = QUIET,
) -> dict[str, float | str]:
    """Draw held-out frames, compare them with the true ones, and show some.

    Args:
        head: renders the head; its device is where images are made.
        torso: renders what is below it, on the same device.
        data: the person. Where its test part has no usable frame, the training part is measured, and said to be.
        evaluate: compares mouths as a network that knows faces sees them.
        sheet: the image to write: true, drawn, and difference times four, one held-out frame a row.
        progress: takes the events.

    Returns:
        `part`, `frames`, means over the frames of `psnr`, `psnr_head` and `psnr_seam` in dB and of `ssim`, and
        `mouth_distance`, what the evaluate sees (0 for equal images).
    """
    part: Part = "test" if len(data.indices("test")) else "train"
    selected = spread_out(data.indices(part), MOST_FRAMES)
    shown = set(spread_out(selected, SHOWN).tolist())
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    rows, boxes = [], frame_geometry(data).mouth
    for frame in progress.track(selected.tolist(), "measuring"):
        frame_pair = render_beside_truth(head, torso, data, frame)
        for name, value in compare(frame_pair, patch_distance, boxes[frame]).items():
            found[name].append(value)
        if frame in shown:
            rows.append(_row(frame_pair))
    _write_image(sheet, np.concatenate(rows))
    means = {name: mean_known(values) for name, values in found.items()}
    return {"part": part, "frames": len(selected), **{name: round(value, 4) for name, value in means.items()}}


@torch.no_grad()
def render_beside_truth(head: Head, torso: Torso, data: PersonData, frame: int) -> RenderedFrame:
    """Draw one frame of a data set from its own landmarks and pose, over the empty scene."""
    device = head.appearance.device
    stored = stored_frame(data, frame, head.config.landmarks.window, device)
    image = torso.render_frame(
        head, camera_of(data), stored["rotation"], stored["translation"], stored["window"], stored["background"]
    )
    drawn = (image.color.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    return beside_truth(data, frame, drawn)


def beside_truth(data: PersonData, frame: int, drawn: np.ndarray) -> RenderedFrame:
    """Put a drawn image, uint8 (H, W, 3), beside the true one of a frame."""
    head, torso = (torch.from_numpy(mask[frame].astype(np.float32) / 255) for mask in (data.head_mask, data.torso_mask))
    band = (seam(head, torso) > 0).numpy()
    return RenderedFrame(np.array(data.frames[frame]), drawn, np.array(data.head_mask[frame]) > 127, band)


def compare(frame_pair: RenderedFrame, patch_distance: PatchDistance, mouth: np.ndarray) -> dict[str, float]:
    """Measure one frame.

    Args:
        rendered: the frame.
        evaluate: compares mouths as a network that knows faces sees them.
        mouth: (4,), the box of the true lips: x0, y0, x1, y1 in pixels.

    Returns:
        `METRICS`, without those of a region that the frame does not show: PSNR in dB of the image, the head and the
        band where head and torso meet; SSIM; and what the evaluate sees of a square around the lips.
    """
    values = {}
    everywhere = np.ones_like(frame_pair.head)
    for name, where in (("psnr", everywhere), ("psnr_head", frame_pair.head), ("psnr_seam", frame_pair.seam)):
        if where.any():
            error = squared_error(frame_pair.drawn[where], frame_pair.true[where])
            values[name] = psnr(max(error, _SMALLEST_ERROR))
    values["ssim"] = ssim(frame_pair.drawn, frame_pair.true)
    values["mouth_distance"] = _mouth_distance(patch_distance, frame_pair, mouth)
    return values


def _mouth_distance(patch_distance: PatchDistance, frame_pair: RenderedFrame, box: np.ndarray) -> float:
    """Compare a square around the lips in face features."""
    size = frame_pair.true.shape[0]
    side = max(8, round(PATCH * size))
    x, y = (int(np.clip(round(float(box[i] + box[i + 2] - side) / 2), 0, size - side)) for i in (0, 1))

    def patch(image: np.ndarray) -> Tensor:
        return torch.from_numpy(image[y : y + side, x : x + side].astype(np.float32) / 255).permute(2, 0, 1)[None]

    with torch.no_grad():
        return float(patch_distance(patch(frame_pair.drawn), patch(frame_pair.true)).mean())


def _row(frame_pair: RenderedFrame) -> np.ndarray:
    difference = np.abs(frame_pair.true.astype(np.int16) - frame_pair.drawn) * _GAIN
    return np.concatenate([frame_pair.true, frame_pair.drawn, difference.clip(0, 255).astype(np.uint8)], axis=1)


def _write_image(path: Path, image: np.ndarray) -> None:
    with PartialFile(path) as partial:
        Image.fromarray(image).save(partial.path)

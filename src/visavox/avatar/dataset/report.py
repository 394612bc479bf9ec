"""The page about a person's data set: what was found, and images of every part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from visavox.avatar.dataset.checks import Finding
from visavox.constants import FRAME_RATE
from visavox.data.radiance import PersonData
from visavox.face.geometry import head_angles
from visavox.metrics import psnr
from visavox.runtime.files import write_whole
from visavox.runtime.page import Block, Heading, InlineImage, Paragraph, Table, html_page

COLUMNS = 6
"""Images in a row."""
TILE = 192
"""Side of an image on the page, in pixels."""
HEAD_TINT, TORSO_TINT = (255, 60, 60), (60, 200, 60)
"""Colours in which masks are shown."""


def write_report(path: Path, data: PersonData, findings: Sequence[Finding], values: dict[str, Any]) -> None:
    """Write the page, one HTML file with its images inside."""
    selected = telling_frames(data)
    blocks: list[Block] = [
        Heading("The person's data set", 1),
        Paragraph(_summary(values)),
        Heading("Checks"),
        Table(
            ("check", "", "found", "what to do"), tuple((one.name, one.level, one.text, one.advice) for one in findings)
        ),
        Heading("Frames"),
        Paragraph(
            "From the front, turned to both sides, up and down, and evenly over time; the head in red, torso and neck "
            "in green."
        ),
        InlineImage(_png(sheet([data.frames[index] for index in selected])), "frames"),
        InlineImage(_png(sheet([tinted(data, index) for index in selected])), "masks"),
        Heading("The torso with the head removed"),
        InlineImage(_png(sheet([on_chequers(data.torso[index]) for index in selected])), "torso"),
        Heading("Put together again"),
        Paragraph(_put_together(data, selected)),
        InlineImage(_png(sheet([composed(data, index) for index in selected])), "put together"),
        Heading("The empty scene"),
        InlineImage(_png(data.background), "background"),
        *_masked_frames(data),
    ]
    write_whole(path, html_page("The person's data set", blocks))


def telling_frames(data: PersonData) -> list[int]:
    """Numbers of frames that show what there is: extremes of the pose, then evenly over time."""
    known = np.flatnonzero(data.usable)
    angles = head_angles(data.rotations[known])
    extremes = [
        int(known[position]) for axis in (0, 1) for position in (angles[:, axis].argmin(), angles[:, axis].argmax())
    ]
    middle = int(known[np.abs(angles - np.median(angles, axis=0)).sum(axis=1).argmin()])
    even = known[np.linspace(0, len(known) - 1, 2 * COLUMNS - 5).astype(np.intp)].tolist()
    return [middle, *extremes, *even]


def tinted(data: PersonData, index: int) -> np.ndarray:
    """A frame with the head in red and the torso in green: uint8 RGB (H, W, 3)."""
    image = data.frames[index].astype(np.float32)
    for mask, color in ((data.head_mask[index], HEAD_TINT), (data.torso_mask[index], TORSO_TINT)):
        share = 0.45 * mask.astype(np.float32)[..., None] / 255
        image = image * (1 - share) + share * np.array(color, dtype=np.float32)
    return np.asarray(image, np.uint8)


def on_chequers(image: np.ndarray, square: int = 8) -> np.ndarray:
    """An RGBA image on a chequered ground: uint8 RGB (H, W, 3)."""
    rows, columns = np.indices(image.shape[:2]) // square
    ground = np.where((rows + columns) % 2, 200.0, 160.0)[..., None]
    alpha = image[..., 3:].astype(np.float32) / 255
    return (image[..., :3] * alpha + ground * (1 - alpha)).astype(np.uint8)


def composed(data: PersonData, index: int) -> np.ndarray:
    """Empty scene, then torso, then the head of the frame: uint8 RGB (H, W, 3).

    The head's own colour is what is left of the frame when the share of the scene is taken away.
    """
    torso = data.torso[index].astype(np.float32)
    alpha = torso[..., 3:] / 255
    head = data.head_mask[index].astype(np.float32)[..., None] / 255
    below = data.torso_mask[index].astype(np.float32)[..., None] / 255
    scene = data.background.astype(np.float32)
    through = np.maximum(1 - head - below, 0)
    own = (data.frames[index] - through * scene) / np.maximum(1 - through, 0.1)
    behind = torso[..., :3] * alpha + scene * (1 - alpha)
    return np.asarray(np.round(np.clip(own, 0, 255) * head + behind * (1 - head)), np.uint8)


def sheet(images: Sequence[np.ndarray], columns: int = COLUMNS, tile: int = TILE) -> np.ndarray:
    """Lay images (H, W, 3) out in rows: uint8 RGB."""
    how = cv2.INTER_AREA if images[0].shape[0] >= tile else cv2.INTER_CUBIC
    tiles = [cv2.resize(np.asarray(image), (tile, tile), interpolation=how) for image in images]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    return np.concatenate(
        [np.concatenate(tiles[start : start + columns], axis=1) for start in range(0, len(tiles), columns)]
    )


def _summary(values: dict[str, Any]) -> str:
    frames = values["frames"]
    return (
        f"{frames['usable'] / FRAME_RATE:.1f} s of {frames['all'] / FRAME_RATE:.1f} s are usable, from "
        f"{values['footage']['videos']} videos; {frames['without_face']} frames without the face and "
        f"{frames['not_segmented']} that could not be segmented are masked. {frames['train']} frames are learned from, "
        f"{frames['test']} are kept for measuring. Images have {values['crop']['size']} pixels a side, cut from "
        f"{values['crop']['side']}; {values['background']['seen_share']:.0%} of the scene was seen empty."
    )


def _put_together(data: PersonData, selected: Sequence[int]) -> str:
    values = [psnr(_squared_error(data.frames[index], composed(data, index))) for index in selected]
    return (
        "Scene, torso and the frame's own head, one over the other. Against the frame itself: PSNR "
        f"{np.mean(values):.1f} dB, at least {np.min(values):.1f}. No renderer of head and torso gets above that."
    )


def _squared_error(first: np.ndarray, second: np.ndarray) -> float:
    return float(((first.astype(np.float64) - second) ** 2).mean())


def _masked_frames(data: PersonData) -> list[Block]:
    lost = np.flatnonzero(~data.usable)
    if not len(lost):
        return []
    some = lost[np.unique(np.linspace(0, len(lost) - 1, COLUMNS).astype(np.intp))]
    return [
        Heading("Frames that are masked"),
        Paragraph(f"{len(lost)} frames are there so that time goes on, and are not learned from."),
        InlineImage(_png(sheet([data.frames[index] for index in some])), "masked frames"),
    ]


def _png(image: np.ndarray) -> bytes:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()

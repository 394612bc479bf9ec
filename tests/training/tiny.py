"""A tiny data set of real footage, and the log of a run."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from visavox.data.generator.clip_file import STORED_MARGIN, ClipFile, encode_jpeg, save_clip
from visavox.demo import FACE
from visavox.face.geometry.crop import CropSpec, crop_transforms, warp_crop
from visavox.face.geometry.motion import motion_of_track
from visavox.face.track.tracking import track_video
from visavox.media import VideoReader, read_audio

NUM_FRAMES = 25
CUTS = {"anna": (0, "train"), "ben": (25, "train"), "cleo": (50, "validation")}
"""'Speaker' of each cut of the bundled clip: its first frame and its split."""


def make_dataset(folder: Path) -> Path:
    """Prepare the bundled clip as three clips of a second."""
    track = track_video(FACE)[0]
    motion = motion_of_track(track)
    spec = CropSpec().with_margin(STORED_MARGIN, 128)
    matrices = crop_transforms(track, spec)
    with VideoReader(FACE) as reader:
        crops = [warp_crop(frame.image, matrix, spec.size) for frame, matrix in zip(reader, matrices, strict=True)]
    landmarks = track.landmarks.copy()
    landmarks[..., :2] = np.einsum("tij,tpj->tpi", matrices[:, :, :2], landmarks[..., :2]) + matrices[:, None, :, 2]
    landmarks[..., 2] *= np.sqrt(np.linalg.det(matrices[:, :, :2]))[:, None]
    sound = (read_audio(FACE) * 32767).astype(np.int16)
    lines = []
    for speaker, (first, split) in CUTS.items():
        part = slice(first, first + NUM_FRAMES)
        begin, end = (int(Fraction(frame, 25) * 16_000) for frame in (first, first + NUM_FRAMES))
        jpegs = [encode_jpeg(crop) for crop in crops[part]]
        clip = ClipFile(
            jpegs,
            landmarks[part],
            sound[begin:end],
            track.rotations[part],
            spec,
            motion.displacements[part],
            motion.confidence[part],
        )
        save_clip(clip, folder / "clips" / f"{speaker}_0.npz")
        lines.append({"clip_id": f"{speaker}_0", "speaker": speaker, "split": split, "num_frames": NUM_FRAMES})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def log_lines(run: Path, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [entry for entry in entries if entry["kind"] == kind]

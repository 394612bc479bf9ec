"""A data set of faces that open as their sound gets louder, for the stages that make motion of speech."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from visavox.face.geometry.motion import LOWER_LIP, UPPER_LIP, lip_gap

NUM_FRAMES = 48
SPEAKERS = {"one_a": "train", "one_b": "train", "two_a": "train", "three_a": "validation"}


def make_motion_dataset(folder: Path, clips_each: int = 3) -> Path:
    """Write clips of about two seconds: sound, displacements and confidence, no pictures."""
    rng = np.random.default_rng(0)
    (folder / "clips").mkdir(parents=True)
    lines = []
    for speaker, split in SPEAKERS.items():
        identity = rng.normal(size=(68, 3)) * 0.2
        identity[[UPPER_LIP, LOWER_LIP]] = 0
        identity[LOWER_LIP, 1] = lip_gap(np.zeros((68, 3)))  # lips that are shut
        for number in range(clips_each):
            clip_id = f"{speaker}_{number}"
            displacements, audio = talking_face(rng, identity)
            np.savez(
                folder / "clips" / f"{clip_id}.npz",
                displacements=displacements,
                confidence=np.ones(NUM_FRAMES, np.float32),
                audio=audio,
            )
            lines.append({"clip_id": clip_id, "speaker": speaker, "split": split, "num_frames": NUM_FRAMES})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def talking_face(rng: np.random.Generator, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displacements float32 (48, 68, 3) and the sound that belongs to them, int16 (30720,)."""
    knots = rng.uniform(0.05, 1.0, 10)
    loudness = np.interp(np.arange(NUM_FRAMES), np.linspace(0, NUM_FRAMES, 10), knots)
    displacements = np.tile(identity, (NUM_FRAMES, 1, 1)) + rng.normal(size=(NUM_FRAMES, 68, 3)) * 0.01
    displacements[:, UPPER_LIP, 1] += 0.2 * loudness
    displacements[:, LOWER_LIP, 1] -= 0.6 * loudness
    displacements[:, 8, 1] -= 0.5 * loudness
    envelope = np.repeat(loudness, 640)
    return displacements.astype(np.float32), (rng.normal(size=len(envelope)) * envelope**2 * 6000).astype(np.int16)

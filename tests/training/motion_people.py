"""People made of numbers: the gap between their lips is what their speech says, on faces of their own."""

from __future__ import annotations

import numpy as np

from visavox.data.motion.motion_store import MotionClip, MotionStore

FEATURE_SIZE = 6


def opening_mode() -> np.ndarray:
    """How their faces open: the lips part by a centimetre."""
    mode = np.zeros((68, 3), np.float32)
    mode[62, 1], mode[66, 1], mode[8, 1] = 0.3, -0.7, -0.5
    return mode


def make_clip(
    name: str, speaker: str, identity: np.ndarray, seed: int, num_frames: int = 40, scale: float = 1.0
) -> MotionClip:
    rng = np.random.default_rng(seed)
    rows = np.convolve(rng.normal(size=2 * num_frames + 4), np.ones(5) / 5, "valid")
    opening = 0.8 + rows[0::2] + rows[1::2]
    features = rng.normal(scale=0.1, size=(2 * num_frames, FEATURE_SIZE))
    features[:, 0] += rows
    displacements = identity + scale * opening[:, None, None] * opening_mode()
    displacements = displacements + rng.normal(scale=0.01, size=displacements.shape)
    return MotionClip(
        name,
        speaker,
        displacements.astype(np.float32),
        np.ones(num_frames, np.float32),
        features.astype(np.float32),
        displacements.mean(axis=0).astype(np.float32),
    )


def make_store(speakers: str = "abcd", clips: int = 3, *, seed: int = 0, scale: float = 1.0) -> MotionStore:
    """Clips of several speakers, who are called by one letter each."""
    made = []
    for speaker in speakers:
        identity = np.random.default_rng(ord(speaker)).normal(scale=0.3, size=(68, 3))
        identity[62] = identity[66] = 0
        for number in range(clips):
            clip_seed = 1000 * seed + 10 * ord(speaker) + number
            made.append(make_clip(f"{speaker}_{number}", speaker, identity, clip_seed, scale=scale))
    return MotionStore(made, "mel")

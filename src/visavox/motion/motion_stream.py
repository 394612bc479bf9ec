"""The motion VAE on speech of any length: chunk after chunk, with the numbers that the whole would give."""

from __future__ import annotations

import numpy as np
import torch

from visavox.models.motion.motion_vae import NUM_POINTS, SQUEEZE, MotionVae, draw_noise
from visavox.models.motion.speech_encoder import ROWS_PER_FRAME

CHUNK_FRAMES = 400
"""Frames that are made at a time: 16 s, against about 5 s of context that every chunk hears twice."""


class MotionStream:
    """Takes rows of speech features as they come, and gives motion as soon as its context is known.

    Every chunk hears as much before and after itself as the network can hear, and noise is drawn frame after frame, so
    the seams cannot be told from the rest. Memory does not grow.

    Args:
        vae: the network.
        seed: where chance comes from.
        temperature: how much of it: 0 gives the most likely motion, 1 what the prior says.
        chunk_frames: frames that are made at a time, a multiple of 4.
    """

    def __init__(
        self, vae: MotionVae, *, seed: int = 0, temperature: float = 1.0, chunk_frames: int = CHUNK_FRAMES
    ) -> None:
        if chunk_frames < SQUEEZE or chunk_frames % SQUEEZE:
            raise ValueError(f"a chunk of {chunk_frames} frames is no multiple of {SQUEEZE}")
        self.vae, self.temperature, self.chunk_frames = vae, temperature, chunk_frames
        self._context = SQUEEZE * -(-vae.reach // SQUEEZE)
        self._generator = np.random.default_rng(seed)
        size = vae.config.speech.feature_size
        self._rows = torch.zeros(0, size)  # from frame self._start on
        self._noise = torch.zeros(1, vae.config.latent, 0)
        self._start = 0
        self._given = 0

    def push(self, rows: np.ndarray) -> np.ndarray:
        """Take the next rows, float32 (k, C); return float32 (n, 68, 3), centimetres from the face at rest."""
        self._rows = torch.cat([self._rows, torch.from_numpy(rows)])
        made = [np.zeros((0, NUM_POINTS, 3), np.float32)]
        while self._known() >= self._given + self.chunk_frames + self._context:
            made.append(self._make(self.chunk_frames, self.chunk_frames + self._context))
        return np.concatenate(made)

    def flush(self) -> np.ndarray:
        """Return what was waiting for rows that will not come, float32 (n, 68, 3)."""
        made = [np.zeros((0, NUM_POINTS, 3), np.float32)]
        while remaining := self._known() - self._given:
            made.append(
                self._make(min(remaining, self.chunk_frames), min(remaining, self.chunk_frames + self._context))
            )
        return np.concatenate(made)

    def _known(self) -> int:
        """Frames whose rows have come."""
        return self._start + len(self._rows) // ROWS_PER_FRAME

    def _make(self, count: int, heard: int) -> np.ndarray:
        """Make the next `count` frames, hearing `heard` from their first on, and what came before."""
        stop = self._given + heard
        rows = self._rows[: ROWS_PER_FRAME * (stop - self._start)]
        latents = -(-(stop - self._start) // SQUEEZE)
        missing = latents - self._noise.shape[2]
        drawn = draw_noise(self._generator, 1, self.vae.config.latent, max(missing, 0))
        self._noise = torch.cat([self._noise, drawn], dim=2)
        device = self.vae.rest.device
        motion = self.vae.sample(
            rows[None].to(device), temperature=self.temperature, noise=self._noise[..., :latents].to(device)
        )
        first = self._given - self._start
        made = motion[0, first : first + count].float().cpu().numpy().reshape(-1, NUM_POINTS, 3)
        self._given += count
        drop = max(0, (self._given - self._context - self._start) // SQUEEZE * SQUEEZE)
        self._rows = self._rows[ROWS_PER_FRAME * drop :].clone()
        self._noise = self._noise[..., drop // SQUEEZE :].clone()
        self._start += drop
        return made

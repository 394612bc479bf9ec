"""The numbers that the published networks give, and the deterministic weights and inputs that they were given.

Published checkpoints are too large to carry around, and all that a parity check needs is that both
implementations hold the same numbers. So every tensor is drawn from a generator seeded by its own state-dict key,
its shape and a salt. `assets/parity/wav2lip.npz` holds what the published code of Rudrabha/Wav2Lip computed with
salt 0: networks, and the mel with the reflect padding of its pinned librosa 0.7.0. `assets/parity/syncnet.npz` holds
the same of joonson/syncnet_python: network, MFCC and distances. Their channels are BGR.
"""

import zlib
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent / "assets" / "parity"

GOLDEN = FOLDER / "wav2lip.npz"
"""generator_out (2, 3, 96, 96), expert_audio, expert_face (2, 512), quality_out (2, 1), mel (80, 161), and the
state-dict keys of each network with their shapes."""

SYNCNET_GOLDEN = FOLDER / "syncnet.npz"
"""audio_embedding, lip_embedding (2, 1024) of `syncnet_inputs`; mfcc (13, 199) of the `waveform` times 32767 cut to
int16; lse_d, lse_c and offset of `syncnet_embeddings` at shifts up to 15; the state-dict keys with their shapes."""


def _generator(name: str, shape: tuple[int, ...], salt: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), zlib.crc32(repr(tuple(shape)).encode()), salt])


def published_shapes(network: str) -> dict[str, tuple[int, ...]]:
    """Return key -> shape of the published `generator`, `expert`, `quality` or `syncnet`, in their order."""
    shapes = {}
    for line in np.load(SYNCNET_GOLDEN)["keys"] if network == "syncnet" else np.load(GOLDEN)[f"{network}_keys"]:
        key, _, shape = str(line).partition(" ")
        shapes[key] = tuple(int(number) for number in shape.strip("()").split(",") if number.strip())
    return shapes


def published_weights(network: str, salt: int = 0) -> dict[str, torch.Tensor]:
    """Return a state dict in the published layout (BGR), filled with the numbers behind the recorded outputs."""
    return {key: _weights(key, shape, salt) for key, shape in published_shapes(network).items()}


def _weights(key: str, shape: tuple[int, ...], salt: int) -> torch.Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    generator = _generator(key, shape, salt)
    if key.endswith("running_mean"):
        value = generator.normal(0, 0.1, shape)
    elif key.endswith("running_var"):
        value = generator.uniform(0.5, 1.5, shape)
    elif len(shape) == 1:
        value = generator.uniform(0.5, 0.9, shape) if key.endswith("weight") else generator.normal(0, 0.1, shape)
    else:
        value = generator.normal(0, int(np.prod(shape[1:])) ** -0.5, shape)
    return torch.from_numpy(value.astype(np.float32))


def generator_inputs(salt: int = 0, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mel windows (B, 1, 80, 16) and BGR faces (B, 6, 96, 96): masked target, then reference."""
    generator = _generator("wav2lip", (batch,), salt)
    mel = generator.uniform(-4, 4, (batch, 1, 80, 16)).astype(np.float32)
    faces = generator.uniform(0, 1, (batch, 6, 96, 96)).astype(np.float32)
    faces[:, :3, 48:] = 0
    return torch.from_numpy(mel), torch.from_numpy(faces)


def expert_inputs(salt: int = 0, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mel windows (B, 1, 80, 16) and five BGR lower halves of faces stacked on channels (B, 15, 48, 96)."""
    generator = _generator("expert", (batch,), salt)
    mel = generator.uniform(-4, 4, (batch, 1, 80, 16)).astype(np.float32)
    mouths = generator.uniform(0, 1, (batch, 15, 48, 96)).astype(np.float32)
    return torch.from_numpy(mel), torch.from_numpy(mouths)


def waveform(salt: int = 0, seconds: float = 2.0, rate: int = 16000) -> np.ndarray:
    """Return float32 (N,) in [-1, 1]: a gliding tone with harmonics, bursts of noise, and silence."""
    num_samples = int(seconds * rate)
    generator = _generator("waveform", (num_samples,), salt)
    time = np.arange(num_samples) / rate
    phase = 2 * np.pi * np.cumsum(120 + 80 * np.sin(2 * np.pi * 1.3 * time)) / rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    gate = (np.sin(2 * np.pi * 2.1 * time) > -0.3).astype(float)
    noise = generator.normal(0, 0.3, time.shape) * (np.sin(2 * np.pi * 3.7 * time) > 0.6)
    return np.clip(0.25 * tone * gate + 0.2 * noise, -1, 1).astype(np.float32)


def syncnet_inputs(salt: int = 0, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Return MFCC windows (B, 1, 13, 20) and five BGR pictures (B, 3, 5, 224, 224) from 0 to 255."""
    generator = _generator("syncnet", (batch,), salt)
    mfcc = generator.normal(0, 10, (batch, 1, 13, 20)).astype(np.float32)
    pictures = generator.integers(0, 256, (batch, 3, 5, 224, 224)).astype(np.float32)
    return torch.from_numpy(mfcc), torch.from_numpy(pictures)


def syncnet_embeddings(salt: int = 0, num_frames: int = 60, dimensions: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings of lips and sound, float32 (60, 1024): lips repeat the sound two frames later, with noise."""
    generator = _generator("syncnet-embeddings", (num_frames,), salt)
    sound = generator.normal(0, 1, (num_frames, dimensions)).astype(np.float32)
    noise = generator.normal(0, 0.7, (num_frames, dimensions)).astype(np.float32)
    return (np.roll(sound, 2, axis=0) * 0.7 + noise).astype(np.float32), sound

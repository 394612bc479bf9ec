"""The motion VAE: any length, chunk by chunk, and what its measures mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.small_motion_vae import SMALL_VAE
from tests.narrow import part, present
from torch import nn

from visavox.models.motion.motion_vae import MotionVae, MotionVaeConfig, draw_noise, lip_gap, padded
from visavox.motion.speech_to_motion import MotionStream
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.weights_file import ModelCard

CONFIG = replace(
    SMALL_VAE,
    speech=replace(SMALL_VAE.speech, feature_size=7, dropout=0.5),
    encoder_layers=2,
    decoder_layers=2,
    latent=4,
    dropout=0.5,
)
"""Two layers, so that what a layer hears of the one before is tested too."""


@pytest.fixture(scope="module")
def vae() -> MotionVae:
    """A network whose numbers are all at work."""
    torch.manual_seed(5)
    vae = MotionVae(CONFIG)
    for coupling in vae.flow.couplings:
        nn.init.normal_(part(coupling, "after", nn.Conv1d).weight, std=0.5)
    present(vae.speech_encoder.norm.running_mean).normal_()
    vae.motion_mean.normal_(std=0.1)
    return vae.eval()


def speech(frames: int, seed: int = 0, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 2 * frames, 7, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 30])
def test_any_length(vae: MotionVae, frames: int) -> None:
    motion = vae.sample(speech(frames), seed=1)
    assert motion.shape == (1, frames, 204)
    assert torch.isfinite(motion).all()


def test_a_seed_gives_one_motion_and_another_seed_another(vae: MotionVae) -> None:
    features = speech(20)
    assert torch.equal(vae.sample(features, seed=1), vae.sample(features, seed=1))
    assert not torch.allclose(vae.sample(features, seed=1), vae.sample(features, seed=2))


def test_temperature_0_is_the_mode_of_the_prior_and_needs_no_chance(vae: MotionVae) -> None:
    features = speech(16)
    still = vae.sample(features, seed=1, temperature=0.0)
    assert torch.equal(still, vae.sample(features, seed=2, temperature=0.0))
    _, mask = padded(features, 16)
    _, squeezed = vae.encode_speech(features, mask)
    mode = vae.prior_latent(torch.zeros(1, 4, 4), squeezed, mask)
    density = vae.flow.log_density(mode, squeezed, torch.ones(1, 1, 4))
    for seed in range(5):
        other = mode + 0.3 * torch.randn(mode.shape, generator=torch.Generator().manual_seed(seed))
        assert (vae.flow.log_density(other, squeezed, torch.ones(1, 1, 4)) < density).all()


def test_chunks_give_what_the_whole_gives(vae: MotionVae) -> None:
    frames = 101
    features = speech(frames)
    whole = vae.sample(features, seed=4, temperature=1.0)[0].numpy().reshape(-1, 68, 3)
    stream = MotionStream(vae, seed=4, chunk_frames=12)
    rows = features[0].numpy()
    parts = [stream.push(rows[start : start + 17]) for start in range(0, len(rows), 17)]
    parts.append(stream.flush())
    assert sum(len(part) for part in parts[:-1]) > 50  # it does not wait for the end
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_nothing_is_heard_beyond_the_reach(vae: MotionVae) -> None:
    frames, middle = 2 * vae.reach + 41, vae.reach + 20
    features = speech(frames)
    changed = features.clone()
    changed[:, : 2 * (middle - vae.reach)] += 1
    changed[:, 2 * (middle + vae.reach + 1) :] -= 1
    one, other = vae.sample(features, seed=1), vae.sample(changed, seed=1)
    torch.testing.assert_close(one[:, middle], other[:, middle], atol=1e-5, rtol=0)
    assert not torch.allclose(one[:, 0], other[:, 0])


def test_noise_is_the_same_in_portions() -> None:
    whole = draw_noise(np.random.default_rng(3), 1, 4, 11)
    generator = np.random.default_rng(3)
    portions = [draw_noise(generator, 1, 4, length) for length in (1, 7, 3)]
    assert torch.equal(torch.cat(portions, dim=2), whole)


def test_the_divergence_is_that_of_two_normal_distributions(vae: MotionVae) -> None:
    """While the flow is the identity the prior is the standard normal, and the divergence has a formula."""
    torch.manual_seed(0)
    plain = MotionVae(CONFIG).eval()
    with torch.no_grad():
        features, mask = padded(speech(32, batch=64), 32)
        _, squeezed = plain.encode_speech(features, mask)
        motion = 0.1 * torch.randn(64, 32, 204)
        drawn = torch.stack(
            [plain.divergence(plain.encode(motion, squeezed, mask), squeezed, mask) for _ in range(200)]
        )
        posterior = plain.encode(motion, squeezed, mask)
    variance = torch.exp(2 * posterior.log_std)
    exact = 0.5 * (posterior.mean**2 + variance - 1 - 2 * posterior.log_std).sum(dim=1)
    assert float(drawn.mean()) == pytest.approx(float(exact.mean()), rel=0.05)


def test_a_larger_gain_moves_farther_and_lips_never_cross(vae: MotionVae) -> None:
    features = speech(60)
    mode = torch.zeros(68, 3)
    mode[62, 1], mode[66, 1] = 0.3, -0.7
    large = MotionVae(CONFIG).eval()
    large.load_state_dict(vae.state_dict())
    large.opening_mode.copy_(mode.flatten())
    upper = 3 * 62 + 1
    large.motion_mean[upper] -= lip_gap(large.sample(features, temperature=0.0, calibrated=False)).mean()
    plain = large.sample(features, temperature=0.0, calibrated=False)
    large.typical.copy_(plain.mean(dim=(0, 1)))
    large.gains.copy_(torch.tensor([3.0, 1.0]))
    moved = large.sample(features, temperature=0.0)
    jaw = 3 * 8 + 1
    assert float(moved[..., jaw].std() / plain[..., jaw].std()) == pytest.approx(3.0, rel=1e-3)
    assert float(lip_gap(plain).min()) < 0
    assert float(lip_gap(moved).min()) > -1e-5
    assert large.gain(0.0) == pytest.approx(3.0)
    assert large.gain(1.0) == pytest.approx(1.0)
    assert 1.0 < large.gain(0.5) < 3.0


def test_it_is_saved_and_loaded(vae: MotionVae, tmp_path: Path) -> None:
    card = ModelCard("a test", "untrained", "none")
    save_model(tmp_path / "v.safetensors", vae, card)
    loaded = load_model(tmp_path / "v.safetensors", MotionVae)
    assert loaded.config == CONFIG
    assert torch.equal(loaded.sample(speech(9)), vae.sample(speech(9)))


def test_the_published_network_can_be_built() -> None:
    with torch.device("meta"):
        vae = MotionVae(MotionVaeConfig())
    millions = sum(parameter.numel() for parameter in vae.parameters()) / 1e6
    assert 9 < millions < 14


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        MotionVae(replace(CONFIG, kernel=4))

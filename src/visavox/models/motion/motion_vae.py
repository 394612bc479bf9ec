"""GeneFace's motion VAE: speech to the motion of 68 landmarks (Ye et al., "GeneFace", 2023, section 3.2).

What speech leaves open about a face is a latent of a quarter of the video's rate. In training an encoder reads it from
the true motion; afterwards it is drawn from a prior that knows the speech, a volume-preserving flow, so that latent
frames belong together. The decoder makes motion of speech and latent.

A motion is here the displacement, in centimetres, from the speaker's face at rest with lips shut
(`visavox.face.geometry.motion`): what a speaker looks like cannot be heard. The most likely motion
(temperature 0) moves less than a face does, by about its correlation with it; what calibrates it is measured after
training, on speakers that were not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visavox.models.layers import GatedStack
from visavox.models.motion.flow import CouplingFlow, FlowConfig, standard_normal_log_density
from visavox.models.motion.speech_encoder import ROWS_PER_FRAME, SpeechEncoder, SpeechEncoderConfig

SQUEEZE = 4
"""Video frames to a latent frame."""
NUM_POINTS = 68
"""Landmarks of a motion: `visavox.face.geometry.landmarks.IBUG_68`."""
UPPER_LIP, LOWER_LIP = 62, 66
"""The middles of the inner lips among the 68 points."""
LARGEST_LOG_STD = 4.0
"""Bound of the logarithm of the posterior's standard deviation, both ways: beyond it nothing is learned any more."""


@dataclass(frozen=True)
class MotionVaeConfig:
    """Dimensions of the motion VAE; those of the published network by default."""

    features: str = "hubert:facebook/hubert-large-ls960-ft"
    """The speech features that it takes: a name of `visavox.audio.features.speech_features`."""
    speech: SpeechEncoderConfig = field(default_factory=SpeechEncoderConfig)
    """The audio encoder."""
    hidden: int = 256
    """Channels of encoder and decoder."""
    kernel: int = 5
    """Frames under their convolutions; odd."""
    encoder_layers: int = 8
    """Convolutions of the encoder, at a quarter of the video's rate."""
    decoder_layers: int = 4
    """Convolutions of the decoder."""
    latent: int = 16
    """Channels of the latent."""
    flow: FlowConfig = field(default_factory=FlowConfig)
    """The prior."""
    dropout: float = 0.0
    """Share of channels dropped in encoder and decoder in training."""


@dataclass(frozen=True)
class Posterior:
    """Posterior of a true motion, and one latent drawn from it."""

    mean: Tensor
    """(B, latent, T / 4)."""
    log_std: Tensor
    """(B, latent, T / 4)."""
    latent: Tensor
    """(B, latent, T / 4), drawn."""

    def log_density(self) -> Tensor:
        """Logarithm of the density of the drawn latent, summed over channels: (B, T / 4), nats."""
        noise = (self.latent - self.mean) * torch.exp(-self.log_std)
        return standard_normal_log_density(noise) - self.log_std.sum(dim=1)


class MotionVae(nn.Module):
    """Speech features to motion; all of its convolutions look to both sides, nothing looks at a whole sequence."""

    motion_mean: Tensor
    motion_scale: Tensor
    opening_mode: Tensor
    rest: Tensor
    typical: Tensor
    gains: Tensor
    spread: Tensor
    opening_deviation: Tensor

    def __init__(self, config: MotionVaeConfig) -> None:
        super().__init__()
        self.config = config
        channels, size, hidden = config.speech.channels, 3 * NUM_POINTS, config.hidden
        self.speech_encoder = SpeechEncoder(config.speech)
        self.squeeze = nn.Conv1d(channels, channels, 2 * SQUEEZE, stride=SQUEEZE, padding=SQUEEZE // 2)
        self.encoder_in = nn.Conv1d(size, hidden, 2 * SQUEEZE, stride=SQUEEZE, padding=SQUEEZE // 2)
        self.encoder = self._stack(config.encoder_layers, channels)
        self.encoder_out = nn.Conv1d(hidden, 2 * config.latent, 1)
        self.flow = CouplingFlow(config.latent, channels, config.flow)
        self.decoder_in = nn.ConvTranspose1d(config.latent, hidden, SQUEEZE, stride=SQUEEZE)
        self.decoder = self._stack(config.decoder_layers, channels)
        self.decoder_out = nn.Conv1d(hidden, size, 1)
        self._register_measures(size)

    def _stack(self, num_layers: int, condition: int) -> GatedStack:
        config = self.config
        return GatedStack(config.hidden, condition, kernel=config.kernel, num_layers=num_layers, dropout=config.dropout)

    def _register_measures(self, size: int) -> None:
        """Statistics of the training set, which are measured and not learned by gradients."""
        self.register_buffer("motion_mean", torch.zeros(size))
        self.register_buffer("motion_scale", torch.ones(size))
        # How all points move when the lips part by a centimetre.
        self.register_buffer("opening_mode", torch.zeros(size))
        # The typical face at rest, as a displacement from the canonical one.
        self.register_buffer("rest", torch.zeros(size))
        # The mean of what is predicted, and by how much deviations from it are enlarged at temperatures 0 and 1.
        self.register_buffer("typical", torch.zeros(size))
        self.register_buffer("gains", torch.ones(2))
        # Standard deviation of the noise at temperature 1.
        self.register_buffer("spread", torch.ones(()))
        # Standard deviation of the gap between the lips within a clip, centimetres: how much a typical speaker moves.
        self.register_buffer("opening_deviation", torch.ones(()))

    @property
    def reach(self) -> int:
        """Video frames of audio to either side of a frame that its motion may depend on (no more, perhaps fewer)."""
        latent_reach = self.flow.reach + 1
        return self.decoder.reach + SQUEEZE * (latent_reach + 1) + self.speech_encoder.reach

    def encode_speech(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encode speech.

        Args:
            features: (B, 2 T, feature_size), T a multiple of 4.
            mask: (B, T), 1 for frames that exist.

        Returns:
            speech (B, channels, T), and the same at the latent's rate (B, channels, T / 4).
        """
        speech = self.speech_encoder(features, mask[:, None])
        return speech, self.squeeze(speech) * squeezed(mask)[:, None]

    def encode(self, motion: Tensor, squeezed_speech: Tensor, mask: Tensor) -> Posterior:
        """Read the latent from a true motion.

        Args:
            motion: (B, T, 204) centimetres from the face at rest.
            squeezed_speech: (B, channels, T / 4).
            mask: (B, T).
        """
        latent_mask = squeezed(mask)[:, None]
        standard = ((motion - self.motion_mean) / self.motion_scale).transpose(1, 2) * mask[:, None]
        hidden = self.encoder(self.encoder_in(standard) * latent_mask, squeezed_speech, latent_mask)
        mean, log_std = (self.encoder_out(hidden) * latent_mask).float().chunk(2, dim=1)
        log_std = log_std.clamp(-LARGEST_LOG_STD, LARGEST_LOG_STD)
        return Posterior(mean, log_std, (mean + torch.randn_like(mean) * torch.exp(log_std)) * latent_mask)

    def prior_latent(self, noise: Tensor, squeezed_speech: Tensor, mask: Tensor) -> Tensor:
        """Latents (B, latent, T / 4) of noise (B, latent, T / 4); noise 0 gives the mode of the prior."""
        return self.flow.inverse(noise, squeezed_speech, squeezed(mask)[:, None])

    def decode(self, latent: Tensor, speech: Tensor, mask: Tensor) -> Tensor:
        """Make motion, (B, T, 204) centimetres from the face at rest, of latents and speech; not calibrated."""
        hidden = self.decoder(self.decoder_in(latent) * mask[:, None], speech, mask[:, None])
        standard = self.decoder_out(hidden).transpose(1, 2).float()
        return standard * self.motion_scale + self.motion_mean

    def divergence(self, posterior: Posterior, squeezed_speech: Tensor, mask: Tensor) -> Tensor:
        """Monte-Carlo estimate of the Kullback-Leibler divergence of posterior and prior, one draw.

        log q(z) - log p(flow(z)), (B, T / 4) nats, 0 outside the mask. A single draw may be negative.
        """
        latent_mask = squeezed(mask)
        prior = self.flow.log_density(posterior.latent, squeezed_speech, latent_mask[:, None])
        return posterior.log_density() * latent_mask - prior

    @torch.no_grad()
    def sample(
        self,
        features: Tensor,
        *,
        seed: int = 0,
        temperature: float = 1.0,
        noise: Tensor | None = None,
        calibrated: bool = True,
    ) -> Tensor:
        """Draw motions for speech.

        Args:
            features: (B, 2 T, feature_size) of any T.
            seed: where chance comes from.
            temperature: how much is left to chance; 0 gives the most likely motion, 1 is as lively as real speakers.
            noise: (B, latent, ceil(T / 4)) to use instead of what the seed gives.
            calibrated: whether motions are as large as those of real speakers, and lips never cross.

        Returns:
            (B, T, 204), centimetres from the face at rest.
        """
        num_frames = features.shape[1] // ROWS_PER_FRAME
        features, mask = padded(features, num_frames)
        if noise is None:
            noise = draw_noise(np.random.default_rng(seed), len(features), self.config.latent, mask.shape[1] // SQUEEZE)
        speech, squeezed_speech = self.encode_speech(features, mask)
        latent = self.prior_latent(noise.to(speech) * (temperature * self.spread), squeezed_speech, mask)
        motion = self.decode(latent, speech, mask)[:, :num_frames]
        return self.calibrate(motion, temperature) if calibrated else motion

    def calibrate(self, motion: Tensor, temperature: float) -> Tensor:
        """Bring motions (B, T, 204) to the size of real ones, and keep lips from crossing."""
        motion = self.typical + self.gain(temperature) * (motion - self.typical)
        crossed = lip_gap(motion).clamp(max=0.0)
        return motion - crossed[..., None] * self.opening_mode

    def gain(self, temperature: float) -> float:
        """By how much motions drawn at a temperature are enlarged.

        The variance of what is drawn grows with the square of the temperature, and what was measured at 0 and 1
        says how far.
        """
        still, lively = (1 / float(gain) ** 2 for gain in self.gains)
        variance = still + temperature**2 * (lively - still)
        return max(variance, 0.1 * min(still, lively)) ** -0.5


def squeezed(mask: Tensor) -> Tensor:
    """Mask (B, T / 4) of latent frames: those with a frame that exists."""
    return mask.reshape(len(mask), -1, SQUEEZE).amax(dim=-1)


def padded(features: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    """Pad (B, 2 T, C) to a multiple of 4 frames; return it, and the mask (B, T') of the frames that exist."""
    missing = -num_frames % SQUEEZE
    mask = F.pad(features.new_ones(len(features), num_frames), (0, missing))
    return F.pad(features[:, : ROWS_PER_FRAME * num_frames], (0, 0, 0, ROWS_PER_FRAME * missing)), mask


def draw_noise(generator: np.random.Generator, batch: int, channels: int, num_frames: int) -> Tensor:
    """Draw standard normal noise frame after frame: for a batch of one, portions give the same numbers.

    Returns:
        float32 (batch, channels, num_frames).
    """
    drawn = generator.standard_normal((batch, num_frames, channels), dtype=np.float32)
    return torch.from_numpy(drawn).transpose(1, 2)


def lip_gap(motion: Tensor) -> Tensor:
    """Gap of the lips, centimetres, (...) of motions (..., 204) from the face at rest; negative where they cross."""
    return motion[..., 3 * UPPER_LIP + 1] - motion[..., 3 * LOWER_LIP + 1]

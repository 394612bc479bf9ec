"""A volume-preserving normalizing flow: the prior of GeneFace's motion VAE.

Ren et al., "PortaSpeech" (2021), and Ye et al., "GeneFace" (2023): additive ("mean-only") couplings (Dinh et al.,
"NICE", 2015), each of which shifts one half of the channels by what a gated stack makes of the other half and of the
speech. A shift changes no volume, so the density of a latent is simply that of the noise that it maps to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visavox.models.layers import GatedStack


@dataclass(frozen=True)
class FlowConfig:
    """Dimensions of the flow."""

    couplings: int = 4
    """Couplings; after each the channels are turned around, so that all of them are moved."""
    hidden: int = 64
    """Channels of the gated stack in each coupling."""
    layers: int = 4
    """Convolutions of each stack."""
    kernel: int = 3
    """Latent frames under each convolution: the latent frames know of each other."""


class ShiftCoupling(nn.Module):
    """Shifts the second half of the channels by a function of the first half and the condition."""

    def __init__(self, channels: int, condition: int, config: FlowConfig) -> None:
        super().__init__()
        self.num_kept = channels // 2
        self.before = nn.Conv1d(self.num_kept, config.hidden, 1)
        self.stack = GatedStack(config.hidden, condition, kernel=config.kernel, num_layers=config.layers)
        self.after = nn.Conv1d(config.hidden, channels - self.num_kept, 1)
        # The flow begins as the identity.
        nn.init.zeros_(self.after.weight)
        nn.init.zeros_(self.after.bias)  # type: ignore[arg-type]

    def shift(self, kept: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """By how much the second half is moved: (B, channels - num_kept, T) of the first half (B, num_kept, T)."""
        return self.after(self.stack(self.before(kept) * mask, condition, mask)) * mask

    def forward(self, latent: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """Shift (B, channels, T)."""
        kept, moved = latent[:, : self.num_kept], latent[:, self.num_kept :]
        return torch.cat([kept, moved + self.shift(kept, condition, mask)], dim=1)

    def inverse(self, shifted: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """Undo `forward`.

        Args:
            shifted: (B, channels, T).
            condition: (B, condition, T).
            mask: (B, 1, T), 1 for frames that exist.

        Returns:
            The latent (B, channels, T).
        """
        kept, moved = shifted[:, : self.num_kept], shifted[:, self.num_kept :]
        return torch.cat([kept, moved - self.shift(kept, condition, mask)], dim=1)


class CouplingFlow(nn.Module):
    """Maps latents to noise of a standard normal distribution and back, told the speech.

    Args:
        channels: of a latent frame; even.
        condition: channels of the condition.
        config: dimensions.
    """

    def __init__(self, channels: int, condition: int, config: FlowConfig) -> None:
        super().__init__()
        if channels < 2:
            raise ValueError(f"a latent of {channels} channel has no two halves; give 2 or more")
        self.couplings = nn.ModuleList(ShiftCoupling(channels, condition, config) for _ in range(config.couplings))
        self.reach = sum(coupling.stack.reach for coupling in self.couplings)  # type: ignore[union-attr, misc]
        """Latent frames to either side that one of them depends on."""

    def forward(self, latent: Tensor, condition: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map latents to noise.

        Args:
            latent: (B, channels, T).
            condition: (B, condition, T).
            mask: (B, 1, T), 1 for frames that exist.

        Returns:
            noise (B, channels, T), and the logarithm of the determinant of the map's Jacobian, (B,): 0.
        """
        for coupling in self.couplings:
            latent = coupling(latent, condition, mask).flip(1)
        return latent, latent.new_zeros(len(latent))

    def inverse(self, noise: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """Map noise (B, channels, T) to latents (B, channels, T)."""
        for coupling in reversed(self.couplings):
            noise = coupling.inverse(noise.flip(1), condition, mask)  # type: ignore[operator]
        return noise

    def log_density(self, latent: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """Logarithm of the density of latents, in nats, (B, T): summed over channels, 0 outside the mask.

        The sum over T is the density of the whole sequence; a single frame's share has a meaning only in that sum.
        """
        noise, _ = self(latent, condition, mask)
        return standard_normal_log_density(noise) * mask[:, 0]


def standard_normal_log_density(noise: Tensor) -> Tensor:
    """Logarithm of the standard normal density of (B, channels, T), summed over channels: (B, T), nats."""
    return -0.5 * (noise**2 + math.log(2 * math.pi)).sum(dim=1)

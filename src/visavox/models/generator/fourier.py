"""Fast Fourier convolution (Chi, Jiang & Mu 2020): a layer in which every feature sees the whole image."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn


class FourierUnit(nn.Module):
    """Mixes channels frequency by frequency, so that each output depends on all places (FFC, section 3.3).

    Real and imaginary parts lie side by side as channels of one 1x1 convolution. It treats all frequencies alike; the
    ReLU after it is what lets the unit choose among them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(2 * channels, 2 * channels, 1), nn.BatchNorm2d(2 * channels), nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) of any size to the same shape and type.

        Both transforms are orthonormal, so that numbers keep their size at every resolution. All is computed in
        float32: in half precision there are no transforms on the CPU, and on the GPU only of powers of two.
        """
        with _without_autocast(features.device.type):
            spectrum = torch.fft.rfft2(features.float(), norm="ortho")
            parts = self.layers(torch.cat([spectrum.real, spectrum.imag], dim=1))
            real, imaginary = parts.chunk(2, dim=1)
            # The width that rfft2 halved must be told: odd and even ones have halves of the same length.
            out = torch.fft.irfft2(torch.complex(real, imaginary), s=features.shape[-2:], norm="ortho")
        return out.to(features.dtype)


def _without_autocast(device: str) -> contextlib.AbstractContextManager[object]:
    if not torch.amp.is_autocast_available(device):  # the meta device, on which shapes are tried
        return contextlib.nullcontext()
    return torch.autocast(device, enabled=False)


class SpectralTransform(nn.Module):
    """The path from global to global features: 1x1 convolutions around a Fourier unit, which adds to what it gets."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.reduce = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.BatchNorm2d(hidden), nn.ReLU())
        self.fourier = FourierUnit(hidden)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        features = self.reduce(features)
        return self.expand(features + self.fourier(features))


class FastFourierConvolution(nn.Module):
    """A 3x3 convolution of two branches that exchange what they know (FFC, equation 2).

    The first channels are local, the others global; the output is split in the same way.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 2:
            raise ValueError(f"{channels} channels; a local and a global branch need 2 or more")
        self.sizes = channels - channels // 2, channels // 2
        local_channels, global_channels = self.sizes
        self.local_to_local = nn.Conv2d(local_channels, local_channels, 3, padding=1)
        self.global_to_local = nn.Conv2d(global_channels, local_channels, 3, padding=1, bias=False)
        self.local_to_global = nn.Conv2d(local_channels, global_channels, 3, padding=1, bias=False)
        self.global_to_global = SpectralTransform(global_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        near, far = features.split(self.sizes, dim=1)
        return torch.cat(
            [
                self.local_to_local(near) + self.global_to_local(far),
                self.local_to_global(near) + self.global_to_global(far),
            ],
            dim=1,
        )

"""Blocks of AttnWav2Lip: residual blocks with attention, fast Fourier convolution, and semantic alignment.

Attention is the convolutional block attention module (Woo et al. 2018, CBAM); a fast Fourier convolution lets every
feature see the whole image (Chi, Jiang & Mu 2020, FFC); semantic alignment lets the statistics of features follow the
speech.
"""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn

FEWEST_HIDDEN = 4
"""The shared perceptron is never narrower than this."""
SPATIAL_KERNEL = 7
"""The kernel that the paper found best."""
EPSILON = 1e-5
"""Added to the variance of a channel, which may be 0."""


class ChannelAttention(nn.Module):
    """Channel attention: sigmoid(MLP(mean) + MLP(max)), the same perceptron for both (CBAM, equation 2)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(FEWEST_HIDDEN, channels // reduction)
        self.perceptron = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to weights (B, channels, 1, 1) in (0, 1)."""
        pooled = torch.stack([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))])  # 2 B C
        return torch.sigmoid(self.perceptron(pooled).sum(dim=0))[:, :, None, None]


class SpatialAttention(nn.Module):
    """Spatial attention: sigmoid(7x7 convolution of mean and max over the channels) (CBAM, equation 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to weights (B, 1, H, W) in (0, 1)."""
        pooled = torch.cat([features.mean(dim=1, keepdim=True), features.amax(dim=1, keepdim=True)], dim=1)
        return torch.sigmoid(self.convolution(pooled))


class AttentionBlock(nn.Module):
    """A residual 3x3 block that weighs what it adds, by channel and then by place.

    Convolution, batch normalisation, both attentions, addition of the input, ReLU: Wav2Lip's residual block with CBAM
    inside its branch.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))
        self.channel_attention = ChannelAttention(channels, reduction)
        self.spatial_attention = SpatialAttention()

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        branch = self.conv_block(features)
        branch = branch * self.channel_attention(branch)
        return torch.relu(torch.addcmul(features, branch, self.spatial_attention(branch)))


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


class AdaptiveInstanceNorm(nn.Module):
    """Gives each channel the mean and the deviation that the speech asks for (Huang & Belongie 2017, AdaIN).

    It begins with mean 0 and deviation 1 whatever is heard.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.affine = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Normalise (B, channels, H, W), in float32, and scale and shift it by the condition (B, condition, 1, 1)."""
        scale, shift = self.affine(condition.flatten(1)).float()[:, :, None, None].chunk(2, dim=1)
        variance, mean = torch.var_mean(features.float(), dim=(2, 3), correction=0, keepdim=True)
        factor = (1 + scale) * torch.rsqrt(variance + EPSILON)
        return torch.addcmul(shift - mean * factor, features.float(), factor).to(features.dtype)


class SemanticAlignment(nn.Module):
    """Fast Fourier convolution, adaptive instance normalisation, addition of the input, ReLU."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.convolution = FastFourierConvolution(channels)
        self.norm = AdaptiveInstanceNorm(channels, condition)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Align (B, channels, H, W) with the condition (B, condition, 1, 1)."""
        return torch.relu(features + self.norm(self.convolution(features), condition))

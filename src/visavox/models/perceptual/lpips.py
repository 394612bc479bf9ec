"""LPIPS: features of two images, normalised, subtracted, and weighted channel by channel.

The feature stacks are AlexNet, VGG16 and SqueezeNet 1.1, up to their last convolution. Layers and names of tensors are
those of torchvision's classifiers, whose ImageNet weights LPIPS was learned on, so that these files load as they are.
The classifiers behind the convolutions are left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MINIMUM_SIDE = 32
"""Pixels: of a smaller image nothing is left after the poolings."""
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and standard deviation, moved from [0, 1] to [-1, 1]."""
_EPSILON = 1e-10
"""Added to the length of a feature vector, which may be zero."""
_ROUNDING = 1e-2
"""Tolerance of numbers outside [0, 1]: bfloat16 and resampling overshoot."""


class FeatureStack(nn.Module):
    """A stack of layers that gives what comes out of some of them.

    Args:
        layers: the layers, in order.
        taps: after which layers the features are taken.
        channels: of the features that each tap gives.
    """

    def __init__(self, layers: list[nn.Module], taps: tuple[int, ...], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.taps = taps
        self.channels = channels

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the features (B, C, h, w) of every tap; images (B, 3, H, W), normalised as LPIPS does it."""
        found = []
        for index, layer in enumerate(self.features):
            images = layer(images)
            if index in self.taps:
                found.append(images)
        return found


class Fire(nn.Module):
    """Squeeze to a few channels, then expand by 1x1 and 3x3 side by side (Iandola et al. 2016, figure 1)."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, 2 expanded, h, w)."""
        squeezed = self.squeeze(features).relu()
        return torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], dim=1).relu()


def alexnet() -> FeatureStack:
    """AlexNet in one column (Krizhevsky 2014), tapped after each of its five convolutions."""
    layers = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    ]
    return FeatureStack(layers, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256))


def vgg16() -> FeatureStack:
    """VGG16 (Simonyan and Zisserman 2015), tapped at the end of each of its five stages."""
    layers: list[nn.Module] = []
    taps = []
    inputs = 3
    stages = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    for channels, depth in stages:
        if layers:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(depth):
            layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
            inputs = channels
        taps.append(len(layers) - 1)
    return FeatureStack(layers, tuple(taps), tuple(channels for channels, _ in stages))


def squeezenet() -> FeatureStack:
    """SqueezeNet 1.1 (Iandola et al. 2016), tapped after its convolution, before each pooling, and at the end."""
    layers = [
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    ]
    return FeatureStack(layers, (1, 4, 7, 9, 10, 11, 12), (64, 128, 256, 384, 384, 512, 512))


STACKS = {"alex": alexnet, "vgg": vgg16, "squeeze": squeezenet}
"""Name, as papers write it after LPIPS, to stack."""


class Lpips(nn.Module):
    """LPIPS version 0.1 (Zhang et al. 2018, equation 1), as a loss or as a metric.

        d(x, y) = sum over taps l of the mean over places of sum_c w_lc (x^_lc - y^_lc)^2

    where x^_l are the features of tap l divided by their length at each place, and w_l >= 0 were learned from
    people's judgements of which of two images is closer to a third.

    Its numbers are random until `visavox.weights.published_weights.load_lpips` has loaded them. They are frozen;
    gradients flow to the images. Under autocast the stack runs in the half precision, the rest in float32.

    Args:
        network: alex, vgg or squeeze.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, network: str = "alex") -> None:
        super().__init__()
        self.network = network
        self.stack: FeatureStack = STACKS[network]()
        self.weights = nn.ParameterList([nn.Parameter(torch.rand(count)) for count in self.stack.channels])
        self.register_buffer("shift", torch.tensor(_SHIFT)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Lpips:
        """Stay in eval mode: the network that measures does not learn with the one that is measured."""
        return super().train(False)

    def forward(self, rendered: Tensor, truth: Tensor) -> Tensor:
        """Measure the distance of each pair of images.

        Args:
            rendered: (B, 3, H, W) RGB, floating point, in [0, 1]; sides of 32 pixels or more.
            truth: the same.

        Returns:
            (B,) float32: 0 for equal images, about 0.1 for a slight and 0.7 for a heavy distortion.

        Raises:
            ValueError: shape, type or range are others. An image in [-1, 1] or 0-255 would give a number too, but
                not this distance.
        """
        _check(rendered, truth)
        total = rendered.new_zeros(len(rendered), dtype=torch.float32)
        for one, other, weight in zip(self.features(rendered), self.features(truth), self.weights, strict=True):
            # Multiplied out: as a product of matrices autocast would take it to half precision.
            total = total + (weight[:, None, None] * (one - other) ** 2).sum(dim=1).mean(dim=(1, 2))
        return total

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the features of every tap, float32 (B, C, h, w), of length one at each place.

        Args:
            images: (B, 3, H, W) RGB in [0, 1].
        """
        scaled = (2 * images.float() - 1 - self.shift) / self.scale
        found = [features.float() for features in self.stack(scaled)]
        # vector_norm, because its gradient at zero is zero and that of sqrt(sum of squares) is not a number.
        return [each / (torch.linalg.vector_norm(each, dim=1, keepdim=True) + _EPSILON) for each in found]


def _check(rendered: Tensor, truth: Tensor) -> None:
    if rendered.shape != truth.shape:
        raise ValueError(f"images of one shape are compared, got {tuple(rendered.shape)} and {tuple(truth.shape)}")
    for images in (rendered, truth):
        if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < MINIMUM_SIDE:
            raise ValueError(
                f"images are (B, 3, H, W) RGB with sides of {MINIMUM_SIDE} or more, got {tuple(images.shape)}"
            )
        if not images.is_floating_point():
            raise ValueError(f"images are floating point in [0, 1], got {images.dtype}")
        low, high = (float(value) for value in torch.aminmax(images.detach()))
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):
            raise ValueError(f"images lie in [0, 1], got {low:.3g} to {high:.3g}")

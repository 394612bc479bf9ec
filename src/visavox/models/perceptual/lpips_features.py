"""The feature stacks that LPIPS looks through: AlexNet, VGG16 and SqueezeNet 1.1, up to their last convolution.

Layers and names of tensors are those of torchvision's classifiers, whose ImageNet weights LPIPS was learned on, so
that these files load as they are. The classifiers behind the convolutions are left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return the features (B, C, h, w) of every tap; images (B, 3, H, W), normalised as LPIPS does it."""
        found = []
        for index, layer in enumerate(self.features):
            pictures = layer(pictures)
            if index in self.taps:
                found.append(pictures)
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

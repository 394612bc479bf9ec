"""The Inception network of 2015 on which FID is defined, up to its 2048 features.

The blocks are those of Inception v3 (Szegedy et al. 2016), with the names of torchvision's tensors. Where the
TensorFlow network of 2015 differs from torchvision's, the former is built: its average pooling does not count the zeros
at the border, and its last block takes the maximum instead.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACROSS, DOWN = (1, 7), (7, 1)
IMAGE_SIZE = 299
NUM_FEATURES = 2048


class BasicConv2d(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, h', w')."""
        return F.relu(self.bn(self.conv(features)))


def same(inputs: int, outputs: int, kernel: tuple[int, int]) -> BasicConv2d:
    """Build a convolution that keeps the size."""
    return BasicConv2d(inputs, outputs, kernel, padding=(kernel[0] // 2, kernel[1] // 2))


def average(features: Tensor) -> Tensor:
    """Mean of (B, C, h, w) over 3x3 places, at the border over those that are there: (B, C, h, w)."""
    return F.avg_pool2d(features, 3, stride=1, padding=1, count_include_pad=False)


class InceptionA(nn.Module):
    """1x1, 5x5 and two 3x3, side by side; 35x35 places."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(inputs, 64)
        self.branch5x5_1 = BasicConv2d(inputs, 48)
        self.branch5x5_2 = same(48, 64, (5, 5))
        self.branch3x3dbl_1 = BasicConv2d(inputs, 64)
        self.branch3x3dbl_2 = same(64, 96, (3, 3))
        self.branch3x3dbl_3 = same(96, 96, (3, 3))
        self.branch_pool = BasicConv2d(inputs, pooled)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, 224 + pooled, h, w)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        branches = [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(average(x))]
        return torch.cat(branches, dim=1)


class InceptionB(nn.Module):
    """From 35x35 to 17x17 places."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = BasicConv2d(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = BasicConv2d(inputs, 64)
        self.branch3x3dbl_2 = same(64, 96, (3, 3))
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, 480 + inputs, h // 2, w // 2)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], dim=1)


class InceptionC(nn.Module):
    """7x7 as 1x7 and 7x1; 17x17 places."""

    def __init__(self, inputs: int, narrow: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(inputs, 192)
        self.branch7x7_1 = BasicConv2d(inputs, narrow)
        self.branch7x7_2 = same(narrow, narrow, ACROSS)
        self.branch7x7_3 = same(narrow, 192, DOWN)
        self.branch7x7dbl_1 = BasicConv2d(inputs, narrow)
        self.branch7x7dbl_2 = same(narrow, narrow, DOWN)
        self.branch7x7dbl_3 = same(narrow, narrow, ACROSS)
        self.branch7x7dbl_4 = same(narrow, narrow, DOWN)
        self.branch7x7dbl_5 = same(narrow, 192, ACROSS)
        self.branch_pool = BasicConv2d(inputs, 192)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, 768, h, w)."""
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(average(x))], dim=1)


class InceptionD(nn.Module):
    """From 17x17 to 8x8 places."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1 = BasicConv2d(inputs, 192)
        self.branch3x3_2 = BasicConv2d(192, 320, 3, stride=2)
        self.branch7x7x3_1 = BasicConv2d(inputs, 192)
        self.branch7x7x3_2 = same(192, 192, ACROSS)
        self.branch7x7x3_3 = same(192, 192, DOWN)
        self.branch7x7x3_4 = BasicConv2d(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, 512 + inputs, h // 2, w // 2)."""
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, F.max_pool2d(x, 3, stride=2)], dim=1)


class InceptionE(nn.Module):
    """3x3 as 1x3 beside 3x1; 8x8 places.

    Args:
        inputs: channels that come in.
        takes_maximum: pool by the maximum, as the last block of the network of 2015 does.
    """

    def __init__(self, inputs: int, takes_maximum: bool) -> None:
        super().__init__()
        self.takes_maximum = takes_maximum
        self.branch1x1 = BasicConv2d(inputs, 320)
        self.branch3x3_1 = BasicConv2d(inputs, 384)
        self.branch3x3_2a = same(384, 384, (1, 3))
        self.branch3x3_2b = same(384, 384, (3, 1))
        self.branch3x3dbl_1 = BasicConv2d(inputs, 448)
        self.branch3x3dbl_2 = same(448, 384, (3, 3))
        self.branch3x3dbl_3a = same(384, 384, (1, 3))
        self.branch3x3dbl_3b = same(384, 384, (3, 1))
        self.branch_pool = BasicConv2d(inputs, 192)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, 2048, h, w)."""
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.takes_maximum else average(x)
        branches = [
            self.branch1x1(x),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(pooled),
        ]
        return torch.cat(branches, dim=1)


class FidInception(nn.Module):
    """Inception v3 as TensorFlow published it on 2015-12-05, without its classifier.

    Numbers are random until `load_inception` has loaded them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv2d(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3)
        self.Mixed_5b = InceptionA(192, 32)
        self.Mixed_5c = InceptionA(256, 64)
        self.Mixed_5d = InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, 128)
        self.Mixed_6c = InceptionC(768, 160)
        self.Mixed_6d = InceptionC(768, 160)
        self.Mixed_6e = InceptionC(768, 192)
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280, takes_maximum=False)
        self.Mixed_7c = InceptionE(2048, takes_maximum=True)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the features that FID compares, float32 (B, 2048).

        Args:
            images: float32 (B, 3, H, W) RGB in [0, 1]; brought to 299x299 by bilinear interpolation, as pytorch-fid
                does it.
        """
        x = F.interpolate(images, (IMAGE_SIZE, IMAGE_SIZE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(2 * x - 1)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))
        x = self.Mixed_6e(self.Mixed_6d(x))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean(dim=(2, 3))

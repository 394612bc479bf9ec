"""The blocks of Inception v3 (Szegedy et al. 2016), with the names of torchvision's tensors.

Where the TensorFlow network of 2015, on which FID is defined, differs from torchvision's, the former is built: its
average pooling does not count the zeros at the border, and its last block takes the maximum instead.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACROSS, DOWN = (1, 7), (7, 1)


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

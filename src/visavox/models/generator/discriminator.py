"""The visual quality discriminator (Wav2Lip, section 3.3): is this lower half of a face a photograph?"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

_SLOPE = 0.01
"""Of the leaky ReLU below 0."""


@dataclass(frozen=True)
class QualityDiscriminatorConfig:
    """Dimensions of the quality discriminator; the defaults are the published ones."""

    resolution: int = 96
    """Side of the face crop in pixels; the discriminator sees its lower half."""
    channels: tuple[int, ...] = (32, 64, 128, 256, 512, 512, 512)
    """Channels of the seven stages."""


class PlainConvBlock(nn.Module):
    """Convolution and leaky ReLU, without normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int | tuple[int, int], padding: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        # torch's own start shrinks what passes a layer by about a half: nothing is left of it after fourteen of them
        # without normalisation, and a narrow discriminator stays undecided for ever (He et al. 2015).
        nn.init.kaiming_normal_(convolution.weight, a=_SLOPE)
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
        self.conv_block = nn.Sequential(convolution)
        self.activation = nn.LeakyReLU(_SLOPE)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H', W')."""
        return self.activation(self.conv_block(features))


class QualityDiscriminator(nn.Module):
    """Tells photographs of lower faces from rendered ones."""

    def __init__(self, config: QualityDiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config or QualityDiscriminatorConfig()
        first, second, third, fourth, fifth, sixth, last = self.config.channels
        # Five halvings of the width: 96 -> 3, 128 -> 4; the last kernel covers what is left.
        if self.config.resolution % 32 or self.config.resolution > 128:
            raise ValueError(f"a resolution of {self.config.resolution}; allowed are 64, 96 and 128")
        remaining = self.config.resolution // 32
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(PlainConvBlock(3, first, 7, 1, 3)),
                nn.Sequential(PlainConvBlock(first, second, 5, (1, 2), 2), PlainConvBlock(second, second, 5, 1, 2)),
                nn.Sequential(PlainConvBlock(second, third, 5, 2, 2), PlainConvBlock(third, third, 5, 1, 2)),
                nn.Sequential(PlainConvBlock(third, fourth, 5, 2, 2), PlainConvBlock(fourth, fourth, 5, 1, 2)),
                nn.Sequential(PlainConvBlock(fourth, fifth, 3, 2, 1), PlainConvBlock(fifth, fifth, 3, 1, 1)),
                nn.Sequential(PlainConvBlock(fifth, sixth, 3, 2, 1), PlainConvBlock(sixth, sixth, 3, 1, 1)),
                nn.Sequential(PlainConvBlock(sixth, last, remaining, 1, 0), PlainConvBlock(last, last, 1, 1, 0)),
            ]
        )
        self.binary_pred = nn.Sequential(nn.Conv2d(last, 1, 1), nn.Sigmoid())

    def forward(self, mouths: Tensor) -> Tensor:
        """Score lower halves of faces.

        Args:
            mouths: (B, 3, H/2, W) RGB in [0, 1].

        Returns:
            (B, 1), the probability that each is a photograph.
        """
        return self.score(mouths)[0]

    def score(self, mouths: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Score lower halves, and return what each stage but the last computed: (B, 1) and features (B, C, H', W')."""
        features, seen = mouths, []
        for block in self.face_encoder_blocks:
            features = block(features)
            seen.append(features)
        return self.binary_pred(features).flatten(1), seen[:-1]

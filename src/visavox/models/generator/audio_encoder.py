"""The mel encoder that Wav2Lip's generator and its expert share."""

from __future__ import annotations

from torch import nn

from visavox.models.generator.blocks import ConvBlock, residual_blocks


def audio_encoder(channels: tuple[int, ...], *, mel_window: int, last_residuals: int) -> nn.Sequential:
    """Build the encoder (B, 1, 80, W) -> (B, channels[-1], 1, 1) as one flat Sequential.

    Args:
        channels: outputs of the five stages, in the reference (32, 64, 128, 256, 512).
        mel_window: W; 16 in the reference, or 32 and 64, for which the first stages also halve the time.
        last_residuals: residual blocks of the fourth stage: 1 in the generator, 2 in the expert.

    Raises:
        ValueError: the window is none of 16, 32, 64.
    """
    halvings = {16: 0, 32: 1, 64: 2}
    if mel_window not in halvings:
        raise ValueError(f"a mel window of {mel_window} frames; allowed are {sorted(halvings)}")
    first, second, third, fourth, last = channels
    time_strides = [2] * halvings[mel_window] + [1] * (2 - halvings[mel_window])
    return nn.Sequential(
        ConvBlock(1, first, 3, (1, time_strides[0]), 1),
        *residual_blocks(first, 2),
        ConvBlock(first, second, 3, (3, time_strides[1]), 1),
        *residual_blocks(second, 2),
        ConvBlock(second, third, 3, 3, 1),
        *residual_blocks(third, 2),
        ConvBlock(third, fourth, 3, (3, 2), 1),
        *residual_blocks(fourth, last_residuals),
        ConvBlock(fourth, last, 3, 1, 0),
        ConvBlock(last, last, 1, 1, 0),
    )

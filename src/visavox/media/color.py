"""Colour: from the images of a codec to RGB and back by the same matrix and range, so that nothing shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

UNSPECIFIED = 2
"""Code of "not said" for matrix, primaries and transfer (ITU-T H.273); for the range it is 0."""

Siting = Literal["left", "center"]
"""Position of the chroma of 4:2:0 between the columns of luma: on the left of two (MPEG-2, H.264, HEVC) or between
them (JPEG, MPEG-1)."""

_BT709 = 1
_BT2020 = 9
_SRGB_TRANSFER = 13
_LIMITED = 1

# Code of the matrix in H.273 → constant of swscale. Codes that are missing are guessed from the size.
_MATRICES = {
    _BT709: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    _BT2020: Colorspace.BT2020,
    10: Colorspace.BT2020,
}

# Weights of red and blue in luma, by matrix (ITU-T H.273, table 4).
_LUMA_WEIGHTS = {
    Colorspace.ITU709: (0.2126, 0.0722),
    Colorspace.FCC: (0.30, 0.11),
    Colorspace.ITU601: (0.299, 0.114),
    Colorspace.SMPTE240M: (0.212, 0.087),
    Colorspace.BT2020: (0.2627, 0.0593),
}

# Without these swscale takes a fast path that darkens every image by about one level.
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True)
class ColorTags:
    """The colour tags of a stream, in the codes of ITU-T H.273."""

    space: int = UNSPECIFIED
    """Matrix between YUV and RGB: 1 BT.709, 5 and 6 BT.601, 9 BT.2020, 0 RGB, 2 not said."""
    range: int = 0
    """1 limited (16-235), 2 full (0-255), 0 not said."""
    primaries: int = UNSPECIFIED
    """Primaries: 1 BT.709, 5 and 6 BT.601, 9 BT.2020, 2 not said."""
    transfer: int = UNSPECIFIED
    """Transfer curve: 1 BT.709, 13 sRGB, 16 PQ, 18 HLG, 2 not said."""


IMAGE_TAGS = ColorTags(space=_BT709, range=_LIMITED, primaries=_BT709, transfer=_SRGB_TRANSFER)
"""Tags of a video made from RGB images (a photo, a GIF), which carry no matrix of their own."""


def tags_of(frame: VideoFrame) -> ColorTags:
    """Read the tags of a decoded frame; a frame of RGB pixels gets those of a video made from images."""
    if is_rgb(frame.format):
        return IMAGE_TAGS
    color_range = int(frame.color_range)
    if frame.format.name.startswith("yuvj"):
        color_range = int(ColorRange.JPEG)
    return ColorTags(int(frame.colorspace), color_range, int(frame.color_primaries), int(frame.color_trc))


def is_rgb(pixel_format: VideoFormat) -> bool:
    """True if the pixels are RGB, with a palette or not."""
    return bool(pixel_format.is_rgb or pixel_format.has_palette)


class ColorConverter:
    """Converts frames of one video to RGB and back; not to be shared between threads.

    Args:
        tags: what the video says of its colours.
        width: of the video in pixels; with `height`, decides the matrix where `tags` leaves it open:
            BT.709 for high definition, BT.601 below, as players do.
        height: of the video in pixels.
    """

    def __init__(self, tags: ColorTags, width: int, height: int) -> None:
        guess = Colorspace.ITU709 if max(width, height) >= 1280 or min(width, height) > 576 else Colorspace.ITU601
        self._matrix = _MATRICES.get(tags.space, guess)
        self._range = ColorRange.JPEG if tags.range == ColorRange.JPEG else ColorRange.MPEG
        self._to_yuv = _yuv_matrix(self._matrix, self._range == ColorRange.JPEG)
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: VideoFrame, width: int, height: int) -> np.ndarray:
        """Convert a decoded frame.

        Returns:
            uint8 (height, width, 3) RGB; transparent pixels lie on white.
        """
        if frame.format.has_palette or any(component.is_alpha for component in frame.format.components):
            return self._flatten(frame, width, height)
        return self._reformat(frame, width, height, "rgb24").to_ndarray()

    def _flatten(self, frame: VideoFrame, width: int, height: int) -> np.ndarray:
        rgba = self._reformat(frame, width, height, "rgba").to_ndarray()
        alpha = rgba[..., 3:].astype(np.uint16)
        if alpha.min() == 255:
            return np.ascontiguousarray(rgba[..., :3])
        return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)

    def _reformat(self, frame: VideoFrame, width: int, height: int, pixel_format: str) -> VideoFrame:
        source_rgb = is_rgb(frame.format)
        return self._reformatter.reformat(
            frame,
            width,
            height,
            pixel_format,
            src_colorspace=None if source_rgb else self._matrix,
            src_color_range=None if source_rgb else self._range,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT,
            threads=1,
        )

    def from_rgb(self, image: np.ndarray, pixel_format: str, siting: Siting = "left") -> VideoFrame:
        """Convert uint8 RGB (H, W, 3) to a frame of `pixel_format`, yuv420p or yuv444p; or RGB and alpha to yuva420p.

        This is done here and not by swscale, which lowers the chroma of full range by half a level and puts it
        between two columns, while a decoder of H.264 takes it to be on the left one.
        """
        yuv = cv2.transform(np.ascontiguousarray(image[..., :3]), self._to_yuv)
        luma, *chroma = cv2.split(yuv)
        if pixel_format != "yuv444p":
            chroma = [_halve(plane, siting) for plane in chroma]
        alpha = [image[..., 3]] if pixel_format == "yuva420p" else []
        frame = VideoFrame(image.shape[1], image.shape[0], pixel_format)
        planes: Any = frame.planes  # their types do not say that they can be written to
        for plane, samples in zip(planes, (luma, *chroma, *alpha), strict=True):
            rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
            rows[:, : plane.width] = samples
        frame.color_range = self._range
        return frame


def _halve(plane: np.ndarray, siting: Siting) -> np.ndarray:
    """Average chroma (H, W) down to (ceil(H / 2), ceil(W / 2)): between each two rows, on or between columns."""
    height, width = plane.shape
    padded = cv2.copyMakeBorder(plane, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    across = np.array([0.25, 0.5, 0.25] if siting == "left" else [0.0, 0.5, 0.5], np.float32)
    down = np.array([0.0, 0.5, 0.5], np.float32)
    return cv2.sepFilter2D(padded, -1, across, down, borderType=cv2.BORDER_REPLICATE)[::2, ::2]


def _yuv_matrix(matrix: Colorspace, full: bool) -> np.ndarray:
    """float32 (3, 4): 8-bit RGB and 1 → 8-bit Y, Cb, Cr (ITU-T H.273, equations 38 to 50)."""
    red, blue = _LUMA_WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    rows = np.stack(
        [luma, (np.array([0, 0, 1]) - luma) / (2 * (1 - blue)), (np.array([1, 0, 0]) - luma) / (2 * (1 - red))]
    )
    if full:
        return np.column_stack([rows, [0, 128, 128]]).astype(np.float32)
    scale = np.array([[219], [224], [224]]) / 255
    return np.column_stack([rows * scale, [16, 128, 128]]).astype(np.float32)

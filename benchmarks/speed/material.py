"""Videos, audio and weights for measuring speed: made from the bundled clip, as long and as large as wanted."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from visavox.constants import FRAME_RATE
from visavox.demo import FACE, SPEECH
from visavox.evaluation.backwards import cut_audio
from visavox.media import Encoding, VideoReader, VideoWriter, probe
from visavox.weights import NETWORKS, ModelCard, build_network, save_model

PUBLISHED = {"wav2lip-96": "wav2lip", "attn-wav2lip-96": "attn_wav2lip"}
"""Name on the command line to network of the published dimensions."""
SIZES = {"360x288": (360, 288), "1280x720": (1280, 720)}
"""Name to width and height. The face of the bundled clip, 103 pixels wide and 133 high in 360x288, is 258 by 332
in 720 lines."""


def make_video(target: Path, size: tuple[int, int], seconds: float) -> Path:
    """Write the bundled clip back and forth, enlarged to the height and centred, for as long as wanted."""
    with VideoReader(FACE) as reader:
        frames = [_fit(frame.image, size) for frame in reader]
    like = replace(
        probe(FACE),
        path="",
        width=size[0],
        height=size[1],
        frame_rate=Fraction(FRAME_RATE),
        pixel_aspect=Fraction(1),
        time_base=Fraction(1, FRAME_RATE),
    )
    period = 2 * (len(frames) - 1)
    with VideoWriter(target, like=like, encoding=Encoding(crf=14), overwrite=True, synthetic=False) as writer:
        for index in range(round(seconds * FRAME_RATE)):
            position = index % period
            writer.write(frames[min(position, period - position)], Fraction(index, FRAME_RATE))
    return target


def make_audio(target: Path, seconds: float) -> Path:
    """Write the bundled speech, again and again."""
    cut_audio(SPEECH, target, Fraction(0), Fraction(seconds), repeat=True)
    return target


def make_random_weights(name: str, target: Path) -> Path:
    """Write a published network with random weights: as fast as trained ones, and nothing to look at."""
    published = NETWORKS[PUBLISHED[name]].published
    assert published is not None
    card = ModelCard(
        description=f"{name} with random weights, to measure its speed",
        training="none",
        licence="Apache-2.0",
    )
    save_model(target, build_network(published.config).eval(), card)
    return target


def _fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image to the height and repeat its borders to the width."""
    width, height = size
    scaled_width = round(image.shape[1] * height / image.shape[0])
    if (scaled_width, height) != (image.shape[1], image.shape[0]):
        image = cv2.resize(image, (scaled_width, height), interpolation=cv2.INTER_CUBIC)
    left = (width - scaled_width) // 2
    return cv2.copyMakeBorder(image, 0, 0, left, width - scaled_width - left, cv2.BORDER_REFLECT_101)

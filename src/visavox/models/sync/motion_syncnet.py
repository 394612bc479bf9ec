"""The motion SyncNet: how well do a few frames of mouth landmarks and the speech around them fit together?

Two towers of one-dimensional convolutions, after the SyncNet of Wav2Lip (section 3.2), with landmarks in place of
images (Ye et al., "GeneFace", ICLR 2023, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visavox.models.layers import TemporalBlock

MOUTH_68 = tuple(range(48, 68))
"""The points of the lips among the 68."""
CHIN_68 = tuple(range(5, 12))
"""The part of the jaw line that moves with the chin, among the 68."""
ROWS_PER_FRAME = 2
"""Rows of speech features for each video frame: 50 and 25 a second."""


@dataclass(frozen=True)
class MotionSyncNetConfig:
    """Dimensions of the motion SyncNet; the defaults are the published ones."""

    features: str = "hubert:facebook/hubert-large-ls960-ft"
    """Speech features that it takes, by the name that `visavox.speech.load_features` takes."""
    feature_size: int = 1024
    """Numbers in a row of them."""
    num_frames: int = 5
    """Consecutive video frames that are scored together."""
    num_rows: int = 10
    """Rows of speech that go with them, two for each video frame."""
    lead_rows: int = 0
    """Rows that the speech begins before the first of the video frames."""
    points: tuple[int, ...] = MOUTH_68
    """Points of the 68 that it sees."""
    mouth_channels: tuple[int, ...] = (96, 128, 256, 512)
    """Channels of the stages of the mouth tower; the third halves the time."""
    speech_channels: tuple[int, ...] = (128, 256, 512)
    """Channels of the stages of the speech tower; all but the first halve the time. The last equals the mouth's."""
    residuals: int = 1
    """Residual blocks after each stage but the first."""
    dropout: float = 0.0
    """Share of the embedding that is dropped in training (not in the published network)."""

    def __post_init__(self) -> None:
        """Refuse dimensions that do not fit together."""
        if self.mouth_channels[-1] != self.speech_channels[-1]:
            raise ValueError("mouth and speech embeddings must have the same number of channels")
        if not self.points or not set(self.points) <= set(range(68)):
            raise ValueError("the points that are seen must be among 0-67")
        if self.num_frames < 1 or self.num_rows < 1:
            raise ValueError("there must be a frame of motion and a row of speech")


class MotionSyncNet(nn.Module):
    """Embeds mouths and speech so that the cosine between the two says whether they belong together.

    What comes in is brought to unit variance by means and deviations that are set once from the training data and
    travel with the weights.
    """

    feature_mean: Tensor
    feature_scale: Tensor
    mouth_scale: Tensor
    opening_mode: Tensor

    def __init__(self, config: MotionSyncNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or MotionSyncNetConfig()
        config = self.config
        self.mouth_tower = _tower(
            3 * len(config.points), config.mouth_channels, config.num_frames, config.residuals, halved=(2,)
        )
        halved = tuple(range(1, len(config.speech_channels)))
        self.speech_tower = _tower(
            config.feature_size, config.speech_channels, config.num_rows, config.residuals, halved=halved
        )
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("feature_mean", torch.zeros(config.feature_size))
        self.register_buffer("feature_scale", torch.ones(config.feature_size))
        self.register_buffer("mouth_scale", torch.ones(3 * len(config.points)))
        # How all points move when the lips part by a centimetre: with it a mean face is shut.
        self.register_buffer("opening_mode", torch.zeros(68, 3))

    def forward(self, speech: Tensor, mouths: Tensor) -> tuple[Tensor, Tensor]:
        """Embed windows of speech and of mouths.

        Args:
            speech: (B, num_rows, feature_size) rows of the features that `config` names.
            mouths: (B, num_frames, 3 * points), centimetres from the person's face at rest, as `take_points` gives
                them.

        Returns:
            speech and mouth embeddings, (B, D) each, of length one and without negative numbers, so that their inner
            product, the cosine, lies in [0, 1] and can be read as a probability.
        """
        audio, mouth = self.embed_speech(speech), self.embed_mouths(mouths)
        return F.normalize(audio, p=2, dim=1), F.normalize(mouth, p=2, dim=1)

    def embed_speech(self, speech: Tensor) -> Tensor:
        """Embed (B, num_rows, feature_size) as (B, D), not yet of length one."""
        normal = (speech - self.feature_mean) / self.feature_scale
        return self.dropout(self.speech_tower(normal.transpose(1, 2)).flatten(1))

    def embed_mouths(self, mouths: Tensor) -> Tensor:
        """Embed (B, num_frames, 3 * points) as (B, D), not yet of length one."""
        return self.dropout(self.mouth_tower((mouths / self.mouth_scale).transpose(1, 2)).flatten(1))

    def take_points(self, motion: Tensor) -> Tensor:
        """Take what is seen out of displacements from the face at rest: (..., 68, 3) to (..., 3 * points)."""
        return motion[..., list(self.config.points), :].flatten(-2)

    def windows(self, features: Tensor, motion: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Cut windows out of whole clips.

        Args:
            features: (B, 2 T, feature_size), rows of speech; the first and the last are held beyond the ends.
            motion: (B, T, 68, 3), centimetres from the face at rest, lips shut (`visavox.face.geometry.motion`).
            starts: int (W,), first frame of each window, the same in all clips, 0 to T - num_frames.

        Returns:
            speech (B W, num_rows, feature_size) and mouths (B W, num_frames, 3 * points), clip by clip.
        """
        frames = starts[:, None] + torch.arange(self.config.num_frames, device=starts.device)
        mouths = self.take_points(motion)[:, frames]
        rows = self.rows(starts, features.shape[1])
        return features[:, rows].flatten(0, 1), mouths.flatten(0, 1)

    def rows(self, starts: Tensor, num_rows: int) -> Tensor:
        """Rows of speech (W, num_rows) that are heard with windows that begin in the frames `starts` (W,)."""
        first = starts[:, None] * ROWS_PER_FRAME - self.config.lead_rows
        return (first + torch.arange(self.config.num_rows, device=starts.device)).clamp(0, num_rows - 1)

    def agreement(self, features: Tensor, motion: Tensor) -> Tensor:
        """Cosine of every window of whole clips: (B, T - num_frames + 1) in [0, 1]; arguments as `windows`."""
        starts = torch.arange(motion.shape[1] - self.config.num_frames + 1, device=motion.device)
        speech, mouths = self(*self.windows(features, motion, starts))
        return (speech * mouths).sum(dim=1).unflatten(0, (len(motion), len(starts)))


def _tower(
    inputs: int, channels: tuple[int, ...], length: int, residuals: int, *, halved: tuple[int, ...]
) -> nn.Sequential:
    """Build a tower that takes `length` steps of time to a single one."""
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise((inputs, *channels))):
        is_halved = number in halved and length > 1
        layers.append(TemporalBlock(before, after, stride=2 if is_halved else 1))
        length = (length + 1) // 2 if is_halved else length
        layers += [TemporalBlock(after, after) for _ in range(residuals if number else 0)]
    last = channels[-1]
    # What is left of the time goes in one step; the published towers have 3 frames there.
    gather = nn.Sequential(nn.Conv1d(last, last, length), nn.BatchNorm1d(last), nn.ReLU())
    return nn.Sequential(*layers, gather, nn.Sequential(nn.Conv1d(last, last, 1), nn.BatchNorm1d(last), nn.ReLU()))

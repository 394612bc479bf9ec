"""The motion SyncNet: what its embeddings are, and which speech it hears with which frames."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from visavox.models.sync.motion_syncnet import MotionSyncNet, MotionSyncNetConfig

SMALL = MotionSyncNetConfig(
    feature_size=3, num_rows=14, lead_rows=2, mouth_channels=(4, 4, 6, 6), speech_channels=(4, 6, 6)
)


@pytest.mark.parametrize("config", [SMALL, MotionSyncNetConfig()])
def test_embeddings_have_length_one_and_no_negative_numbers(config: MotionSyncNetConfig) -> None:
    torch.manual_seed(0)
    network = MotionSyncNet(config).eval()
    speech = torch.randn(2, config.num_rows, config.feature_size)
    with torch.no_grad():
        heard, seen = network(speech, torch.randn(2, config.num_frames, 3 * len(config.points)))
    assert heard.shape == seen.shape == (2, config.mouth_channels[-1])
    for embedding in (heard, seen):
        assert (embedding >= 0).all()
        torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))


def test_windows_hear_the_rows_of_their_frames_and_what_is_around_them() -> None:
    network = MotionSyncNet(SMALL)
    rows = torch.arange(40.0)[None, :, None].expand(1, 40, 3)
    motion = torch.arange(20.0)[None, :, None, None].expand(1, 20, 68, 3)
    speech, mouths = network.windows(rows, motion, torch.tensor([0, 4, 15]))
    assert mouths.shape == (3, 5, 60)
    assert mouths[:, :, 0].tolist() == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8], [15, 16, 17, 18, 19]]
    assert speech[1, :, 0].tolist() == list(range(6, 20))  # frame 4 has the rows 8 and 9, and the lead is 2
    assert speech[0, :, 0].tolist() == [0, 0, *range(12)]  # the first row is held before the beginning
    assert speech[2, :, 0].tolist() == [*range(28, 40), 39, 39]


def test_the_agreement_of_a_clip_is_that_of_its_windows() -> None:
    torch.manual_seed(0)
    network = MotionSyncNet(SMALL).eval()
    features, motion = torch.randn(2, 24, 3), torch.randn(2, 12, 68, 3)
    with torch.no_grad():
        found = network.agreement(features, motion)
        heard, seen = network(*network.windows(features[1:], motion[1:], torch.tensor([3])))
    assert found.shape == (2, 8)
    torch.testing.assert_close(found[1, 3], (heard * seen).sum())


def test_only_the_chosen_points_count() -> None:
    network = MotionSyncNet(SMALL).eval()
    features, motion = torch.randn(1, 20, 3), torch.randn(1, 10, 68, 3)
    other = motion.clone()
    other[:, :, :48] = 7.0
    with torch.no_grad():
        assert torch.equal(network.agreement(features, motion), network.agreement(features, other))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mouth_channels": (4, 4, 4, 8)}, "same number of channels"),
        ({"points": (70,)}, "among 0-67"),
        ({"num_rows": 0}, "a row of speech"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused(changes: dict[str, Any], words: str) -> None:
    fields: dict[str, Any] = {"mouth_channels": (4, 4, 6, 6), "speech_channels": (4, 6, 6)} | changes
    with pytest.raises(ValueError, match=words):
        MotionSyncNetConfig(**fields)

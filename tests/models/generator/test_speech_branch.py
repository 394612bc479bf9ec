"""Motion predictor: calibration, windows of any length and rows of any size, and the same when folded."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.models.generator.small_parts import BRANCH
from torch import nn

from visavox.models.generator.spec import AudioSpec
from visavox.models.generator.speech_branch import MotionPredictor
from visavox.models.layers import fold_batch_norm


def test_gain_and_offset_calibrate_the_prediction() -> None:
    predictor = MotionPredictor(BRANCH, AudioSpec(window=32)).eval()
    features = torch.rand(2, 80, 32)
    plain = predictor(features)
    predictor.gain.copy_(torch.tensor([2.0, 1.0, 0.0]))
    predictor.offset.copy_(torch.tensor([0.0, 1.0, 5.0]))
    changed = predictor(features)
    assert torch.allclose(changed[:, 0], 2 * plain[:, 0])
    assert torch.allclose(changed[:, 1], plain[:, 1] + 1)
    assert torch.equal(changed[:, 2], torch.full((2,), 5.0))
    assert torch.equal(predictor.uncalibrated(features), plain)


@pytest.mark.parametrize("window", [16, 37, 64])
@pytest.mark.parametrize("dilations", [(), (1, 2)])
@pytest.mark.parametrize("size", [80, 83])
def test_windows_of_any_length_are_taken_in_to_their_ends(window: int, dilations: tuple[int, ...], size: int) -> None:
    torch.manual_seed(0)
    audio = AudioSpec("mel-pitch" if size == 83 else "mel", size, window=window)
    predictor = MotionPredictor(replace(BRANCH, dilations=dilations), audio).eval()
    features = (torch.rand(2, size, window) * 8 - 4).requires_grad_()
    motion = predictor(features)
    assert motion.shape == (2, 3)
    motion.sum().backward()
    assert features.grad is not None
    assert (features.grad.abs().amax(dim=(0, 1)) > 0).all()
    assert (features.grad.abs().amax(dim=(0, 2)) > 0).all()


def test_a_dilated_speech_branch_is_the_same_when_folded() -> None:
    torch.manual_seed(0)
    predictor = MotionPredictor(replace(BRANCH, dilations=(1, 2)), AudioSpec(window=32))
    features = torch.rand(8, 80, 32) * 8 - 4
    predictor(features)  # sets the statistics of the normalisations
    predictor.eval()
    folded = fold_batch_norm(predictor)
    torch.testing.assert_close(folded(features), predictor(features))
    assert not any(isinstance(part, nn.BatchNorm1d) for part in folded.modules())

"""The network that reads faces, and the decoder that it is trained with."""

from __future__ import annotations

import pytest
import torch

from visavox.models.perceptual.face_features import FaceDecoder, MouthPerceptualNet, MouthPerceptualNetConfig

SMALL = MouthPerceptualNetConfig(resolution=32, channels=(2, 3, 4), num_motions=5)


def test_shapes() -> None:
    features, motion = MouthPerceptualNet(SMALL)(torch.rand(2, 3, 32, 32))
    assert [tuple(stage.shape) for stage in features] == [(2, 2, 8, 16), (2, 3, 4, 8), (2, 4, 2, 4)]
    assert motion.shape == (2, 5)
    assert FaceDecoder(SMALL)(features[-1]).shape == (2, 3, 16, 32)


def test_only_the_lower_half_is_seen() -> None:
    torch.manual_seed(0)
    network = MouthPerceptualNet(SMALL).eval()
    faces = torch.rand(1, 3, 32, 32)
    upper, lower = faces.clone(), faces.clone()
    upper[..., :16, :] = 0
    lower[..., 16:, :] = 0
    assert torch.equal(network(upper)[1], network(faces)[1])
    assert not torch.allclose(network(lower)[1], network(faces)[1])


def test_a_side_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(ValueError, match="a resolution of 40 cannot be halved for 3 stages; give a multiple of 16"):
        MouthPerceptualNetConfig(resolution=40, channels=(2, 3, 4))

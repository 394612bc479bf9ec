"""Quality discriminators of every size: what they give, and what they refuse."""

from __future__ import annotations

import pytest
import torch

from visavox.models.generator.discriminator import QualityDiscriminator, QualityDiscriminatorConfig


@pytest.mark.parametrize("resolution", [64, 96, 128])
def test_discriminators_judge(resolution: int) -> None:
    network = QualityDiscriminator(QualityDiscriminatorConfig(resolution, (2,) * 7))
    scores, features = network.score(torch.rand(2, 3, resolution // 2, resolution))
    assert scores.shape == (2, 1)
    assert ((scores > 0) & (scores < 1)).all()
    assert len(features) == 6
    scores.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_other_resolutions_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed are 64, 96 and 128"):
        QualityDiscriminator(QualityDiscriminatorConfig(resolution=192))

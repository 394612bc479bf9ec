"""Quality discriminators of every size: what they give, and what they refuse."""

from __future__ import annotations

import pytest
import torch

from visavox.models.generator.discriminator import QualityDiscriminator, QualityDiscriminatorConfig


@pytest.mark.parametrize("resolution", [64, 96, 128])
def test_discriminators_judge(resolution: int) -> None:
    network = QualityDiscriminator(QualityDiscriminatorConfig(resolution, (2,) * 7))
    judged, features = network.judge(torch.rand(2, 3, resolution // 2, resolution))
    assert judged.shape == (2, 1)
    assert ((judged > 0) & (judged < 1)).all()
    assert len(features) == 6
    judged.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_other_resolutions_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed are 64, 96 and 128"):
        QualityDiscriminator(QualityDiscriminatorConfig(resolution=192))

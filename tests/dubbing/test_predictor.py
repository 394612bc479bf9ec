import numpy as np
import pytest
import torch
from torch.nn import functional as F

from visavox.dubbing.predictor import composite_layers
from visavox.models.generator.renderer import Layers


def enlarged(images: torch.Tensor, size: int = 96) -> torch.Tensor:
    return F.interpolate(images, size=(size, size), mode="bicubic", align_corners=False)


@pytest.mark.parametrize("size", [96, 192])
def test_it_lays_layers_as_the_network_does(size: int) -> None:
    torch.manual_seed(5)
    still = F.affine_grid(torch.eye(2, 3)[None], [1, 1, 96, 96], align_corners=False)
    grid = still + enlarged(0.2 * torch.randn(1, 2, 12, 12)).permute(0, 2, 3, 1)
    colors = enlarged(torch.rand(1, 3, 24, 24)).clamp(0, 1)
    cover = enlarged(torch.rand(1, 1, 24, 24)).clamp(0, 1)
    reference = (enlarged(torch.rand(1, 3, 40, 40), size).clamp(0, 1) * 255).round()
    expected = Layers(grid, colors, cover).composite(reference / 255).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    found = composite_layers(
        grid[0].numpy(),
        colors[0].permute(1, 2, 0).numpy(),
        cover[0, 0].numpy(),
        reference[0].permute(1, 2, 0).numpy().astype(np.uint8),
    )
    assert found.shape == (size, size, 3)
    difference = np.abs(found - expected)[size // 2 - 4 :]
    assert difference.max() < 0.03  # OpenCV knows 32 places between two pixels
    assert difference.mean() < 0.003

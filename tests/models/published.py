"""Files as torchvision and the authors of LPIPS publish them, with random numbers in them."""

from __future__ import annotations

from pathlib import Path

import torch

from visavox.models.perceptual.lpips import STACKS


def save_backbone(path: Path, network: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """Write a classifier's state dict: random convolutions of the right size, and a layer behind them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in STACKS[network]().state_dict().items()}
    state = {}
    for key, shape in shapes.items():
        spread = (2 / shape[1:].numel()) ** 0.5 if len(shape) > 1 else 0.1
        state[key] = spread * torch.randn(shape, generator=generator)
    torch.save({**state, "classifier.6.bias": torch.zeros(1000)}, path)
    return state


def save_linear(path: Path, network: str, seed: int = 1) -> dict[str, torch.Tensor]:
    """Write linear weights as `lpips/weights/v0.1` holds them."""
    generator = torch.Generator().manual_seed(seed)
    state = {
        f"lin{tap}.model.1.weight": torch.rand(1, count, 1, 1, generator=generator)
        for tap, count in enumerate(STACKS[network]().channels)
    }
    torch.save(state, path)
    return state

"""FID's Inception against what torch-fidelity's gives for the same numbers, and its weights file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from visavox.errors import InputError
from visavox.models.perceptual.inception import FidInception
from visavox.weights.published_weights import load_inception


def numbers_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Draw numbers for every tensor, in alphabetical order; of a size that neither fades nor grows on its way."""
    generator = torch.Generator().manual_seed(0)
    drawn = {}
    for key, tensor in sorted(network.state_dict().items()):
        if key.endswith("num_batches_tracked"):
            continue
        if tensor.ndim == 4:
            drawn[key] = (2 / tensor[0].numel()) ** 0.5 * torch.randn(tensor.shape, generator=generator)
        elif key.endswith(("bn.weight", "running_var")):
            drawn[key] = 0.5 + torch.rand(tensor.shape, generator=generator)
        else:
            drawn[key] = 0.1 * torch.randn(tensor.shape, generator=generator)
    return drawn


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "inception.pth"
    classifier = {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    with torch.device("meta"):
        network = FidInception()
    torch.save({**numbers_of(network), **classifier}, path)
    return path


def test_features_are_those_of_torch_fidelity(file: Path) -> None:
    network = load_inception(file)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    # With the classifier and the counters of batch norm the published file has 23,885,486 numbers.
    learned = sum(tensor.numel() for tensor in network.state_dict().values())
    assert learned + 1008 * 2049 == 23_885_486
    y, x = torch.meshgrid(torch.arange(299), torch.arange(299), indexing="ij")
    levels = torch.stack([(7 * x) % 256, (5 * y) % 256, (x * y) % 256])[None].float()
    # torch-fidelity scales (x - 128) / 128, pytorch-fid 2 x / 255 - 1.
    features = network(((levels - 128) / 128 + 1) / 2)[0]
    assert features.shape == (2048,)
    # Printed by torch_fidelity 0.4.0 (FeatureExtractorInceptionV3, "2048") for the same numbers and picture.
    expected = [3.2805469, 0.0, 0.0852414, 2.6561432, 0.1236355, 0.9958482]
    assert features[:6].tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert features.mean().item() == pytest.approx(2.7131469, rel=1e-5)
    assert features.std().item() == pytest.approx(3.8260703, rel=1e-5)


def test_another_file_is_told(tmp_path: Path) -> None:
    torch.save({"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "part.pth")
    with pytest.raises(InputError, match=r"does not hold the Inception weights of FID: Conv2d_1a_3x3\S+ is missing"):
        load_inception(tmp_path / "part.pth")

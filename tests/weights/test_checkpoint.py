"""A saved network loads by its file alone, and files that do not hold one are refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tests.models.small import CARD, CONFIG, save_small_generator, small_generator

from visavox.errors import InputError
from visavox.models.sync.expert import ExpertConfig
from visavox.weights.checkpoint import load_model, save_model, write_weights
from visavox.weights.weights_file import metadata, read_info


def edit_header(path: Path, **entries: Any) -> None:
    """Change entries of the header; None removes one."""
    tensors = safetensors.torch.load_file(path)
    header = metadata("wav2lip", CONFIG, CARD) | entries
    write_weights(path, tensors, {key: value for key, value in header.items() if value is not None})


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return save_small_generator(tmp_path / "small weights.safetensors")


def test_a_saved_network_is_the_same_when_loaded(weights: Path) -> None:
    module = load_model(weights)
    assert module.config == CONFIG
    assert module.crop_spec == CARD.crop
    assert not module.training
    mel, faces = torch.randn(2, 1, 80, 16), torch.rand(2, 6, 96, 96)
    with torch.inference_mode():
        assert torch.equal(module(mel, faces), small_generator()(mel, faces))
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_the_header_says_all_that_is_known(weights: Path) -> None:
    info = read_info(weights)
    assert info.name == "small weights"
    assert info.network == "wav2lip"
    assert info.card == CARD
    assert (info.mel_window, info.mel_lead) == (16, 2)
    assert info.num_parameters == sum(parameter.numel() for parameter in small_generator().parameters())
    assert info.num_bytes == weights.stat().st_size
    assert info.to_json()["crop"]["side"] == 2.5
    json.dumps(info.to_json())


def test_half_precision_halves_the_file_and_loads_as_float32(weights: Path, tmp_path: Path) -> None:
    half = save_small_generator(tmp_path / "half.safetensors", dtype=torch.float16)
    saved = weights.stat().st_size - half.stat().st_size
    assert saved == pytest.approx(2 * read_info(weights).num_parameters, rel=0.2)  # and the statistics of the norms
    for key, tensor in load_model(half).state_dict().items():
        assert tensor.dtype in (torch.float32, torch.int64)
        torch.testing.assert_close(tensor, small_generator().state_dict()[key], atol=1e-3, rtol=1e-3)


def test_the_same_network_gives_the_same_bytes(weights: Path, tmp_path: Path) -> None:
    # The library writes the metadata in an order that changes from call to call.
    for attempt in range(3):
        again = save_small_generator(tmp_path / f"{attempt}.safetensors")
        assert again.read_bytes() == weights.read_bytes()


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken.safetensors").mkdir()
    with pytest.raises(OSError, match="irectory"):
        save_small_generator(tmp_path / "taken.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.safetensors"]


def test_what_does_not_belong_together_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not an expert"):
        save_small_generator(tmp_path / "x.safetensors", network="expert", config=ExpertConfig())
    with pytest.raises(ValueError, match="dimensions"):
        save_small_generator(tmp_path / "x.safetensors", network="wav2lip", config=type(CONFIG)())
    broken = small_generator()
    with torch.no_grad():
        broken.output_block[1].bias[0] = torch.nan
    with pytest.raises(ValueError, match="output_block.1.bias holds numbers that are not finite"):
        save_model(tmp_path / "x.safetensors", broken, network="wav2lip", config=CONFIG, card=CARD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"visavox": None}, "visavox did not write it"),
        ({"visavox": "2"}, "has format 2, this visavox reads 1"),
        ({"licence": None, "crop": None}, "lacks crop, licence"),
        ({"config": "{"}, "damaged or was edited"),
        ({"config": "3"}, "damaged or was edited"),
        ({"crop": '{"zoom": 2}'}, "no 'zoom'"),
        ({"mel": '{"window": 32, "lead": 0}'}, "the mel window is"),
        ({"network": "geneface"}, "a network 'geneface'; this visavox knows wav2lip, expert, quality"),
        ({"config": '{"mel_window": 16, "mel_lead": 2, "depth": 3}'}, "no 'depth'"),
        ({"config": '{"resolution": 100, "mel_window": 16, "mel_lead": 2}'}, "a resolution of 100"),
        ({"config": '{"mel_window": 16, "mel_lead": 2}'}, "does not hold a Wav2Lip generator of its own dimensions"),
    ],
)
def test_a_header_that_is_wrong_is_refused(weights: Path, entries: dict[str, str | None], words: str) -> None:
    edit_header(weights, **entries)
    with pytest.raises(InputError, match=words):
        load_model(weights)


def test_tensors_that_are_missing_unknown_or_not_finite_are_refused(weights: Path) -> None:
    tensors = safetensors.torch.load_file(weights)
    header = metadata("wav2lip", CONFIG, CARD)
    key = "output_block.1.bias"
    write_weights(weights, {name: tensor for name, tensor in tensors.items() if name != key}, header)
    with pytest.raises(InputError, match="output_block.1.bias is missing"):
        load_model(weights)
    write_weights(weights, tensors | {"extra": torch.zeros(1)}, header)
    with pytest.raises(InputError, match="extra is unknown"):
        load_model(weights)
    write_weights(weights, tensors | {key: torch.full((3,), torch.inf)}, header)
    with pytest.raises(InputError, match=r"not finite \(output_block.1.bias\)"):
        load_model(weights)


def test_another_network_than_the_one_that_is_needed_is_refused(weights: Path) -> None:
    assert load_model(weights, network="wav2lip").config == CONFIG
    with pytest.raises(InputError, match=r"is a Wav2Lip generator; what is needed here is an expert"):
        load_model(weights, network="expert")


@pytest.mark.parametrize("share", [0.999, 0.5, 0.01])
def test_a_file_that_is_cut_off_is_refused(weights: Path, share: float) -> None:
    content = weights.read_bytes()
    weights.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="is cut off"):
        load_model(weights)


def test_a_file_with_bytes_too_many_or_a_damaged_header_is_refused(weights: Path) -> None:
    content = weights.read_bytes()
    weights.write_bytes(content + b"\0")
    with pytest.raises(InputError, match="bytes too many"):
        load_model(weights)
    weights.write_bytes(content[:9] + b"}}}" + content[12:])
    with pytest.raises(InputError, match="header of .* is damaged"):
        load_model(weights)


def test_a_damaged_description_of_a_tensor_is_refused(weights: Path) -> None:
    content = weights.read_bytes()
    weights.write_bytes(content.replace(b'"F32"', b'"F16"', 1))
    with pytest.raises(InputError, match="is damaged"):
        load_model(weights)

"""A saved network loads by its file alone, and files that do not hold one are refused with a reason."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tests.models.generator.small_parts import BRANCH
from tests.models.small import CARD, CONFIG, save_small_generator, small_generator
from tests.narrow import part

from visavox.errors import InputError
from visavox.models.generator.generator import LipSyncGenerator
from visavox.models.generator.motion_basis import MOUTH_POINTS, MotionBasis, StoredBasis
from visavox.models.sync.expert import Expert, ExpertConfig
from visavox.weights.checkpoint import header_of, load_model, motion_basis_of, save_model, write_weights
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import read_info

EXPERT = ExpertConfig(face_channels=(2, 2, 2, 2, 2, 2), audio_channels=(2, 2, 2, 2, 2), face_residuals=(0, 0, 0, 0))


def edit_header(path: Path, **entries: str | None) -> None:
    """Change entries of the header; None removes one."""
    tensors = safetensors.torch.load_file(path)
    header = header_of(CONFIG, CARD).entries() | entries
    safetensors.torch.save_file(
        tensors, path, metadata={key: value for key, value in header.items() if value is not None}
    )


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return save_small_generator(tmp_path / "small weights.safetensors")


def test_a_saved_network_is_the_same_when_loaded(weights: Path) -> None:
    module = load_model(weights, LipSyncGenerator)
    assert module.config == CONFIG
    assert module.spec == CONFIG.spec
    assert not module.training
    features, faces = torch.randn(2, 80, 16), torch.rand(2, 6, 96, 96)
    with torch.inference_mode():
        assert torch.equal(module(features, faces), small_generator()(features, faces))
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_the_header_says_all_that_is_known(weights: Path) -> None:
    info = read_info(weights)
    assert info.name == "small weights"
    assert info.network == "wav2lip"
    assert info.card == CARD
    assert (info.spec, info.crop) == (CONFIG.spec, CONFIG.spec.crop)
    assert info.conditioner == {"kind": "audio-encoder", "audio_channels": [2, 2, 2, 2, 4]}
    assert not info.has_speech_branch
    assert info.version == "2"
    assert info.num_parameters == sum(parameter.numel() for parameter in small_generator().parameters())
    assert info.num_bytes == weights.stat().st_size
    assert info.to_json()["crop"]["side"] == 2.5
    assert info.to_json()["spec"]["audio"]["lead"] == 2
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


def test_a_network_that_is_broken_is_not_saved(tmp_path: Path) -> None:
    broken = small_generator()
    with torch.no_grad():
        broken.get_parameter("renderer.output_block.1.bias")[0] = torch.nan
    with pytest.raises(ValueError, match=r"renderer\.output_block\.1\.bias holds numbers that are not finite"):
        save_model(tmp_path / "x.safetensors", broken, CARD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"visavox": None}, "visavox did not write it"),
        ({"visavox": "3"}, "has format 3, this visavox reads 2"),
        ({"visavox": "1"}, "lacks crop, mel"),
        ({"licence": None, "description": None}, "lacks description, licence"),
        ({"conditioner": None}, "lacks conditioner"),
        ({"spec": None}, "a generator without a spec"),
        ({"config": "{"}, "damaged or was edited"),
        ({"config": "3"}, "damaged or was edited"),
        ({"conditioner": "3"}, "damaged or was edited"),
        ({"quality": "3"}, "damaged or was edited"),
        ({"spec": '{"crop": {"zoom": 2}}'}, "no 'zoom'"),
        ({"spec": '{"audio": {"window": 0}}'}, "window is 0; give 1 or more"),
        ({"conditioner": "{}"}, "there is no conditioner None; this visavox knows audio-encoder, speech-branch, mouth"),
        ({"conditioner": '{"kind": "telepathy"}'}, "there is no conditioner 'telepathy'"),
        ({"conditioner": '{"kind": "audio-encoder", "depth": 3}'}, "no 'depth'"),
        ({"network": "geneface"}, "a network 'geneface'; this visavox knows wav2lip, attn_wav2lip, quality, expert"),
        ({"config": '{"depth": 3}'}, "no 'depth'"),
        ({"spec": '{"crop": {"size": 100}, "audio": {}}'}, "a resolution of 100"),
        ({"config": "{}"}, "does not hold a Wav2Lip generator of its own dimensions"),
    ],
)
def test_a_header_that_is_wrong_is_refused(weights: Path, entries: dict[str, str | None], words: str) -> None:
    edit_header(weights, **entries)
    with pytest.raises(InputError, match=words):
        load_model(weights)


def test_tensors_that_are_missing_unknown_or_not_finite_are_refused(weights: Path) -> None:
    tensors = safetensors.torch.load_file(weights)
    header = header_of(CONFIG, CARD)
    key = "renderer.output_block.1.bias"
    write_weights(weights, {name: tensor for name, tensor in tensors.items() if name != key}, header)
    with pytest.raises(InputError, match=r"renderer\.output_block\.1\.bias is missing"):
        load_model(weights)
    write_weights(weights, tensors | {"extra": torch.zeros(1)}, header)
    with pytest.raises(InputError, match="extra is unknown"):
        load_model(weights)
    write_weights(weights, tensors | {key: torch.full((3,), torch.inf)}, header)
    with pytest.raises(InputError, match=r"not finite \(renderer\.output_block\.1\.bias\)"):
        load_model(weights)


def test_another_network_than_the_one_that_is_needed_is_refused(weights: Path, tmp_path: Path) -> None:
    assert load_model(weights, LipSyncGenerator).config == CONFIG
    with pytest.raises(InputError, match=r"is a Wav2Lip generator; what is needed here is an expert"):
        load_model(weights, Expert)
    expert = tmp_path / "expert.safetensors"
    save_model(expert, Expert(EXPERT), CARD, crop=CONFIG.spec.crop)
    with pytest.raises(InputError, match=r"is an expert \(SyncNet\); what is needed here is a generator"):
        load_model(expert, LipSyncGenerator)


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


def test_the_crop_of_a_network_without_a_contract_is_kept_where_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "expert.safetensors"
    save_model(path, Expert(EXPERT), CARD, crop=CONFIG.spec.crop)
    assert (read_info(path).crop, read_info(path).spec, read_info(path).conditioner) == (CONFIG.spec.crop, None, None)
    save_model(path, Expert(EXPERT), CARD)
    assert read_info(path).crop is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_basis_of_mouth_motion_travels_whole_in_the_file(tmp_path: Path, dtype: torch.dtype) -> None:
    components = np.random.default_rng(0).normal(size=(2, 2 * len(MOUTH_POINTS)))
    basis, path = MotionBasis(0.1, 0.03, components), tmp_path / "branch.safetensors"
    generator = build_generator(replace(CONFIG, conditioner=BRANCH))
    save_model(path, generator, CARD, dtype=dtype)
    assert motion_basis_of(read_info(path)) is None
    part(generator, "conditioner.motion_basis", StoredBasis).set(basis)
    save_model(path, generator, CARD, dtype=dtype)
    info = read_info(path)
    assert motion_basis_of(info) == basis
    assert part(load_model(path), "conditioner.motion_basis", StoredBasis).basis == basis
    assert info.num_parameters == sum(parameter.numel() for parameter in generator.parameters()) + _calibration(3)
    assert [file.name for file in tmp_path.iterdir()] == ["branch.safetensors"]


def _calibration(num_motions: int) -> int:
    """Numbers that were set after training: gain, offset and lowest of each, and the scale of the opening."""
    return 3 * num_motions + 1


def test_a_generator_without_mouth_motion_has_no_basis(weights: Path) -> None:
    assert motion_basis_of(read_info(weights)) is None

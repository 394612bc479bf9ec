"""Published Wav2Lip files are converted exactly, and whatever else is given is refused with a reason."""

import collections
import json
import pathlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from tests.models.small import save_small_generator
from tests.parity import GOLDEN, expert_inputs, generator_inputs, published_shapes, published_weights

from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.discriminator import QualityDiscriminator
from visavox.models.generator.generator import LipSyncGenerator
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.weights.checkpoint import load_model
from visavox.weights.importer import import_model
from visavox.weights.networks import NETWORKS
from visavox.weights.registry import model_info

LEGACY = {"_use_new_zipfile_serialization": False}


def checkpoint(state: dict[str, torch.Tensor]) -> dict[str, dict[str, Any] | int]:
    """Return what the published training code saves: weights, state of the optimiser, counters."""
    moments = {0: {"step": 3, "exp_avg": torch.zeros(4), "exp_avg_sq": torch.zeros(4)}}
    optimiser = {"state": moments, "param_groups": [{"lr": 1e-4, "betas": (0.5, 0.999), "params": [0]}]}
    return {"state_dict": state, "optimizer": optimiser, "global_step": 3, "global_epoch": 1}


def swapped(pictures: torch.Tensor) -> torch.Tensor:
    """Turn BGR triples on channels into RGB ones, or back."""
    triples: torch.Tensor = pictures.unflatten(1, (-1, 3))
    return triples.flip(2).flatten(1, 2)


@pytest.fixture(scope="module")
def quality() -> dict[str, torch.Tensor]:
    """Return the state dict of the published quality discriminator, the smallest of the three."""
    return published_weights("quality")


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Return where the published file is and where ours goes; they are large, and not kept."""
    files = tmp_path / "published.pth", tmp_path / "ours.safetensors"
    yield files
    for file in files:
        file.unlink(missing_ok=True)


def hollow(network: str) -> dict[str, torch.Tensor]:
    """Return a state dict of the published shapes that takes no room: every tensor repeats one number."""
    return {key: torch.tensor(0.5).expand(shape) for key, shape in published_shapes(network).items()}


def save(state: dict[str, Any] | list[torch.Tensor] | torch.Tensor, path: Path, **options: Any) -> Path:
    torch.save(state, path, **options)
    return path


def test_the_generator_gives_the_published_pictures(paths: tuple[Path, Path]) -> None:
    source, output = paths
    save(checkpoint(published_weights("generator")), source, **LEGACY)
    info = import_model(source, output)
    assert info == model_info(output)
    assert info.network == "wav2lip"
    assert info.spec == GeneratorSpec(CropSpec(kind="box", size=96), AudioSpec(window=16, lead=3))
    assert info.crop == CropSpec(kind="box", size=96)
    assert info.num_parameters == 36_298_035
    module = load_model(output, LipSyncGenerator)
    assert not module.training
    mel, faces = generator_inputs()
    with torch.inference_mode():
        pictures = swapped(module(mel[:, 0], swapped(faces)))
    np.testing.assert_allclose(pictures, np.load(GOLDEN)["generator_out"], rtol=0, atol=1e-5)


def test_the_expert_gives_the_published_embeddings(paths: tuple[Path, Path]) -> None:
    source, output = paths
    state = {f"module.{key}": tensor for key, tensor in published_weights("expert").items()}
    save(checkpoint(state), source)
    assert import_model(source, output).network == "expert"
    mel, mouths = expert_inputs()
    with torch.inference_mode():
        audio, face = load_model(output)(mel, swapped(mouths))
    np.testing.assert_allclose(audio, np.load(GOLDEN)["expert_audio"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(face, np.load(GOLDEN)["expert_face"], rtol=0, atol=1e-5)


FORMS: dict[str, Callable[[dict[str, torch.Tensor], Path], object]] = {
    "legacy, bare": lambda state, path: save(state, path, **LEGACY),
    "zip, bare, ordered": lambda state, path: save(collections.OrderedDict(state), path),
    "legacy, module.": lambda state, path: save(
        checkpoint({f"module.{k}": t for k, t in state.items()}), path, **LEGACY
    ),
    "zip, no optimiser": lambda state, path: save({"state_dict": state, "optimizer": None}, path),
    "zip, parameters": lambda state, path: save({k: torch.nn.Parameter(t) for k, t in state.items()}, path),
    "safetensors": lambda state, path: safetensors.torch.save_file(state, path),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_discriminator_gives_the_published_verdict_from_every_form(
    quality: dict[str, torch.Tensor], paths: tuple[Path, Path], form: str
) -> None:
    source, output = paths
    FORMS[form](quality, source)
    assert import_model(source, output).network == "quality"
    with torch.inference_mode():
        verdict = load_model(output)(swapped(generator_inputs()[1][:, 3:, 48:]))
    np.testing.assert_allclose(verdict, np.load(GOLDEN)["quality_out"], rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_torchscript_only_when_it_is_allowed(quality: dict[str, torch.Tensor], paths: tuple[Path, Path]) -> None:
    source, output = paths
    module = QualityDiscriminator()
    module.load_state_dict(quality)
    torch.jit.trace(module, torch.zeros(1, 3, 48, 96)).save(str(source))
    with pytest.raises(InputError, match="is a TorchScript program: it is code, .*--allow-torchscript"):
        import_model(source, output)
    assert not output.exists()
    import_model(source, output, allow_torchscript=True)
    with torch.inference_mode():
        verdict = load_model(output)(swapped(generator_inputs()[1][:, 3:, 48:]))
    np.testing.assert_allclose(verdict, np.load(GOLDEN)["quality_out"], rtol=0, atol=1e-5)


def test_counters_of_batches_may_be_absent_and_half_precision_is_read(paths: tuple[Path, Path]) -> None:
    source, output = paths
    state = {key: tensor for key, tensor in hollow("expert").items() if "num_batches" not in key}
    save({key: tensor.half() for key, tensor in state.items()}, source)
    import_model(source, output)
    assert {parameter.dtype for parameter in load_model(output).parameters()} == {torch.float32}


def test_the_card_names_file_hash_and_licence(paths: tuple[Path, Path]) -> None:
    source, output = paths
    save(hollow("quality"), source)
    card = import_model(source, output).card
    assert card.description == "a visual quality discriminator converted from published.pth"
    assert "none of the files published with the paper" in card.training
    assert "non-commercial use only" in card.licence


def generator_keys(stages: int, attention: bool) -> dict[str, torch.Tensor]:
    keys = [f"face_encoder_blocks.{n}.0.conv_block.0.weight" for n in range(stages)] + ["face_decoder_blocks.0.0.a"]
    return {key: torch.zeros(1) for key in keys + ["sam.sa.conv1.weight"] * attention}


WRONG: dict[str, tuple[Any, str]] = {
    "256": (generator_keys(8, False), "generator for faces of 256 pixels .*has 8 stages. The published"),
    "384": (generator_keys(8, True), "192 to 384 pixels .*8 stages and spatial attention"),
    "288": (generator_keys(9, False), "288 pixels"),
    "unknown generator": (generator_keys(7, True), "a generator of the community: .*7 stages and spatial attention"),
    "s3fd": ({"conv1_1.weight": torch.zeros(1), "conv3_3_norm.weight": torch.zeros(1)}, "face detector S3FD"),
    "half a syncnet": ({"netcnnaud.0.weight": torch.zeros(1)}, "no network of Wav2Lip, and not SyncNet"),
    "other": ({"layer.weight": torch.zeros(1)}, r"no network of Wav2Lip, .*; its tensors are layer.weight ... \(1\)"),
    "empty": ({}, "an empty state dict"),
    "nested": ({"generator": {"a": torch.zeros(1)}, "epoch": 1}, "a dictionary with generator, epoch"),
    "tensor": (torch.zeros(3), "holds Tensor, not a state dict"),
    "list": ([torch.zeros(3)], "holds list, not a state dict"),
    "null": ({"state_dict": None}, "holds NoneType, not a state dict"),
    "twice": ({"a": torch.zeros(1), "module.a": torch.zeros(1)}, "holds some tensors twice"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_a_published_network_is_named(paths: tuple[Path, Path], name: str) -> None:
    source, output = paths
    content, words = WRONG[name]
    with pytest.raises(InputError, match=words):
        import_model(save(content, source), output)
    assert not output.exists()


def test_a_tensor_that_is_missing_unknown_misshapen_or_not_finite(paths: tuple[Path, Path]) -> None:
    source, output = paths
    quality = hollow("quality")
    key = "binary_pred.0.bias"
    for change, words in (
        ({key: None}, f"is not the published one: {key} is missing$"),
        ({"extra": torch.zeros(1)}, "extra is unknown"),
        ({key: torch.zeros(2)}, rf"{key} has the shape \(2,\) instead of \(1,\)"),
        ({key: torch.tensor([torch.nan])}, f"numbers in {key} that are not finite"),
        ({key: torch.tensor([1])}, f"numbers in {key} that are not finite or not floats"),
    ):
        state = {name: tensor for name, tensor in {**quality, **change}.items() if tensor is not None}
        with pytest.raises(InputError, match=words):
            import_model(save(state, source), output)
    assert not output.exists()


@pytest.mark.parametrize("options", [LEGACY, {}], ids=["legacy", "zip"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_file_that_is_cut_off(paths: tuple[Path, Path], options: dict[str, bool], share: float) -> None:
    source, output = paths
    content = save({"weight": torch.rand(1000), "bias": torch.rand(1000)}, source, **options).read_bytes()
    source.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="cut off.*download it again"):
        import_model(source, output)
    assert not output.exists()


def test_damage_in_the_middle_of_a_zip(paths: tuple[Path, Path]) -> None:
    source, output = paths
    weight = torch.rand(1000)
    content = bytearray(save({"weight": weight}, source).read_bytes())
    content[content.index(weight.numpy().tobytes()) + 2000] ^= 0x01
    source.write_bytes(content)
    with pytest.raises(InputError, match="is damaged or cut off"):
        import_model(source, output)


@pytest.mark.parametrize("options", [LEGACY, {}], ids=["legacy", "zip"])
def test_objects_beside_the_tensors_are_never_read(paths: tuple[Path, Path], options: dict[str, bool]) -> None:
    source, output = paths
    save({"state_dict": hollow("quality"), "folder": pathlib.PurePosixPath("a")}, source, **options)
    with pytest.raises(InputError, match=r"a Python object \(pathlib\.\S*Path\) beside its tensors; .*is not read"):
        import_model(source, output)


def test_what_the_first_bytes_tell(paths: tuple[Path, Path]) -> None:
    source, output = paths
    source.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(InputError, match="is a web page"):
        import_model(source, output)
    source.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="is a Git LFS pointer"):
        import_model(source, output)
    source.write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        import_model(source, output)
    source.unlink()
    with pytest.raises(InputError, match="there is no file"):
        import_model(source, output)


def test_a_file_that_has_been_converted_already(paths: tuple[Path, Path]) -> None:
    source, output = paths
    save_small_generator(source)
    with pytest.raises(InputError, match="has been converted already; use it as it is: --model"):
        import_model(source, output)


def test_the_output_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    source = tmp_path / "source.safetensors"
    source.write_bytes(b"")
    taken = tmp_path / "taken.safetensors"
    taken.write_bytes(b"precious")
    for output, words in (
        (tmp_path / "ours.pth", "must end in .safetensors"),
        (tmp_path / "nowhere" / "ours.safetensors", "the folder of the output .* does not exist"),
        (source, "is the input itself"),
        (taken, "exists; choose another name or add --overwrite"),
    ):
        with pytest.raises(InputError, match=words):
            import_model(source, output)
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        import_model(source, tmp_path / "folder.safetensors")
    assert taken.read_bytes() == b"precious"


def test_an_output_is_replaced_when_asked_for(paths: tuple[Path, Path]) -> None:
    source, output = paths
    output.write_bytes(b"old")
    import_model(save(hollow("quality"), source), output, overwrite=True)
    published = NETWORKS["quality"].published
    assert published is not None
    assert json.loads(json.dumps(model_info(output).to_json()))["config"] == {
        "resolution": 96,
        "channels": list(published.config.channels),
    }

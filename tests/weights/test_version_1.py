"""Weights files of version 1 give the very same networks, with the basis that lies beside them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from tests.models.generator.small_parts import BRANCH, inputs, used
from tests.models.small import ATTN, CARD, CONFIG
from tests.narrow import part
from torch import Tensor

from visavox.errors import InputError
from visavox.models.generator.conditioners import MouthMotionConfig
from visavox.models.generator.generator import GeneratorConfig, LipSyncGenerator
from visavox.models.generator.motion_basis import MOUTH_POINTS, MotionBasis, StoredBasis, save_basis
from visavox.models.generator.spec import AudioSpec
from visavox.models.generator.speech_branch import SpeechBranchConfig
from visavox.models.motion.postnet import PostNet, PostNetConfig
from visavox.models.sync.expert import Expert, ExpertConfig
from visavox.weights.checkpoint import load_model, motion_basis_of, save_model
from visavox.weights.edit import interpolate, swap_speech_branch
from visavox.weights.weights_file import read_info

LAYERED = GeneratorConfig(
    replace(CONFIG.spec, audio=AudioSpec(window=32, lead=14), layered=True),
    BRANCH,
    replace(CONFIG.renderer, modulated=True),
)
DILATED = replace(
    LAYERED,
    spec=replace(LAYERED.spec, audio=AudioSpec(window=48, lead=22)),
    conditioner=replace(BRANCH, dilations=(1, 2)),
)
KINDS = {
    "wav2lip": ("wav2lip", CONFIG),
    "wav2lip with a speech branch": ("wav2lip", LAYERED),
    "dilated speech branch": ("wav2lip", DILATED),
    "attn_wav2lip": ("attn_wav2lip", replace(CONFIG, renderer=ATTN)),
    "attn_wav2lip with a speech branch": ("attn_wav2lip", replace(LAYERED, renderer=ATTN)),
    "motion_dub": (
        "motion_dub",
        replace(LAYERED, spec=replace(LAYERED.spec, audio=None), conditioner=MouthMotionConfig(3, 4)),
    ),
}
"""What it is -> its name in version 1, and its present dimensions."""
OLD_NAMES = {
    "conditioner.predictor.": "motion_predictor.",
    "conditioner.motion_condition.": "motion_condition.",
    "conditioner.layers.": "audio_encoder.",
    "conditioner.mouth_code.motion_gain": "mouth_reader.response",
    "conditioner.mouth_code.": "mouth_reader.",
    "renderer.": "",
}


def basis(scale: float = 0.03) -> MotionBasis:
    return MotionBasis(0.1, scale, np.random.default_rng(0).normal(size=(2, 2 * len(MOUTH_POINTS))))


def stored_basis(generator: LipSyncGenerator) -> StoredBasis:
    return part(generator, "conditioner.motion_basis", StoredBasis)


def old_name(name: str) -> str:
    new, old = next((new, old) for new, old in OLD_NAMES.items() if name.startswith(new))
    return old + name.removeprefix(new)


def old_config(config: GeneratorConfig) -> dict[str, Any]:
    """Dimensions as version 1 wrote them: those of both parts, window and lead, in one."""
    audio, conditioner, renderer = config.spec.audio, asdict(config.conditioner), asdict(config.renderer)
    renderer.pop("modulated", None)
    motion = None
    if not isinstance(config.conditioner, type(CONFIG.conditioner)):
        # Of a generator without audio, the dimensions of a speech branch that it did not have were there too.
        motion = asdict(SpeechBranchConfig()) | conditioner
    return {
        "resolution": config.resolution,
        "mel_window": audio.window if audio else 0,
        "mel_lead": audio.lead if audio else 0,
        "audio_channels": conditioner.get("audio_channels", [32, 64, 128, 256, 512]),
        "motion": motion,
        "warp_reference": config.spec.layered,
        **renderer,
    }


def write_old(
    path: Path, kind: str, tensors: dict[str, Tensor], dimensions: dict[str, Any], **entries: str | None
) -> Path:
    """Write a file of version 1."""
    mel = {"window": dimensions.get("mel_window", 0), "lead": dimensions.get("mel_lead", 0)}
    header = {
        "visavox": "1",
        "network": kind,
        "config": json.dumps(dimensions),
        "crop": json.dumps(asdict(CONFIG.spec.crop)),
        "mel": json.dumps(mel),
        "description": CARD.description,
        "training": CARD.training,
        "quality": json.dumps(dict(CARD.quality)),
        "licence": CARD.licence,
        **entries,
    }
    safetensors.torch.save_file(tensors, path, metadata={key: text for key, text in header.items() if text is not None})
    return path


def write_generator(
    path: Path, network: str, generator: LipSyncGenerator, beside: MotionBasis | None, **entries: str | None
) -> Path:
    """Write a generator as version 1 did, and the basis of its mouth motion beside it."""
    state = generator.state_dict()
    kept = {key: tensor for key, tensor in state.items() if not key.startswith("conditioner.motion_basis.")}
    tensors = {old_name(key): tensor.contiguous() for key, tensor in kept.items()}
    write_old(path, network, tensors, old_config(generator.config), **entries)
    if beside is not None:
        save_basis(beside, path.with_suffix(".motion.npz"))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_gives_the_very_same_images(tmp_path: Path, kind: str) -> None:
    network, config = KINDS[kind]
    generator, described = used(config), config.num_motions is not None
    path = write_generator(tmp_path / "old.safetensors", network, generator, basis() if described else None)
    loaded = load_model(path, LipSyncGenerator)
    assert loaded.config == config
    drive, faces = inputs(config)
    with torch.inference_mode():
        assert torch.equal(loaded(drive, faces), generator(drive, faces))
    state = {key: tensor for key, tensor in loaded.state_dict().items() if "motion_basis" not in key}
    assert all(torch.equal(tensor, generator.state_dict()[key]) for key, tensor in state.items())
    if described:
        assert stored_basis(loaded).basis == basis()
    info = read_info(path)
    assert (info.version, info.network, info.spec, info.card) == (
        "1",
        "attn_wav2lip" if network == "attn_wav2lip" else "wav2lip",
        config.spec,
        CARD,
    )
    assert motion_basis_of(info) == (basis() if described else None)


@pytest.mark.parametrize("kind", KINDS)
def test_written_again_it_is_what_was_written_anew(tmp_path: Path, kind: str) -> None:
    """A file of version 1, once loaded and saved, is byte for byte the present file of the same network."""
    network, config = KINDS[kind]
    generator = used(config)
    if config.num_motions is not None:
        stored_basis(generator).set(basis())
    beside = basis() if config.num_motions is not None else None
    old = write_generator(tmp_path / "old.safetensors", network, generator, beside)
    save_model(tmp_path / "again.safetensors", load_model(old), CARD)
    save_model(tmp_path / "anew.safetensors", generator, CARD)
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "anew.safetensors").read_bytes()
    assert read_info(old).num_parameters == read_info(tmp_path / "anew.safetensors").num_parameters


def test_a_generator_whose_basis_is_not_there_loads_without_it(tmp_path: Path) -> None:
    path = write_generator(tmp_path / "old.safetensors", "wav2lip", used(LAYERED), None)
    assert motion_basis_of(read_info(path)) is None
    assert stored_basis(load_model(path, LipSyncGenerator)).basis is None


@pytest.mark.parametrize("damage", ["text", "other mouth points", "other number of motions"])
def test_a_basis_that_is_damaged_is_refused(tmp_path: Path, damage: str) -> None:
    path = write_generator(tmp_path / "old.safetensors", "wav2lip", used(LAYERED), None)
    beside = tmp_path / "old.motion.npz"
    if damage == "text":
        beside.write_text("no")
    else:
        rows = 2 if damage == "other mouth points" else 4
        columns = 4 if damage == "other mouth points" else 2 * len(MOUTH_POINTS)
        save_basis(MotionBasis(0.0, 1.0, np.ones((rows, columns))), beside)
    with pytest.raises(InputError, match=r"old\.motion\.npz"):
        load_model(path)


@pytest.mark.parametrize("old", ["renderer", "speech", "both"])
def test_a_speech_branch_is_swapped_whichever_is_old(tmp_path: Path, old: str) -> None:
    paths = {}
    for name, config in (("renderer", LAYERED), ("speech", DILATED)):
        generator, path = used(config), tmp_path / f"{name}.safetensors"
        if old in (name, "both"):
            write_generator(path, "wav2lip", generator, basis())
        else:
            stored_basis(generator).set(basis())
            save_model(path, generator, CARD)
        paths[name] = path
    info = swap_speech_branch(paths["renderer"], paths["speech"], tmp_path / "swapped.safetensors")
    assert info.version == "2"
    assert motion_basis_of(info) == basis()
    assert load_model(info.path, LipSyncGenerator).config == replace(
        LAYERED, spec=DILATED.spec, conditioner=DILATED.conditioner
    )


def test_a_speech_branch_in_another_basis_is_refused(tmp_path: Path) -> None:
    renderer = write_generator(tmp_path / "renderer.safetensors", "wav2lip", used(LAYERED), basis())
    speech = write_generator(tmp_path / "speech.safetensors", "wav2lip", used(DILATED), basis(0.04))
    with pytest.raises(InputError, match="describes mouths in another basis than"):
        swap_speech_branch(renderer, speech, tmp_path / "swapped.safetensors")
    (tmp_path / "speech.motion.npz").unlink()
    with pytest.raises(InputError, match=r"nor is speech\.motion\.npz beside it"):
        swap_speech_branch(renderer, speech, tmp_path / "swapped.safetensors")


def test_old_weights_are_interpolated_with_what_they_became(tmp_path: Path) -> None:
    generator = used(LAYERED)
    old = write_generator(tmp_path / "old.safetensors", "wav2lip", generator, basis())
    stored_basis(generator).set(basis())
    save_model(tmp_path / "new.safetensors", generator, CARD)
    info = interpolate(old, tmp_path / "new.safetensors", tmp_path / "between.safetensors")
    assert motion_basis_of(info) == basis()
    assert load_model(info.path, LipSyncGenerator).config == LAYERED


@pytest.mark.parametrize("sees", [True, False])
def test_other_networks_keep_their_crop_where_they_see_faces(tmp_path: Path, sees: bool) -> None:
    torch.manual_seed(0)
    expert = ExpertConfig(
        face_channels=(2,) * 6, audio_channels=(2,) * 5, face_residuals=(0, 0, 0, 0), mel_window=32, mel_lead=3
    )
    network: Expert | PostNet = Expert(expert) if sees else PostNet(PostNetConfig(channels=(8, 8)))
    name, path = "expert" if sees else "postnet", tmp_path / "old.safetensors"
    write_old(path, name, network.state_dict(), asdict(network.config))
    loaded, info = load_model(path, type(network)), read_info(path)
    assert loaded.config == network.config
    state = network.state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in loaded.state_dict().items())
    assert (info.spec, info.conditioner) == (None, None)
    assert info.crop == (CONFIG.spec.crop if sees else None)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"mel": '{"window": 16, "lead": 14}'}, "the mel window is"),
        ({"crop": None, "licence": None}, "lacks licence, crop"),
        ({"config": "{}", "mel": '{"window": 0, "lead": 0}'}, "the dimensions lack 'resolution'"),
        ({"config": "{"}, "damaged or was edited"),
        ({"crop": '{"zoom": 2}'}, "no 'zoom'"),
    ],
)
def test_a_header_that_is_wrong_is_refused(tmp_path: Path, entries: dict[str, str | None], words: str) -> None:
    path = write_generator(tmp_path / "old.safetensors", "wav2lip", used(LAYERED), basis(), **entries)
    with pytest.raises(InputError, match=words):
        read_info(path)

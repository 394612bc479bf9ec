"""Weights files and checkpoints of version 1 (until 2026): read as if they were of the present version.

Their headers held a crop and a mel window beside the dimensions, which also stated what drives a generator; the basis
of its mouth motion lay in a file NAME.motion.npz beside it. The tensors in files, and in the checkpoints of generators,
get the names and the order of today. Reading a header needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator import AudioSpec, GeneratorSpec
from visavox.runtime.serialization import from_mapping, to_json

if TYPE_CHECKING:
    from torch import Tensor, nn

    from visavox.models.generator import MotionBasis

FORMAT_VERSION = "1"
FURTHER_KEYS = ("crop", "mel")
"""Keys that their headers had to have beside those of the present version."""
GENERATORS = {"wav2lip": "wav2lip", "attn_wav2lip": "attn_wav2lip", "motion_dub": "wav2lip"}
"""Generators of version 1, and the network of the present version that renders for them."""
SIGHTLESS = ("head", "torso", "motion_vae", "motion_syncnet", "postnet", "motion_critic")
"""Networks that see no faces, and had to name a crop nevertheless."""
_NAMES = {
    "motion_predictor.": "conditioner.predictor.",
    "motion_condition.": "conditioner.motion_condition.",
    "audio_encoder.": "conditioner.layers.",
    "mouth_reader.response": "conditioner.mouth_code.motion_gain",
    "mouth_reader.": "conditioner.mouth_code.",
}
"""Beginnings of the names of tensors that were renamed; all others of a generator belong to its renderer."""
_BASIS = "conditioner.motion_basis."


def converted_entries(entries: Mapping[str, str]) -> dict[str, str]:
    """Return the header as it would be written today.

    Raises:
        ValueError: its entries contradict each other, or are not what they should be.
    """
    config, mel = json.loads(entries["config"]), json.loads(entries["mel"])
    stated = {"window": config.get("mel_window", 0), "lead": config.get("mel_lead", 0)}
    if mel != stated:
        raise ValueError(f"the mel window is {mel}, but the dimensions say {stated}")
    crop = from_mapping(CropSpec, json.loads(entries["crop"]))
    kept = {key: text for key, text in entries.items() if key not in FURTHER_KEYS}
    network = entries["network"]
    if network not in GENERATORS:
        return kept if network in SIGHTLESS else kept | {"crop": to_json(crop)}
    spec, conditioner, renderer = converted_config(network, config, crop)
    return kept | {
        "network": GENERATORS[network],
        "config": json.dumps(renderer),
        "conditioner": json.dumps(conditioner),
        "spec": to_json(spec),
    }


def converted_config(
    network: str, config: Mapping[str, Any], crop: CropSpec
) -> tuple[GeneratorSpec, dict[str, Any], dict[str, Any]]:
    """Convert the dimensions of a generator.

    Args:
        network: its name in version 1.
        config: its dimensions, as JSON gives them.
        crop: the crop that it sees.

    Returns:
        The contract, kind and dimensions of the conditioner, and dimensions of the renderer.

    Raises:
        ValueError: an entry is missing, or contradicts another.
    """
    rest = dict(config)
    try:
        resolution, window, lead = rest.pop("resolution"), rest.pop("mel_window"), rest.pop("mel_lead")
        audio_channels, motion, layered = rest.pop("audio_channels"), rest.pop("motion"), rest.pop("warp_reference")
    except KeyError as error:
        raise ValueError(f"the dimensions lack {error}") from error
    audio = None if network == "motion_dub" else AudioSpec(window=window, lead=lead)
    if motion is None:
        conditioner = {"kind": "audio-encoder", "audio_channels": audio_channels}
    elif audio is None:
        conditioner = {"kind": "mouth-motion"} | {
            key: motion[key] for key in ("num_motions", "condition") if key in motion
        }
    else:
        conditioner = {"kind": "speech-branch", **motion}
    if GENERATORS[network] == "wav2lip":
        rest["modulated"] = motion is not None
    return GeneratorSpec(replace(crop, size=resolution), audio, layered=layered), conditioner, rest


def converted_tensors(tensors: Mapping[str, Tensor], basis: MotionBasis | None) -> dict[str, Tensor]:
    """Return the tensors of a generator under their present names.

    Args:
        tensors: under the names of version 1, float or int (any shape).
        basis: basis of the mouth motion, where the generator has one and it is known.
    """
    converted = {present_name(name): tensor for name, tensor in tensors.items()}
    weights = converted.get("conditioner.motion_condition.layers.0.weight")
    if weights is not None:
        from visavox.models.generator import StoredBasis

        stored = StoredBasis(weights.shape[1] if basis is None else basis.num_motions)
        if basis is not None:
            stored.set(basis)
        converted |= {f"conditioner.motion_basis.{name}": tensor for name, tensor in stored.state_dict().items()}
    return converted


def basis_path(weights: Path) -> Path:
    """Return where the basis of a weights file lay: NAME.motion.npz beside it, there or not."""
    return weights.with_suffix(".motion.npz")


def read_basis(weights: Path, num_motions: int) -> MotionBasis | None:
    """Read the basis of `num_motions` numbers that lies beside a weights file; None where there is none.

    Raises:
        InputError: the file is damaged, or describes other points of the mouth, or by other numbers.
    """
    from visavox.models.generator import load_basis

    path = basis_path(weights)
    if not path.is_file():
        return None
    basis = load_basis(path)
    if basis.num_motions != num_motions:
        raise InputError(
            f"{path} describes mouths by {basis.num_motions} numbers, and {weights.name} by {num_motions}; get both "
            "again"
        )
    return basis


def present_name(name: str) -> str:
    """Return the present name of a tensor of a generator of version 1."""
    for old, new in _NAMES.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return f"renderer.{name}"


def converted_checkpoint(
    state: dict[str, Any], generator: nn.Module, groups: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Convert the checkpoint of a task that trains a generator; one of today stays as it is.

    Args:
        state: the checkpoint.
        generator: the network of today, which knows its motion basis already.
        groups: names of the parameters of each group of its optimizer, in their order.
    """
    tensors: dict[str, Tensor] = state["modules"]["generator"]
    if any(name.startswith("renderer.") for name in tensors):
        return state
    basis = {name: tensor for name, tensor in generator.state_dict().items() if name.startswith(_BASIS)}

    def renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return converted_tensors(tensors, None) | basis

    # An optimizer knows parameters by their number, and the parts of a generator came in another order.
    order = [present_name(name) for name in tensors]
    before = [number for group in groups for number in _sorted_like(order, group)]
    after = {name: number for number, name in enumerate(name for group in groups for name in group)}
    moments = state["optimizers"]["generator"]
    moved = {after[name]: moments["state"][number] for number, name in enumerate(before) if number in moments["state"]}
    return state | {
        "modules": state["modules"] | {"generator": renamed(tensors)},
        "average": renamed(state["average"]),
        "optimizers": state["optimizers"] | {"generator": moments | {"state": moved}},
    }


def converted_part(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert the names of some tensors of a generator, float or int (any shape); those of today stay as they are."""
    if any(name.startswith(("renderer.", "conditioner.")) for name in tensors):
        return tensors
    return {present_name(name): tensor for name, tensor in tensors.items()}


def _sorted_like(order: Sequence[str], names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [name for name in order if name in wanted]

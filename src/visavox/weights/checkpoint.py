"""Saving and loading networks in the one file format of visavox (see `weights_file.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator import GeneratorConfig, LipSyncGenerator, MotionBasis, basis_of
from visavox.runtime.files import write_whole
from visavox.runtime.serialization import to_json
from visavox.types import PathLike
from visavox.weights import version_1
from visavox.weights.networks import NETWORKS, build_network, conditioner_of, config_from, network_of
from visavox.weights.registry import find_model
from visavox.weights.weights_file import Header, ModelCard, ModelInfo, read_info

Module = TypeVar("Module", bound=nn.Module)

_BASIS = "conditioner.motion_basis."
"""Prefix of the tensors that stay float32 in files of half precision, so that equal bases stay equal."""


def save_model(
    path: PathLike,
    module: nn.Module,
    card: ModelCard,
    *,
    crop: CropSpec | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a network with all that is needed to use it; the same network gives the same bytes.

    Args:
        path: a `.safetensors` file; it appears under this name only when it is whole.
        module: the network, one of `visavox.weights.networks.NETWORKS`, with its dimensions in `.config`.
        card: its training, quality and licence.
        crop: part of the frame that it sees, of networks that see faces; a generator has it in its contract.
        dtype: how its floating-point numbers are stored; float16 halves the file.

    Raises:
        ValueError: a number is not finite, or the network is none of the table.
        OSError: the file cannot be written; nothing is left of it.
    """
    tensors = {key: stored(key, tensor, dtype) for key, tensor in module.state_dict().items()}
    write_weights(Path(path), tensors, header_of(module.config, card, crop))


def header_of(config: Any, card: ModelCard, crop: CropSpec | None = None) -> Header:
    """Return the header of weights for a network of some dimensions; arguments as in `save_model`."""
    if not isinstance(config, GeneratorConfig):
        return Header(network_of(config), json.loads(to_json(config)), card, crop=crop)
    conditioner = {"kind": conditioner_of(config.conditioner), **json.loads(to_json(config.conditioner))}
    renderer = json.loads(to_json(config.renderer))
    return Header(network_of(config), renderer, card, config.spec, conditioner, config.spec.crop)


def write_weights(path: Path, tensors: Mapping[str, Tensor], header: Header) -> None:
    """Write tensors and header; the file appears under its name only when it is whole.

    Args:
        path: the file.
        tensors: by name as they are to be stored, float, int or bool (any shape).
        header: metadata of the file.
    """
    write_whole(path, _sorted_header(safetensors.torch.save(dict(tensors), metadata=header.entries())))


@overload
def load_model(name_or_path: PathLike, kind: type[Module], *, device: str | torch.device = "cpu") -> Module: ...
@overload
def load_model(name_or_path: PathLike, *, device: str | torch.device = "cpu") -> nn.Module: ...
def load_model(
    name_or_path: PathLike, kind: type[nn.Module] = nn.Module, *, device: str | torch.device = "cpu"
) -> nn.Module:
    """Load a network.

        expert = load_model("expert", Expert)

    Args:
        name_or_path: a shipped name (`visavox.list_models()`), a path, or `hf:OWNER/REPOSITORY/FILE`.
        kind: the class that it must be of; any by default.
        device: where its numbers are to lie.

    Returns:
        The network in eval mode, float32, with its dimensions in `.config`; of a generator, its contract in `.spec`.
        What else is known of it (training, licence) is given by `visavox.weights.registry.model_info`.

    Raises:
        InputError: there is no such file, it holds no weights of visavox, or those of another network.
    """
    info = read_info(find_model(name_or_path))
    module = _build(info, kind)
    tensors = read_tensors(info)
    misfit = first_misfit(tensors, module.state_dict())
    if misfit:
        raise InputError(f"{info.path} does not hold {NETWORKS[info.network].noun} of its own dimensions: {misfit}")
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{info.path} holds numbers that are not finite ({key}); get the weights again")
    numbers = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
    module.load_state_dict(numbers, assign=True)
    return module.to(device).eval()


def read_tensors(info: ModelInfo) -> dict[str, Tensor]:
    """Read the tensors of a weights file, as they are stored, under their present names.

    Returns:
        By name, float, int or bool (any shape).

    Raises:
        InputError: the file is damaged.
    """
    try:
        tensors = safetensors.torch.load_file(info.path)
    except safetensors.SafetensorError as error:
        raise InputError(f"{info.path} is damaged ({error}); download or copy it again") from error
    if info.version == version_1.FORMAT_VERSION and info.spec is not None:
        return version_1.converted_tensors(tensors, motion_basis_of(info))
    return tensors


def motion_basis_of(info: ModelInfo) -> MotionBasis | None:
    """Read the basis of mouth motion of a generator; None where it has none, or it is not known.

    Raises:
        InputError: it is damaged, or is not of these weights.
    """
    if info.spec is None or info.conditioner is None or "num_motions" not in info.conditioner:
        return None
    if info.version == version_1.FORMAT_VERSION:
        return version_1.read_basis(info.path, info.conditioner["num_motions"])
    try:
        with safetensors.safe_open(info.path, "numpy") as file:
            return basis_of(*(file.get_tensor(f"{_BASIS}{name}") for name in ("opening", "components")))
    except safetensors.SafetensorError as error:
        raise InputError(f"{info.path} is damaged ({error}); download or copy it again") from error


def first_misfit(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str | None:
    """Say what is the first difference between two state dicts in keys or shapes; None if there is none.

    Args:
        given: tensors by name, float, int or bool (any shape); their types make no difference.
        expected: tensors of the names and shapes that are wanted.
    """
    missing = [key for key in expected if key not in given]
    unknown = [key for key in given if key not in expected]
    if missing:
        return f"{missing[0]} is missing" + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
    if unknown:
        return f"{unknown[0]} is unknown" + (f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else "")
    for key, tensor in expected.items():
        if given[key].shape != tensor.shape:
            return f"{key} has the shape {tuple(given[key].shape)} instead of {tuple(tensor.shape)}"
    return None


def stored(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor as it is stored in a file: whole numbers as they are, others as `dtype`.

    Args:
        key: name of the tensor; one of a motion basis stays float32.
        tensor: float, int or bool (any shape), on any device.
        dtype: floating-point type of the file.

    Returns:
        A tensor of the same shape on the CPU, contiguous.

    Raises:
        ValueError: it holds a number that is not finite.
    """
    if not tensor.is_floating_point():
        return tensor.detach().cpu().contiguous()
    kept = tensor.detach().to("cpu", torch.float32 if key.startswith(_BASIS) else dtype).contiguous()
    if not torch.isfinite(kept).all():
        raise ValueError(f"{key} holds numbers that are not finite")
    return kept


def _build(info: ModelInfo, kind: type[nn.Module]) -> nn.Module:
    if info.network not in NETWORKS:
        raise InputError(
            f"{info.path} is for a network '{info.network}'; this visavox knows {', '.join(NETWORKS)}: install a newer "
            "visavox"
        )
    network = NETWORKS[info.network]
    built = LipSyncGenerator if network.is_generator else network.build
    if not issubclass(built, kind):
        raise InputError(f"{info.path} is {network.noun}; what is needed here is {_noun_of(kind)}")
    try:
        # On the meta device the numbers that are overwritten anyway are never drawn.
        with torch.device("meta"):
            return build_network(config_from(info.network, info.config, info.spec, info.conditioner))
    except ValueError as error:
        raise InputError(
            f"the dimensions in the header of {info.path} are wrong: {error}; get the file again"
        ) from error


def _noun_of(kind: type[nn.Module]) -> str:
    nouns = [network.noun for network in NETWORKS.values() if network.build is kind]
    return nouns[0] if nouns else "a generator" if kind is LipSyncGenerator else kind.__name__


def _sorted_header(encoded: bytes) -> bytes:
    """Sort the metadata in a .safetensors file, which the library writes in an order that changes from run to run."""
    length = int.from_bytes(encoded[:8], "little")
    header = json.loads(encoded[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the tensors behind must stay aligned
    return len(text).to_bytes(8, "little") + text + encoded[8 + length :]

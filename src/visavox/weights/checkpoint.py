"""Saving and loading networks in the one file format of visavox (see `weights_file.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from visavox.errors import InputError
from visavox.runtime.files import write_whole
from visavox.runtime.json_records import from_mapping
from visavox.types import PathLike
from visavox.weights.networks import NETWORKS
from visavox.weights.registry import find_model
from visavox.weights.weights_file import ModelCard, ModelInfo, metadata, read_info


def save_model(
    path: PathLike,
    module: nn.Module,
    *,
    network: str,
    config: Any,
    card: ModelCard,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a network with all that is needed to use it; the same network gives the same bytes.

    Args:
        path: a `.safetensors` file; it appears under this name only when it is whole.
        module: the network.
        network: its name in `visavox.weights.networks.NETWORKS`.
        config: its dimensions.
        card: its crop, training, quality and licence.
        dtype: how its floating-point numbers are stored; float16 halves the file.

    Raises:
        ValueError: name, dimensions and network do not belong together, or a number is not finite.
        OSError: the file cannot be written; nothing is left of it.
    """
    if not isinstance(config, NETWORKS[network].config) or getattr(module, "config", config) != config:
        raise ValueError(f"the network is not {NETWORKS[network].noun} of the dimensions {config}")
    tensors = {key: _stored(key, tensor, dtype) for key, tensor in module.state_dict().items()}
    write_weights(Path(path), tensors, metadata(network, config, card))


def write_weights(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write tensors and header; the file appears under its name only when it is whole."""
    write_whole(path, _sorted_header(safetensors.torch.save(dict(tensors), metadata=dict(header))))


def load_model(name_or_path: PathLike, *, network: str | None = None, device: str | torch.device = "cpu") -> nn.Module:
    """Load a network.

    Args:
        name_or_path: a shipped name (`visavox.list_models()`), a path, or `hf:OWNER/REPOSITORY/FILE`.
        network: which network it must be, by its name in `visavox.weights.networks.NETWORKS`; any by default.
        device: where its numbers are to lie.

    Returns:
        The network in eval mode, float32, with its dimensions in `.config` and the crop that it sees in `.crop_spec`.
        What else is known of it (training, licence) is given by `visavox.weights.registry.model_info`.

    Raises:
        InputError: there is no such file, it holds no weights of visavox, or those of another network.
    """
    path = find_model(name_or_path)
    info = read_info(path)
    module = _build(info, network)
    try:
        tensors = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise InputError(f"{path} is damaged ({error}); download or copy it again") from error
    misfit = first_misfit(tensors, module.state_dict())
    if misfit:
        raise InputError(f"{path} does not hold {NETWORKS[info.network].noun} of its own dimensions: {misfit}")
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path} holds numbers that are not finite ({key}); get the weights again")
    numbers = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
    module.load_state_dict(numbers, assign=True)
    module.crop_spec = info.card.crop  # type: ignore[assignment]
    return module.to(device).eval()


def first_misfit(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str | None:
    """Say what is the first difference between two state dicts in keys or shapes; None if there is none."""
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


def _build(info: ModelInfo, network: str | None) -> nn.Module:
    if info.network not in NETWORKS:
        raise InputError(
            f"{info.path} is for a network '{info.network}'; this visavox knows {', '.join(NETWORKS)}: install a newer "
            "visavox"
        )
    entry = NETWORKS[info.network]
    if network not in (None, info.network):
        raise InputError(f"{info.path} is {entry.noun}; what is needed here is {NETWORKS[str(network)].noun}")
    try:
        # On the meta device the numbers that are overwritten anyway are never drawn.
        with torch.device("meta"):
            return entry.build(from_mapping(entry.config, info.config))
    except ValueError as error:
        raise InputError(
            f"the dimensions in the header of {info.path} are wrong: {error}; get the file again"
        ) from error


def _stored(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.detach().cpu().contiguous()
    stored = tensor.detach().to("cpu", dtype).contiguous()
    if not torch.isfinite(stored).all():
        raise ValueError(f"{key} holds numbers that are not finite")
    return stored


def _sorted_header(encoded: bytes) -> bytes:
    """Sort the metadata in a .safetensors file, which the library writes in an order that changes from run to run."""
    length = int.from_bytes(encoded[:8], "little")
    header = json.loads(encoded[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the tensors behind must stay aligned
    return len(text).to_bytes(8, "little") + text + encoded[8 + length :]

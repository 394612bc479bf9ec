"""The weights file: `.safetensors` whose header says all that is needed to use it.

The header holds, beside the tensors, strings and JSON under these keys:

    visavox      version of this format
    network      which network of `visavox.weights.networks` it is
    config       its dimensions, the fields of the network's config
    crop         what part of the picture it sees, the fields of CropSpec
    mel          {"window": mel frames heard, "lead": mel frames that the window begins before the picture}
    description  one line for lists
    training     what it was trained on, and how long
    quality      figures measured on speakers that it was not trained on
    licence      what it may be used for

Reading the header needs no torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.runtime.file_kind import FileKind, diagnose, explain
from visavox.runtime.json_records import from_mapping, to_json

FORMAT_VERSION = "1"
_REQUIRED = ("network", "config", "crop", "mel", "description", "training", "quality", "licence")
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class ModelCard:
    """What a weights file says of itself, beside its network and dimensions."""

    crop: CropSpec
    """Which part of the picture the network sees."""
    description: str
    """One line for lists."""
    training: str
    """What it was trained on, and how long."""
    licence: str
    """What it may be used for."""
    quality: Mapping[str, float] = field(default_factory=dict)
    """Figures measured on speakers that it was not trained on, by name."""


@dataclass(frozen=True)
class ModelInfo:
    """What is known of weights without loading them."""

    name: str
    """Name under which they are shipped, or the file's name without its suffix."""
    path: Path
    """The file."""
    network: str
    """Which network they are for: a key of `visavox.weights.networks.NETWORKS`."""
    config: Mapping[str, Any]
    """Dimensions of the network, as JSON gives them."""
    mel_window: int
    """Mel frames that the network hears for one picture; 0 where it hears no mel."""
    mel_lead: int
    """Mel frames that the window begins before the picture."""
    card: ModelCard
    """Crop, training, measured quality, licence."""
    num_parameters: int
    """Numbers that were trained."""
    num_bytes: int
    """Size of the file."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "name": self.name,
            "path": str(self.path),
            "network": self.network,
            "description": self.card.description,
            "parameters": self.num_parameters,
            "bytes": self.num_bytes,
            "config": dict(self.config),
            "crop": json.loads(to_json(self.card.crop)),
            "mel": {"window": self.mel_window, "lead": self.mel_lead},
            "training": self.card.training,
            "quality": dict(self.card.quality),
            "licence": self.card.licence,
        }


def metadata(network: str, config: Any, card: ModelCard) -> dict[str, str]:
    """Return what the header of a weights file holds beside its tensors, sorted by key."""
    entries = {
        "visavox": FORMAT_VERSION,
        "network": network,
        "config": to_json(config),
        "crop": to_json(card.crop),
        "mel": json.dumps(_mel(json.loads(to_json(config)))),
        "description": card.description,
        "training": card.training,
        "quality": json.dumps(dict(card.quality)),
        "licence": card.licence,
    }
    return dict(sorted(entries.items()))


def read_info(path: Path, name: str | None = None) -> ModelInfo:
    """Read the header of a weights file.

    Raises:
        InputError: the file is missing, cut off, of another kind, or not written by visavox.
    """
    kind = diagnose(path)
    if kind is not FileKind.SAFETENSORS:
        raise InputError(explain(path, kind))
    header = read_header(path)
    entries = header.pop("__metadata__", {})
    _check_format(path, entries)
    try:
        config = json.loads(entries["config"])
        quality = json.loads(entries["quality"])
        crop = from_mapping(CropSpec, json.loads(entries["crop"]))
        mel = json.loads(entries["mel"])
        if mel != _mel(config):
            raise ValueError(f"the mel window is {mel}, but the dimensions say {_mel(config)}")
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"the header of {path} is damaged or was edited: {error}; get the file again") from error
    card = ModelCard(crop, entries["description"], entries["training"], entries["licence"], quality)
    return ModelInfo(
        name=name or path.stem,
        path=path,
        network=entries["network"],
        config=config,
        mel_window=mel["window"],
        mel_lead=mel["lead"],
        card=card,
        num_parameters=sum(math.prod(tensor["shape"]) for key, tensor in header.items() if not key.endswith(_BUFFERS)),
        num_bytes=path.stat().st_size,
    )


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of a .safetensors file and check that all the bytes that it promises are there.

    Raises:
        InputError: the file is cut off or damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length)
    if len(text) < length:
        raise InputError(f"{path} is cut off: {size} bytes are less than its header; download or copy it again")
    try:
        header = json.loads(text)
        tensors = [tensor for key, tensor in header.items() if key != "__metadata__"]
        promised = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors), default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise InputError(f"the header of {path} is damaged; download or copy the file again") from None
    if size != promised:
        state = "is cut off" if size < promised else "has bytes too many"
        raise InputError(f"{path} {state}: it has {size} bytes instead of {promised}; download or copy it again")
    return header


def _check_format(path: Path, entries: Mapping[str, str]) -> None:
    version = entries.get("visavox")
    if version is None:
        raise InputError(
            f"{path} does not say what network it is for: visavox did not write it. Published Wav2Lip weights are "
            "converted by `visavox models import`"
        )
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path} has format {version}, this visavox reads {FORMAT_VERSION}; install a newer visavox or get the "
            "weights that belong to this one"
        )
    missing = [key for key in _REQUIRED if key not in entries]
    if missing:
        raise InputError(f"the header of {path} lacks {', '.join(missing)}; get the file again")


def _mel(config: Mapping[str, Any]) -> dict[str, int]:
    return {"window": config.get("mel_window", 0), "lead": config.get("mel_lead", 0)}

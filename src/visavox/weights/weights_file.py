"""The weights file: `.safetensors` whose header says all that is needed to use it.

The header holds, beside the tensors, strings and JSON under these keys:

    visavox      version of this format
    network      which network of `visavox.weights.networks` it is; of a generator, its renderer
    config       its dimensions, the fields of the network's config
    conditioner  of a generator: {"kind": key of `visavox.weights.networks.CONDITIONERS`, ... its dimensions}
    spec         of a generator: its contract, the fields of GeneratorSpec
    crop         of other networks that see faces: part of the frame, the fields of CropSpec
    description  one line for lists
    training     what it was trained on, and how long
    quality      metrics measured on speakers that it was not trained on
    licence      what it may be used for

Reading the header needs no torch. Files of version 1 are read too (`visavox.weights.version_1`).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator import GeneratorSpec
from visavox.runtime.file_kind import FileKind, diagnose, explain
from visavox.runtime.serialization import from_mapping, to_json
from visavox.weights import version_1

FORMAT_VERSION = "2"
_REQUIRED = ("network", "config", "description", "training", "quality", "licence")
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "motion_basis.opening", "motion_basis.components")


@dataclass(frozen=True)
class ModelCard:
    """Statements of a weights file about itself, beside its network and dimensions."""

    description: str
    """One line for lists."""
    training: str
    """Data and length of the training."""
    licence: str
    """Licence: permitted uses."""
    quality: Mapping[str, float] = field(default_factory=dict)
    """Metrics measured on speakers that it was not trained on, by name."""


@dataclass(frozen=True)
class Header:
    """Everything in a weights file but its tensors."""

    network: str
    """Network that it is for: a key of `visavox.weights.networks.NETWORKS`."""
    config: Mapping[str, Any]
    """Dimensions of the network, as JSON gives them."""
    card: ModelCard
    """Training, measured quality, licence."""
    spec: GeneratorSpec | None = None
    """Contract of a generator; None for every other network."""
    conditioner: Mapping[str, Any] | None = None
    """Kind and dimensions of a generator's conditioner, as JSON gives them."""
    crop: CropSpec | None = None
    """Part of the frame that the network sees; None for networks that see no faces."""

    def entries(self) -> dict[str, str]:
        """Return what the file's metadata holds, sorted by key."""
        entries = {
            "visavox": FORMAT_VERSION,
            "network": self.network,
            "config": json.dumps(dict(self.config)),
            "description": self.card.description,
            "training": self.card.training,
            "quality": json.dumps(dict(self.card.quality)),
            "licence": self.card.licence,
        }
        if self.spec is not None:
            entries |= {"spec": to_json(self.spec), "conditioner": json.dumps(dict(self.conditioner or {}))}
        elif self.crop is not None:
            entries["crop"] = to_json(self.crop)
        return dict(sorted(entries.items()))


@dataclass(frozen=True)
class ModelInfo(Header):
    """Description of weights, read without loading them."""

    name: str = ""
    """Name under which they are shipped, or the file's name without its suffix."""
    path: Path = Path()
    """The file."""
    version: str = FORMAT_VERSION
    """Version of the format of the file, which may be an earlier one."""
    num_parameters: int = 0
    """Numbers that were trained."""
    num_bytes: int = 0
    """Size of the file."""

    @property
    def has_speech_branch(self) -> bool:
        """Tell whether it is a generator that predicts mouth motion from audio."""
        return self.conditioner is not None and self.conditioner.get("kind") == "speech-branch"

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
            "conditioner": None if self.conditioner is None else dict(self.conditioner),
            "spec": None if self.spec is None else json.loads(to_json(self.spec)),
            "crop": None if self.crop is None else json.loads(to_json(self.crop)),
            "training": self.card.training,
            "quality": dict(self.card.quality),
            "licence": self.card.licence,
        }


def read_info(path: Path, name: str | None = None) -> ModelInfo:
    """Read the header of a weights file.

    Raises:
        InputError: the file is missing, cut off, of another kind, or not written by visavox.
    """
    kind = diagnose(path)
    if kind is not FileKind.SAFETENSORS:
        raise InputError(explain(path, kind))
    tensors = read_header(path)
    entries = tensors.pop("__metadata__", {})
    version = _check_version(path, entries)
    try:
        if version == version_1.FORMAT_VERSION:
            entries = version_1.converted_entries(entries)
        header = _header(entries)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"the header of {path} is damaged or was edited: {error}; get the file again") from error
    return ModelInfo(
        **vars(header),
        name=name or path.stem,
        path=path,
        version=version,
        num_parameters=sum(math.prod(tensor["shape"]) for key, tensor in tensors.items() if not key.endswith(_BUFFERS)),
        num_bytes=path.stat().st_size,
    )


def edited(info: Header, card: ModelCard, **changes: Any) -> Header:
    """Return the header of weights that were made from others.

    Args:
        info: header of the others.
        card: statements about the new ones.
        changes: other fields that differ.
    """
    header = Header(info.network, info.config, card, info.spec, info.conditioner, info.crop)
    return replace(header, **changes)


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
        header: dict[str, Any] = json.loads(text)
        tensors = [tensor for key, tensor in header.items() if key != "__metadata__"]
        promised = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors), default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise InputError(f"the header of {path} is damaged; download or copy the file again") from None
    if size != promised:
        state = "is cut off" if size < promised else "has bytes too many"
        raise InputError(f"{path} {state}: it has {size} bytes instead of {promised}; download or copy it again")
    return header


def _header(entries: Mapping[str, str]) -> Header:
    card = ModelCard(entries["description"], entries["training"], entries["licence"], _object(entries, "quality"))
    spec = from_mapping(GeneratorSpec, json.loads(entries["spec"])) if "spec" in entries else None
    crop = from_mapping(CropSpec, json.loads(entries["crop"])) if "crop" in entries else None
    return Header(
        network=entries["network"],
        config=_object(entries, "config"),
        card=card,
        spec=spec,
        conditioner=_object(entries, "conditioner") if "conditioner" in entries else None,
        crop=crop if spec is None else spec.crop,
    )


def _object(entries: Mapping[str, str], key: str) -> dict[str, Any]:
    """Return the JSON object of an entry.

    Raises:
        ValueError: it is no JSON, or no object.
    """
    value = json.loads(entries[key])
    if not isinstance(value, dict):
        raise ValueError(f"{key} is {value!r}; it must be an object")
    return value


def _check_version(path: Path, entries: Mapping[str, str]) -> str:
    """Return the version of the format, having seen that everything that it promises is there."""
    version = entries.get("visavox")
    if version is None:
        raise InputError(
            f"{path} does not say what network it is for: visavox did not write it. Published Wav2Lip weights are "
            "converted by `visavox models import`"
        )
    if version not in (version_1.FORMAT_VERSION, FORMAT_VERSION):
        raise InputError(
            f"{path} has format {version}, this visavox reads {FORMAT_VERSION}; install a newer visavox or get the "
            "weights that belong to this one"
        )
    required = [*_REQUIRED, *(version_1.FURTHER_KEYS if version == version_1.FORMAT_VERSION else ())]
    missing = [key for key in required if key not in entries]
    if "spec" in entries and "conditioner" not in entries:
        missing.append("conditioner")
    if missing:
        raise InputError(f"the header of {path} lacks {', '.join(missing)}; get the file again")
    return version


def check_weights_output(output: Path, *sources: Path, overwrite: bool) -> None:
    """See that a weights file can be written, before the work begins.

    Raises:
        InputError: it cannot, or it is one of the files that are read.
    """
    if output.suffix != ".safetensors":
        raise InputError(f"the output {output} must end in .safetensors")
    if output.is_dir():
        raise InputError(f"the output {output} is a directory; give the name of a file")
    if not output.absolute().parent.is_dir():
        raise InputError(f"the folder of the output {output} does not exist; create it first")
    if not os.access(output.absolute().parent, os.W_OK):
        raise InputError(f"the folder of the output {output} may not be written to; choose another")
    if output.exists() and any(source.exists() and output.samefile(source) for source in sources):
        raise InputError(f"the output {output} is the input itself; choose another name")
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists; choose another name or add --overwrite")

"""Reading the state dict of a file that others have published, without running what is in it."""

from __future__ import annotations

import pickle
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from visavox.errors import InputError
from visavox.runtime.file_kind import TORCH_PICKLES, FileKind, diagnose


def read_state_dict(path: Path, what: str) -> dict[str, Tensor]:
    """Read the names and tensors of a PyTorch pickle of any version, or of a .safetensors file, onto the CPU.

    Args:
        path: the file.
        what: what it should hold, for messages: "the weights of AlexNet".

    Returns:
        By name as they are stored, float or int (any shape).

    Raises:
        InputError: there is no such file, or it holds something else, or more than tensors.
    """
    kind = diagnose(path)
    if kind is FileKind.SAFETENSORS:
        try:
            return safetensors.torch.load_file(path)
        except safetensors.SafetensorError as error:
            raise InputError(f"{path} is damaged ({first_line(error)}); download it again") from error
    if kind not in TORCH_PICKLES:
        raise InputError(f"{path} is {kind.value}; {what} come as a PyTorch pickle (.pth) or as .safetensors")
    if kind is FileKind.ZIP_PICKLE:
        check_zip(path)
    return as_state_dict(load_pickle(path), path)


def check_zip(source: Path) -> None:
    """Compare every member of a zip file with its checksum, which torch.load does not do.

    Raises:
        InputError: they differ.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise InputError(f"{source} is damaged or cut off ({first_line(error)}); download it again") from error
    if damaged is not None:
        raise InputError(f"{source} is damaged or cut off ({damaged} differs from its checksum); download it again")


def load_pickle(source: Path) -> Any:
    """Load a pickle of tensors and plain values, and of nothing else.

    Raises:
        InputError: it holds other objects, or is damaged.
    """
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        names = re.findall(r"GLOBAL (\S+\w)\s", str(error))
        if names:
            raise InputError(
                f"{source} holds a Python object ({names[0]}) beside its tensors; such a file can run code when it is "
                "read, and is not read. Ask for one that holds the state dict only"
            ) from error
        raise InputError(f"{source} is damaged or cut off; download it again") from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, OSError) as error:
        raise InputError(f"{source} is damaged or cut off ({first_line(error)}); download it again") from error


def as_state_dict(loaded: Any, source: Path) -> dict[str, Tensor]:
    """Find the state dict in what a checkpoint holds: under the key `state_dict`, or all of it.

    Args:
        loaded: contents of the file.
        source: the file, for messages.

    Returns:
        Tensors by name, float or int (any shape).

    Raises:
        InputError: there is none.
    """
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else loaded
    if not isinstance(state, Mapping):
        raise InputError(
            f"{source} holds {type(state).__name__}, not a state dict (names of tensors with their numbers)"
        )
    if not state:
        raise InputError(f"{source} holds an empty state dict; get another file")
    others = [key for key, tensor in state.items() if not isinstance(key, str) or not isinstance(tensor, Tensor)]
    if others:
        raise InputError(
            f"{source} holds a dictionary with {', '.join(map(str, list(state)[:4]))} ...; what can be converted is a "
            "state dict (names of tensors with their numbers), or one under the key 'state_dict'"
        )
    return dict(state)


def first_line(error: Exception) -> str:
    """Return the first line of what an error says."""
    return (str(error) or type(error).__name__).splitlines()[0]

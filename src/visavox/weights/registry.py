"""Weights by name: those that are shipped with visavox, paths, and files on the Hugging Face hub.

Needs no torch, so that listing is quick.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import visavox
from visavox.errors import InputError
from visavox.types import PathLike
from visavox.weights.hub import PREFIX, fetch
from visavox.weights.weights_file import ModelInfo, read_info

WEIGHTS_FOLDER = Path(visavox.__file__).parent / "weights" / "shipped"
"""Folder of the shipped weights: NAME.safetensors with its model card NAME.md beside it."""


def list_models(folder: Path = WEIGHTS_FOLDER) -> list[ModelInfo]:
    """Describe the weights that are shipped with visavox, sorted by name."""
    return [read_info(path, path.stem) for path in sorted(folder.glob("*.safetensors"))]


def find_model(name_or_path: PathLike, folder: Path = WEIGHTS_FOLDER) -> Path:
    """Find a weights file.

    Args:
        name_or_path: a shipped name, a path, or `hf:OWNER/REPOSITORY/FILE`, which is downloaded once.
        folder: where the shipped weights lie.

    Raises:
        InputError: there is no such name or file, or the download failed.
    """
    text = str(name_or_path)
    if text.startswith(PREFIX):
        return fetch(text)
    shipped = {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
    if isinstance(name_or_path, str) and name_or_path in shipped:
        return shipped[name_or_path]
    path = Path(name_or_path)
    if path.exists():
        return path
    if path.suffix or len(path.parts) > 1:
        raise InputError(f"there is no weights file {text}; check the path, or give one of: {', '.join(shipped)}")
    nearest = difflib.get_close_matches(text, shipped, n=1)
    guess = f" Did you mean '{nearest[0]}'?" if nearest else ""
    raise InputError(
        f"there is no model '{text}'; available are {', '.join(shipped) or 'none'}, a path to a .safetensors file, or "
        f"{PREFIX}OWNER/REPOSITORY/FILE.{guess}"
    )


def model_info(name_or_path: PathLike, folder: Path = WEIGHTS_FOLDER) -> ModelInfo:
    """Describe weights without loading them; takes and raises what `find_model` does."""
    path = find_model(name_or_path, folder)
    return read_info(path, path.stem)


def card_text(info: ModelInfo) -> str | None:
    """Return the model card that lies beside a weights file (Markdown), or None."""
    card = info.path.with_suffix(".md")
    return card.read_text(encoding="utf-8") if card.is_file() else None

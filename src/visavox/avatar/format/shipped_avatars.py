"""Avatars by name: those that come with visavox, and folders."""

from __future__ import annotations

from pathlib import Path

from visavox.avatar.format.avatar_folder import INFO_FILE
from visavox.errors import InputError
from visavox.types import PathLike

SHIPPED_FOLDER = Path(__file__).parents[1] / "shipped"
"""Where they lie, a folder each."""
DEMO_AVATAR = "grid-s1"
"""The one that the demo speaks with."""


def list_avatars(folder: Path = SHIPPED_FOLDER) -> list[str]:
    """Names of the avatars that come with visavox."""
    return sorted(path.parent.name for path in folder.glob(f"*/{INFO_FILE}"))


def find_avatar(name_or_path: PathLike, folder: Path = SHIPPED_FOLDER) -> Path:
    """Find the folder of an avatar.

    Args:
        name_or_path: the name of one that comes with visavox, or a folder, whose parts are not looked at.
        folder: where those that come with visavox lie.

    Raises:
        InputError: there is neither.
    """
    shipped = list_avatars(folder)
    if str(name_or_path) in shipped:
        return folder / str(name_or_path)
    path = Path(name_or_path)
    if path.exists():
        return path
    known = f"those that come with visavox are {', '.join(shipped)}" if shipped else "none comes with this visavox"
    raise InputError(
        f"there is no avatar {name_or_path}; give the folder of one ({known}), or make it with `visavox avatar build "
        "VIDEO -o AVATAR`"
    )

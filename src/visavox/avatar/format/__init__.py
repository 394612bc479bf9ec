"""The folder of an avatar: what building writes and speaking reads.

| module | holds |
|---|---|
| `avatar_folder` | the files, `AvatarInfo`, reading and writing; avatars by name |
| `description` | what `visavox avatar info` says |
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.avatar.format.avatar_folder import (
        DEMO_AVATAR,
        NEEDED,
        POSTNET_FILE,
        AvatarFolder,
        AvatarInfo,
        AvatarSource,
        SourceCrop,
        SourceVideo,
        find_avatar,
        list_avatars,
        read_avatar,
        write_avatar,
    )
    from visavox.avatar.format.description import describe, gather

_HOMES = {
    "AvatarFolder": "avatar_folder",
    "AvatarInfo": "avatar_folder",
    "AvatarSource": "avatar_folder",
    "DEMO_AVATAR": "avatar_folder",
    "NEEDED": "avatar_folder",
    "POSTNET_FILE": "avatar_folder",
    "SourceCrop": "avatar_folder",
    "SourceVideo": "avatar_folder",
    "describe": "description",
    "find_avatar": "avatar_folder",
    "gather": "description",
    "list_avatars": "avatar_folder",
    "read_avatar": "avatar_folder",
    "write_avatar": "avatar_folder",
}
"""Name -> the module that it lives in, imported when the name is first used."""

__all__ = [
    "DEMO_AVATAR",
    "NEEDED",
    "POSTNET_FILE",
    "AvatarFolder",
    "AvatarInfo",
    "AvatarSource",
    "SourceCrop",
    "SourceVideo",
    "describe",
    "find_avatar",
    "gather",
    "list_avatars",
    "read_avatar",
    "write_avatar",
]


def __getattr__(name: str) -> Any:
    """Import a name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

from .avatar_folder import (
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
from .description import describe, gather

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

"""What an avatar keeps of a person's data set once head, torso and post-net are learned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visavox.avatar.build.build_settings import BuildSettings
from visavox.avatar.format.avatar_folder import AvatarInfo, AvatarSource, SourceCrop, SourceVideo, write_avatar
from visavox.data.radiance.person_data import PersonData
from visavox.types import HeadPose, Motion


def pack(
    folder: Path,
    data: PersonData,
    known: Mapping[str, Any],
    settings: BuildSettings,
    figures: Mapping[str, Any],
    *,
    head: Path,
    torso: Path,
    postnet: Path | None,
) -> None:
    """Write an avatar: weights, performance, empty scene, and what is known of it.

    Args:
        folder: the avatar.
        data: the person's data set.
        known: what `data.json` says of it.
        settings: how the avatar was built.
        figures: what was measured.
        head: weights of the head.
        torso: weights of the torso.
        postnet: weights of the post-net; None: the avatar has none.

    Raises:
        InputError: the folder cannot be written.
    """
    intervals = data.split["train"]
    frames = np.concatenate([np.arange(start, stop) for start, stop in intervals])
    ends = np.cumsum([stop - start for start, stop in intervals]).tolist()
    of_all = data.motion
    source = _source(known)
    info = AvatarInfo(
        size=data.size,
        camera=data.camera,
        stretches=tuple(zip([0, *ends[:-1]], ends, strict=True)),
        motion=settings.motion,
        preset=settings.preset,
        licence=settings.licence,
        attribution=settings.attribution,
        source=source,
        figures=figures,
    )
    write_avatar(
        folder,
        info,
        head=head,
        torso=torso,
        postnet=postnet,
        motion=Motion(of_all.displacements[frames], of_all.confidence[frames], of_all.neutral),
        pose=HeadPose(data.rotations[frames], data.translations[frames], source.frame_size),
        background=np.array(data.background),
    )


def _source(known: Mapping[str, Any]) -> AvatarSource:
    """The footage, as `data.json` names it."""
    footage, crop = known["footage"], known["crop"]
    width, height = footage["frame_size"]
    videos = tuple(SourceVideo(one["path"], one["frames"], one["lag"]) for one in footage["files"])
    return AvatarSource(videos, SourceCrop(crop["x"], crop["y"], crop["side"]), (width, height))

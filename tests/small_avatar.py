"""An avatar that never learned anything: tiny networks with random numbers, the performance of the small person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.small_person import make_person

from visavox.avatar.format.avatar_folder import AvatarInfo, AvatarSource, SourceCrop, SourceVideo, write_avatar
from visavox.data.radiance.person_data import PersonData
from visavox.models.motion.postnet import PostNet, PostNetConfig
from visavox.models.radiance.grid_field import GridFieldConfig
from visavox.models.radiance.head import Head, HeadConfig
from visavox.models.radiance.landmark_encoder import LandmarkEncoderConfig
from visavox.models.radiance.torso import DeformationConfig, Torso, TorsoConfig
from visavox.training.radiance.person import camera_of
from visavox.types import HeadPose, Motion
from visavox.weights.checkpoint import save_model
from visavox.weights.weights_file import ModelCard

LANDMARKS = LandmarkEncoderConfig(width=8, size=4, window=3)
HEAD = HeadConfig(
    grid=GridFieldConfig(channels=2, resolution=8, motion_resolution=4, motion_width=4, width=8, shape=3),
    landmarks=LANDMARKS,
    step=1.0,
    cells=8,
    num_frames=2,
)
TORSO = TorsoConfig(
    deformation=DeformationConfig(place_octaves=2, pose_octaves=1, width=8, channels=2, resolution=8, color_width=8),
    landmarks=LANDMARKS,
    head_code=4,
    num_frames=2,
)
POSTNET = PostNetConfig(channels=(8, 8))


def make_weights(folder: Path, person: PersonData) -> dict[str, Path]:
    """Weights files of a head, a torso and a post-net, by name."""
    torch.manual_seed(0)
    head, torso, postnet = Head(HEAD), Torso(TORSO), PostNet(POSTNET)
    displacements = torch.from_numpy(np.array(person.displacements))
    head.landmarks.set_statistics(displacements)
    for parameter in head.field.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    rotations, translations = torch.from_numpy(person.rotations), torch.from_numpy(person.translations)
    head.occupancy.carve(camera_of(person), rotations, translations, torch.from_numpy(person.head_mask > 0))
    torso.set_statistics(rotations, translations, displacements)
    torso.set_support(torch.from_numpy(np.array(person.torso_mask)) / 255)
    # What the motion network says is about the canonical face: the post-net brings it to the person.
    postnet.person_mean.copy_(displacements.mean(dim=0).flatten())
    paths = {}
    for name, module in (("head", head), ("torso", torso), ("postnet", postnet)):
        paths[name] = folder / f"trained-{name}.safetensors"
        card = ModelCard(f"a {name}", "none", "CC BY 4.0")
        save_model(paths[name], module, card)
    return paths


def performance(person: PersonData) -> tuple[Motion, HeadPose]:
    """Motion and pose of the frames of the training part."""
    stop = person.split["train"][-1][1]
    known = person.motion
    motion = Motion(known.displacements[:stop], known.confidence[:stop], known.neutral)
    return motion, HeadPose(person.rotations[:stop], person.translations[:stop], (48, 36))


def info_of(person: PersonData, **changes: Any) -> AvatarInfo:
    """What the small avatar says of itself: two stretches of the same video, each with its own time."""
    stop = person.split["train"][-1][1]
    middle = stop // 2
    source = AvatarSource((SourceVideo("footage.mp4", person.num_frames, 0.04),), SourceCrop(4, 2, 32), (48, 36))
    fields = {
        "size": person.size,
        "camera": person.camera,
        "stretches": ((0, middle), (middle, stop)),
        "preset": "cpu",
        "licence": "CC BY 4.0",
        "attribution": "somebody",
        "source": source,
        "values": {"psnr_head": 12.5, "frames": {"test": 6}},
    }
    return AvatarInfo(**{**fields, **changes})


def make_avatar(folder: Path, *, size: int = 32, adapter: bool = True, **changes: Any) -> Path:
    """Write the small avatar to `folder` and its person's data to `folder`/data."""
    person = PersonData.load(make_person(folder / "data", size=size))
    weights = make_weights(folder, person)
    motion, pose = performance(person)
    write_avatar(
        folder,
        info_of(person, **changes),
        weights if adapter else {name: weights[name] for name in ("head", "torso")},
        motion=motion,
        pose=pose,
        background=person.background,
    )
    return folder

"""Checks of an adaptation: everything that can be known to be wrong before the videos are prepared."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from visavox.adaptation.settings import AdaptSettings
from visavox.data.preparation import Source, find_sources
from visavox.errors import InputError
from visavox.media import check_output, probe
from visavox.models.generator import MotionBasis
from visavox.types import PathLike
from visavox.weights import ModelInfo, list_models, model_info, motion_basis_of, short_weights_digest

_EXTRAS = ("lightning", "tensorboard", "skimage")
"""Packages that are needed after the videos are prepared: that one is missing must not be found out then."""


@dataclass(frozen=True)
class AdaptRequest:
    """One adaptation that passed the checks."""

    sources: tuple[Source, ...]
    """The videos."""
    output: Path
    """The weights file to write."""
    start: ModelInfo
    """The generator to begin with."""
    basis: MotionBasis | None
    """Its motion basis; None where it has no speech branch."""
    expert: ModelInfo | None
    """The expert that scores the sync; None for none."""
    features: ModelInfo | None
    """Face features that teach the renderer beside the pixels; None where none are shipped for this resolution."""
    settings: AdaptSettings
    """Settings of the adaptation."""

    @property
    def identity(self) -> dict[str, Any]:
        """Inputs and settings that decide the result: a work folder is only continued with the same."""
        return {
            "videos": sorted([source.name, source.num_bytes] for source in self.sources),
            "model": short_weights_digest(self.start.path),
            "expert": None if self.expert is None else short_weights_digest(self.expert.path),
            "features": None if self.features is None else short_weights_digest(self.features.path),
            "minutes": self.settings.minutes,
            "steps": self.settings.steps,
            "seed": self.settings.seed,
            "batch_size": self.settings.batch_size,
            "learning_rate": self.settings.learning_rate,
        }


def check_request(
    video: PathLike | Sequence[PathLike],
    output: PathLike,
    model: PathLike,
    expert: PathLike | None,
    settings: AdaptSettings,
) -> AdaptRequest:
    """Check all files and options of an adaptation.

    Raises:
        InputError: something cannot be used.
        ModuleNotFoundError: a package is missing that is needed later.
    """
    start = model_info(model)
    spec = start.spec
    if spec is None:
        raise InputError(
            f"model {model} is a network of the kind '{start.network}', which cannot be adapted; give a generator, "
            "such as wav2lip (`visavox models list` shows them)"
        )
    if spec.crop.kind != "aligned":
        raise InputError(
            f"model {model} sees faces in upright boxes, as the published Wav2Lip does, and clips are prepared as "
            "aligned crops; give a generator that was trained with visavox, such as wav2lip"
        )
    basis = _basis(start)
    evaluator = _expert(start, expert)
    locations = [video] if isinstance(video, str | os.PathLike) else list(video)
    sources = find_sources(locations, "flat").sources
    given: list[PathLike] = [start.path, *(source.path for source in sources)]
    check_output(output, given, settings.overwrite, extensions=(".safetensors",))
    _check_videos(sources, settings.minimum_seconds)
    for name in _EXTRAS:
        importlib.import_module(name)
    features = _shipped_features(spec.crop.size)
    return AdaptRequest(tuple(sources), Path(output), start, basis, evaluator, features, settings)


def choose_settings(settings: AdaptSettings | None, options: dict[str, Any]) -> AdaptSettings:
    """Return `settings` with some fields changed.

    Raises:
        InputError: there is no such field, or a value is not allowed.
    """
    known = [field.name for field in fields(AdaptSettings)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InputError(f"unknown option {', '.join(unknown)}; the options of an adaptation are {', '.join(known)}")
    return replace(settings or AdaptSettings(), **options)


def _basis(start: ModelInfo) -> MotionBasis | None:
    if not start.has_speech_branch:
        return None
    basis = motion_basis_of(start)
    if basis is None:
        raise InputError(
            f"{start.path} has a speech branch and does not hold the basis of its mouth motion, nor is "
            f"{start.path.stem}.motion.npz beside it; get it again with its weights"
        )
    return basis


def _shipped_features(resolution: int) -> ModelInfo | None:
    """Find shipped face features that look at crops of this size."""
    known = [info for info in list_models() if info.network == "face_features"]
    return next((info for info in known if info.config["resolution"] == resolution), None)


def _expert(start: ModelInfo, expert: PathLike | None) -> ModelInfo | None:
    """Check the expert, if one is given."""
    if expert is None:
        return None
    assert start.spec is not None, "it is a generator"
    resolution = start.spec.crop.size
    info = model_info(expert)
    if info.network != "expert":
        raise InputError(f"{expert} is a network of the kind '{info.network}'; give an expert, or leave out --expert")
    if info.config["resolution"] != resolution:
        raise InputError(
            f"the expert {expert} takes crops of {info.config['resolution']} pixels and {start.name} generates "
            f"{resolution}; give an expert of the same resolution, or leave out --expert"
        )
    return info


def _check_videos(sources: Sequence[Source], minimum: float) -> None:
    """Refuse videos that cannot hold enough speech, by their headers."""
    seconds, reasons = 0.0, []
    for source in sources:
        try:
            info = probe(source.path)
        except InputError as error:
            reasons.append(str(error))
            continue
        if info.is_still:
            reasons.append(f"{source.path} is an image, not a video")
        elif not info.has_audio:
            reasons.append(f"{source.path} has no audio")
        else:
            seconds += float(info.duration or minimum)
    if not seconds:
        raise InputError(f"{reasons[0]}; give a video in which the person is seen and heard to speak")
    if seconds < minimum:
        others = f" ({len(reasons)} more cannot be used: {reasons[0]})" if reasons else ""
        raise InputError(
            f"{seconds:.1f} s of video are not enough to learn a person from{others}; give {minimum:g} s or more, and "
            "better some minutes"
        )

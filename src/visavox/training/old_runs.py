"""Configurations of runs that earlier versions began: their names become those of today when they are read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from visavox.face.geometry.crop import CropSpec
from visavox.weights.version_1 import converted_config

RENAMED_SETTINGS = {
    "cover": "alpha",
    "frozen_statistics": "freeze_batch_norm",
    "pictures": "image_augmentation",
    "reading": "mouth_motion",
    "response": "motion_gain",
    "sounds": "audio_augmentation",
    "true_motion": "teacher_forcing",
}
"""Earlier name of a setting to that of today; none of the earlier names means anything else today."""

_INPUTS = ("expert", "features", "sync", "motion", "person", "judge")
_IDENTITIES = {
    "expert_weights": "expert",
    "features_weights": "features",
    "sync_weights": "sync",
    "motion_weights": "motion",
    "person": "person",
    "head": "head",
}


def translate(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a run in the names of today; one that has them already stays as it is."""
    if "stage_name" not in config:
        return config | {"settings": _composed(config["settings"])} if "settings" in config else config
    kept = ("summary", "dataset", "processes", "loop")
    translated = {name: config[name] for name in kept if name in config}
    translated["task"] = _task(config)
    translated["inputs"] = {name: config[name] for name in _INPUTS if name in config}
    translated["identity"] = config.get("recipe") or {
        new: config[old] for old, new in _IDENTITIES.items() if old in config
    }
    translated["settings"] = _composed(_renamed(config.get("stage", {})))
    return translated


def _task(config: dict[str, Any]) -> str:
    name = str(config["stage_name"])
    # Without a speaker of a data set, it was the post-net of a person's own data set.
    if name == "postnet" and "person" not in config:
        return "person-postnet"
    return name.replace("_", "-")


def _composed(settings: Any) -> Any:
    """Take the dimensions of a generator apart into its contract, its conditioner and its renderer."""
    generator = settings.get("generator") if isinstance(settings, dict) else None
    if not isinstance(generator, dict) or "mel_window" not in generator:
        return settings
    network = "motion_dub" if not generator["mel_window"] else "wav2lip"
    if "encoder_blocks" in generator:
        network = "attn_wav2lip"
    spec, conditioner, renderer = converted_config(network, generator, CropSpec())
    conditioner.pop("kind")
    return settings | {"generator": {"spec": asdict(spec), "conditioner": conditioner, "renderer": renderer}}


def _renamed(settings: Any) -> Any:
    if isinstance(settings, dict):
        return {RENAMED_SETTINGS.get(name, name): _renamed(value) for name, value in settings.items()}
    return settings

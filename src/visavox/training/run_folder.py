"""The folder of a run: what it was started with, its checkpoint, its log, and what TensorBoard shows of it.

Runs that earlier versions began are read in the names of today.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from visavox.data.preparation import describe_difference
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.runtime.files import is_leftover, write_whole
from visavox.types import PathLike
from visavox.weights import converted_config

CHECKPOINT_NAME = "last.ckpt"
BEST_NAME = "best.safetensors"
CONFIG_NAME = "config.json"
LOG_NAME = "log.jsonl"
STRIP_NAME = "validation.png"
TENSORBOARD_NAME = "tensorboard"
BASIS_NAMES = ("motion-basis.npz", "best.motion.npz")
"""The motion basis of a run, under its name of today and that of earlier versions."""
OWN = (BEST_NAME, CONFIG_NAME, LOG_NAME, *BASIS_NAMES, STRIP_NAME, TENSORBOARD_NAME)
"""Files that a run may have left before its first checkpoint."""

FIXED = ("task", "identity", "dataset", "processes", "settings")
"""Entries of the configuration that a resumed run must share with the run that it goes on with."""


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


class RunFolder:
    """Files of one run, under fixed names."""

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        self._tensorboard: Any = None

    @property
    def checkpoint(self) -> Path:
        """Everything that steers the training, as it was at the last save."""
        return self.path / CHECKPOINT_NAME

    @property
    def best(self) -> Path:
        """The best weights so far."""
        return self.path / BEST_NAME

    def check(self, *, resume: bool) -> None:
        """Refuse a folder that cannot be begun in, or be resumed from.

        Raises:
            InputError: the sentence says why.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; name a folder for the run.")
        if resume:
            if not self.checkpoint.is_file():
                raise InputError(f"{self.path} has no {CHECKPOINT_NAME} to resume; start the run without --resume.")
            return
        if self.checkpoint.exists():
            raise InputError(f"{self.path} holds a run already; go on with it by --resume, or choose another folder.")
        # A run that ended before its first checkpoint has left files of its own, and may be begun again.
        names = [path.name for path in self.path.iterdir()] if self.path.is_dir() else []
        strange = [name for name in names if name not in OWN and not is_leftover(name)]
        if strange:
            raise InputError(f"{self.path} holds what belongs to no run ({min(strange)}); choose another folder.")

    def config(self) -> dict[str, Any]:
        """Return the configuration that the run was started with, in the names of today; empty if it is not known.

        Raises:
            InputError: the file is damaged.
        """
        path = self.path / CONFIG_NAME
        if not path.is_file():
            return {}
        try:
            return translate(dict(json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is damaged ({error}); restore it, or start a new run.") from error

    def check_same(self, config: dict[str, Any]) -> None:
        """Refuse to resume with what would not give the numbers of the run.

        Raises:
            InputError: the sentence names what differs.
        """
        stored, given = self.config(), json.loads(json.dumps(config, default=str))
        differences: list[str] = []
        for name in FIXED:
            # What differs in a later entry follows from what differs in an earlier one.
            if name in stored and name in given and not differences:
                now = _common(stored[name], given[name])
                differences = describe_difference({name: stored[name]}, {name: now})
        if differences:
            raise InputError(
                f"{self.path} was started with something else ({'; '.join(differences[:4])}): resume it with what it "
                "was started with, or start a new run in another folder."
            )

    def finished(self) -> dict[str, float] | None:
        """Return the metrics of the validation after the last step; None where the run has not come so far.

        Raises:
            InputError: the configuration of the run is damaged.
        """
        steps = self.config().get("loop", {}).get("steps")
        entries = [json.loads(line) for line in self._log_lines()] if self.best.is_file() else []
        last = [entry for entry in entries if entry["kind"] == "validation" and entry["step"] == steps]
        return {name: value for name, value in last[-1].items() if name not in ("step", "kind")} if last else None

    def open(self, config: dict[str, Any], *, step: int) -> None:
        """Make the folder ready to be written to, as it was at a step: what was logged after it goes."""
        from torch.utils.tensorboard import SummaryWriter

        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / CONFIG_NAME, json.dumps(config, indent=2, default=str) + "\n")
        lines = [line for line in self._log_lines() if json.loads(line)["step"] <= step] if step else []
        write_whole(self.path / LOG_NAME, "".join(f"{line}\n" for line in lines))
        self._tensorboard = SummaryWriter(str(self.path / TENSORBOARD_NAME), purge_step=step + 1 if step else None)

    def _log_lines(self) -> list[str]:
        """Whole lines of the log; a process that was killed may have left half of one."""
        path = self.path / LOG_NAME
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return [line for line in text.splitlines() if line.endswith("}")]

    def log(self, kind: str, step: int, values: dict[str, float], prefix: str = "") -> None:
        """Write values as one line of JSON and to TensorBoard."""
        entry = {"step": step, "kind": kind} | {name: round(value, 6) for name, value in values.items()}
        with (self.path / LOG_NAME).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        for name, value in values.items():
            self._tensorboard.add_scalar(f"{prefix}{name}", value, step)

    def show(self, strip: np.ndarray, step: int) -> None:
        """Write a strip of images, uint8 RGB (H, W, 3), as a file and to TensorBoard."""
        import cv2

        self._tensorboard.add_image("validation", strip, step, dataformats="HWC")
        cv2.imwrite(str(self.path / STRIP_NAME), cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Write a checkpoint; the one before it stays until the new one is whole."""
        # Through a file object: given a path, torch.save hides why it could not write.
        write_whole(self.checkpoint, lambda file: torch.save(state, file))

    def load_checkpoint(self) -> dict[str, Any]:
        """Read the checkpoint.

        Raises:
            InputError: the file is damaged.
        """
        import pickle

        try:
            return dict(torch.load(self.checkpoint, weights_only=True, map_location="cpu"))
        except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"{self.checkpoint} cannot be read ({reason}); start a new run.") from error

    def clear(self) -> None:
        """Take away what the run has left, so that another can begin here."""
        import shutil

        self.close()
        for name in (*OWN, CHECKPOINT_NAME):
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Write out what TensorBoard has not yet written."""
        if self._tensorboard is not None:
            self._tensorboard.close()
            self._tensorboard = None


def _common(stored: Any, given: Any) -> Any:
    """Leave out of what is given the settings that did not exist yet when the run was started."""
    if isinstance(stored, dict) and isinstance(given, dict):
        return {name: _common(stored[name], value) for name, value in given.items() if name in stored}
    return given


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


def translate_average(state: Mapping[str, Tensor], step: int) -> dict[str, Tensor]:
    """Return the running average of a checkpoint as `WeightAverage` saves it, which counts one more than the steps.

    Args:
        state: tensors by name, float or int (any shape); those of an earlier version lack the count.
        step: number of the last update.
    """
    if "n_averaged" in state:
        return dict(state)
    return {"n_averaged": torch.tensor(step + 1)} | {f"module.{name}": tensor for name, tensor in state.items()}


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

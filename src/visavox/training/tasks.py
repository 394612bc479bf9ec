"""Table of all training tasks; `visavox train NAME` is made from it.

A row names modules and imports none, so that the list is shown at once. To add a task, write a
`visavox.training.task.TrainingTask` and a dictionary of recipes, and add a row.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from visavox.errors import InputError

if TYPE_CHECKING:
    from visavox.training.recipe import Recipe
    from visavox.training.task import TrainingTask


@dataclass(frozen=True)
class TaskRow:
    """One kind of training."""

    title: str
    """One line for the list of tasks, which also heads the help of the command."""
    task: str
    """`module:class` of the task, a `TrainingTask`; its `inputs` become options."""
    recipes: str
    """`module:name` of its recipes, a dictionary by name; empty for a task that another command trains."""
    default: str = "compact"
    """Recipe that is taken when none is named."""
    data: Literal["DATASET", "PERSON"] = "DATASET"
    """Folder that it trains on: clips that `visavox prepare` wrote, or the data set of one person."""

    def load(self) -> type[TrainingTask]:
        """Import the task."""
        task: type[TrainingTask] = _named(self.task)
        return task

    def load_recipes(self) -> Mapping[str, Recipe[Any]]:
        """Import the recipes."""
        recipes: Mapping[str, Recipe[Any]] = _named(self.recipes)
        return recipes


_GENERATOR = "visavox.training.generator"
_MOTION = "visavox.training.motion"
_RADIANCE = "visavox.training.radiance"

TASKS: Mapping[str, TaskRow] = {
    "speech": TaskRow(
        "Train the speech branch of a compact generator, from landmarks; the first of three tasks",
        f"{_GENERATOR}.speech:SpeechTask",
        f"{_GENERATOR}.recipes:SPEECH_RECIPES",
    ),
    "expert": TaskRow(
        "Train an expert, which evaluates whether mouth and speech belong together",
        f"{_GENERATOR}.expert:ExpertTask",
        f"{_GENERATOR}.recipes:EXPERT_RECIPES",
    ),
    "features": TaskRow(
        "Train face features, through which a generator's images are compared with the true ones",
        f"{_GENERATOR}.features:FeaturesTask",
        f"{_GENERATOR}.recipes:FEATURES_RECIPES",
    ),
    "wav2lip": TaskRow(
        "Train a Wav2Lip generator, which generates the mouth",
        f"{_GENERATOR}.generator:GeneratorTask",
        f"{_GENERATOR}.recipes:WAV2LIP_RECIPES",
    ),
    "attn-wav2lip": TaskRow(
        "Train an AttnWav2Lip generator, which generates the mouth with attention and speech at several levels",
        f"{_GENERATOR}.generator:GeneratorTask",
        f"{_GENERATOR}.recipes:ATTN_WAV2LIP_RECIPES",
        default="attn-compact",
    ),
    "motion-dub": TaskRow(
        "Train a motion-driven generator; it goes on from a trained Wav2Lip",
        f"{_GENERATOR}.generator:GeneratorTask",
        f"{_GENERATOR}.recipes:MOTION_DUB_RECIPES",
        default="motion-compact",
    ),
    "adapt": TaskRow(
        "Fit a generator to one person, as `visavox adapt` does",
        f"{_GENERATOR}.adaptation:AdaptationTask",
        recipes="",
    ),
    "motion": TaskRow(
        "Train a motion VAE, which turns speech into the motion of a face",
        f"{_MOTION}.motion_vae:MotionVaeTask",
        f"{_MOTION}.recipes:MOTION_RECIPES",
    ),
    "motion-syncnet": TaskRow(
        "Train a motion SyncNet, which evaluates whether moving landmarks and speech belong together",
        f"{_MOTION}.motion_syncnet:MotionSyncNetTask",
        f"{_MOTION}.recipes:MOTION_SYNC_RECIPES",
    ),
    "postnet": TaskRow(
        "Train the post-net of one speaker of a data set, which brings motion into that speaker's domain",
        f"{_MOTION}.postnet:PostNetTask",
        f"{_MOTION}.recipes:POSTNET_RECIPES",
    ),
    "person-postnet": TaskRow(
        "Train the post-net of one person on their own data set, as `visavox avatar build` does",
        f"{_MOTION}.person_postnet:PersonPostNetTask",
        f"{_MOTION}.recipes:PERSON_POSTNET_RECIPES",
        data="PERSON",
    ),
    "head": TaskRow(
        "Train the Head-NeRF of one person",
        f"{_RADIANCE}.head:HeadTask",
        f"{_RADIANCE}.recipes:HEAD_RECIPES",
        default="cpu",
        data="PERSON",
    ),
    "torso": TaskRow(
        "Train the Torso-NeRF of one person, under their head",
        f"{_RADIANCE}.torso:TorsoTask",
        f"{_RADIANCE}.recipes:TORSO_RECIPES",
        default="cpu",
        data="PERSON",
    ),
}
"""Name to task, in the order in which they are listed."""


def commands() -> tuple[str, ...]:
    """Return the names of the tasks that are sub-commands of `visavox train`."""
    return tuple(name for name, row in TASKS.items() if row.recipes)


def find_task(name: str) -> TaskRow:
    """Find a task by name.

    Raises:
        InputError: there is no such task.
    """
    if name not in TASKS:
        raise InputError(f"there is no training task {unknown(name, TASKS, 'tasks')}")
    return TASKS[name]


def find_recipe(task: str, name: str) -> Recipe[Any]:
    """Find a recipe of a task by name.

    Raises:
        InputError: there is no such task, or it has no such recipe.
    """
    recipes = find_task(task).load_recipes()
    if name not in recipes:
        raise InputError(f"there is no recipe {unknown(name, recipes, f'recipes of {task}')}")
    return recipes[name]


def unknown(name: str, known: Iterable[str], noun: str) -> str:
    """Return the end of a sentence about a name that is not known, with the nearest one that is."""
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=1)
    guess = f" (did you mean {nearest[0]!r}?)" if nearest else ""
    return f"{name!r}{guess}; the {noun} are {', '.join(names)}"


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)

from .loop import RunComplete
from .recipe import SHIPPED_SYNCNET, Inputs, LoopSettings, Recipe, RunSettings, make_fabric, steps_within
from .run import measure_pace, train
from .run_folder import BEST_NAME, RunFolder
from .task import TrainingTask
from .tasks import TASKS, commands, find_recipe, unknown

__all__ = [
    "BEST_NAME",
    "SHIPPED_SYNCNET",
    "TASKS",
    "Inputs",
    "LoopSettings",
    "Recipe",
    "RunComplete",
    "RunFolder",
    "RunSettings",
    "TrainingTask",
    "commands",
    "find_recipe",
    "make_fabric",
    "measure_pace",
    "steps_within",
    "train",
    "unknown",
]

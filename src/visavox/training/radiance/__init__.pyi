from .person import camera_of, load_patch_loss, mean_known, spread_out, stored_frame
from .recipes import HEAD_RECIPES, TORSO_RECIPES, HeadRecipe, TorsoRecipe, divide, measure_paces
from .torso import TorsoInputs, seam

__all__ = [
    "HEAD_RECIPES",
    "TORSO_RECIPES",
    "HeadRecipe",
    "TorsoInputs",
    "TorsoRecipe",
    "camera_of",
    "divide",
    "load_patch_loss",
    "mean_known",
    "measure_paces",
    "seam",
    "spread_out",
    "stored_frame",
]

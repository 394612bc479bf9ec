from .person_postnet import PersonPostNetInputs
from .postnet import is_worth_having
from .postnet_sources import Draw, TooLittleSpeech, drawn_motion, true_motion
from .recipes import PERSON_POSTNET_RECIPES, PostNetRecipe
from .speech import TRUE_MOTION, load_pair

__all__ = [
    "PERSON_POSTNET_RECIPES",
    "TRUE_MOTION",
    "Draw",
    "PersonPostNetInputs",
    "PostNetRecipe",
    "TooLittleSpeech",
    "drawn_motion",
    "is_worth_having",
    "load_pair",
    "true_motion",
]

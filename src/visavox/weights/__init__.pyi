from .checkpoint import load_model, motion_basis_of, read_tensors, save_model, write_weights
from .digest import short_weights_digest, weights_digest
from .edit import interpolate, swap_speech_branch
from .importer import import_model
from .networks import NETWORKS, build_generator, build_network, network_of
from .published_weights import load_inception, load_lpips
from .registry import WEIGHTS_FOLDER, card_text, find_model, list_models, model_info
from .version_1 import converted_checkpoint, converted_config, converted_part
from .weights_file import FORMAT_VERSION, ModelCard, ModelInfo, edited, read_info

__all__ = [
    "FORMAT_VERSION",
    "NETWORKS",
    "WEIGHTS_FOLDER",
    "ModelCard",
    "ModelInfo",
    "build_generator",
    "build_network",
    "card_text",
    "converted_checkpoint",
    "converted_config",
    "converted_part",
    "edited",
    "find_model",
    "import_model",
    "interpolate",
    "list_models",
    "load_inception",
    "load_lpips",
    "load_model",
    "model_info",
    "motion_basis_of",
    "network_of",
    "read_info",
    "read_tensors",
    "save_model",
    "short_weights_digest",
    "swap_speech_branch",
    "weights_digest",
    "write_weights",
]

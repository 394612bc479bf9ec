from .compiled import check_compiler, compile_networks
from .field import Condition, Views
from .frequency_field import FrequencyFieldConfig
from .grid_field import GridFieldConfig
from .head import Head, HeadConfig, HeadImage
from .landmark_encoder import LandmarkEncoderConfig
from .rays import Camera, Rays, cast_rays, scaled
from .torso import DeformationConfig, Torso, TorsoConfig, TorsoQuery

__all__ = [
    "Camera",
    "Condition",
    "DeformationConfig",
    "FrequencyFieldConfig",
    "GridFieldConfig",
    "Head",
    "HeadConfig",
    "HeadImage",
    "LandmarkEncoderConfig",
    "Rays",
    "Torso",
    "TorsoConfig",
    "TorsoQuery",
    "Views",
    "cast_rays",
    "check_compiler",
    "compile_networks",
    "scaled",
]

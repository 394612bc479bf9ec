from .attn_wav2lip import AttnWav2LipConfig, AttnWav2LipRenderer
from .conditioners import (
    AudioEncoder,
    AudioEncoderConfig,
    MotionConditioner,
    MouthMotion,
    MouthMotionConfig,
    SpeechBranch,
)
from .discriminator import QualityDiscriminator, QualityDiscriminatorConfig
from .generator import SPEECH_BRANCH, GeneratorConfig, LipSyncGenerator, composited
from .motion_basis import (
    MotionBasis,
    StoredBasis,
    basis_of,
    fit_motion_basis,
    frontal_mouths,
    lip_opening,
    load_basis,
    save_basis,
)
from .mouth_code import MouthCode, fit_mouth_code
from .renderer import Layers
from .spec import LOWER_HALF, AudioSpec, GeneratorSpec, RegionSpec
from .speech_branch import UNBOUNDED, MotionPredictor, SpeechBranchConfig
from .wav2lip import Wav2LipConfig, Wav2LipRenderer

__all__ = [
    "LOWER_HALF",
    "SPEECH_BRANCH",
    "UNBOUNDED",
    "AttnWav2LipConfig",
    "AttnWav2LipRenderer",
    "AudioEncoder",
    "AudioEncoderConfig",
    "AudioSpec",
    "GeneratorConfig",
    "GeneratorSpec",
    "Layers",
    "LipSyncGenerator",
    "MotionBasis",
    "MotionConditioner",
    "MotionPredictor",
    "MouthCode",
    "MouthMotion",
    "MouthMotionConfig",
    "QualityDiscriminator",
    "QualityDiscriminatorConfig",
    "RegionSpec",
    "SpeechBranch",
    "SpeechBranchConfig",
    "StoredBasis",
    "Wav2LipConfig",
    "Wav2LipRenderer",
    "basis_of",
    "composited",
    "fit_motion_basis",
    "fit_mouth_code",
    "frontal_mouths",
    "lip_opening",
    "load_basis",
    "save_basis",
]

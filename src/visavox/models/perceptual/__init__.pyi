from .face_embedding import FACE_SIZE, FaceEmbedding
from .face_features import FaceDecoder, MouthPerceptualNet, MouthPerceptualNetConfig
from .inception import FidInception
from .lpips import STACKS, Lpips

__all__ = [
    "FACE_SIZE",
    "STACKS",
    "FaceDecoder",
    "FaceEmbedding",
    "FidInception",
    "Lpips",
    "MouthPerceptualNet",
    "MouthPerceptualNetConfig",
]

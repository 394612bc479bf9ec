"""Facts about the published weights of Wav2Lip and SyncNet, and about files that are taken for them."""

from __future__ import annotations

OUTPUT_LAYER = "output_block.1"
"""The layer of the generator that gives the image."""

OTHER_NETWORKS = {
    "conv3_3_norm.": "the face detector S3FD, which visavox does not need",
    "style_convs.": "a face restoration network (GFPGAN)",
    "stylegan_decoder.": "a face restoration network (GFPGAN)",
}
"""Prefixes of keys of networks that lie beside Wav2Lip's in many downloads."""

COMMUNITY_GENERATORS = {
    (8, False): "the community's generator for faces of 256 pixels (wav2lip256)",
    (8, True): "a generator of the community for faces of 192 to 384 pixels (wav2lip384 and relatives)",
    (9, False): "the community's generator for faces of 288 pixels (wav2lip_288x288)",
    (9, True): "a generator of the community for faces of 384 pixels (wav2lip_288x288)",
    (10, False): "a generator of the community for faces of 512 pixels (wav2lip_288x288)",
}
"""Stages of the face encoder, and whether there is spatial attention, of networks in public repositories."""

PUBLISHED_FILES = {
    "b78b681b68ad9fe6c6fb1debc6ff43ad05834a8af8a62ffc4167b7b34ef63c37": "wav2lip.pth",
    "ca9ab7b7b812c0e80a6e70a5977c545a1e8a365a6c49d5e533023c034d7ac3d8": "wav2lip_gan.pth",
    "9b9936c721696446eeed353032cab242a8cf0eed8c46cde540366f6ae5493be5": "lipsync_expert.pth",
    "b3f8f6f7e954af02f2ffe0f3ea11f3259af89bff6e70933001c7c6bc8c145d96": "visual_quality_disc.pth",
    "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442": "syncnet_v2.model",
}
"""SHA-256 of the files, as mirrors (and for SyncNet those who took it from its own page) give it; there is no official
list."""

PUBLISHED_LICENCE = (
    "The published Wav2Lip weights are for personal, research and non-commercial use only (README of Rudrabha/Wav2Lip)."
)

SYNCNET_LICENCE = (
    "The code of joonson/syncnet_python is under the MIT licence; its weights are offered for download beside it with "
    "no licence of their own."
)

WAV2LIP_TRAINING = "Published with the paper of Prajwal et al. (ACM MM 2020), trained on LRS2"

SYNCNET_TRAINING = "Published with the paper of Chung & Zisserman (ACCV workshops 2016), trained on BBC television"

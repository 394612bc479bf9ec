"""Map of the house: each published method with its networks, training tasks, weights and pages.

Names only, so that reading it loads nothing; `tests/test_methods.py` holds every name to the table that it is from.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method, and where its parts are."""

    title: str
    """Its name in sentences."""
    paper: str
    """Authors, venue and year."""
    networks: tuple[str, ...]
    """Networks, by their names in `visavox.weights.networks.NETWORKS`."""
    tasks: tuple[str, ...]
    """Training tasks, by their names in `visavox.training.tasks.TASKS`."""
    weights: tuple[str, ...]
    """Shipped weights, by name; their cards lie beside them."""
    page: str
    """Page of the documentation, in `docs/`."""
    packages: tuple[str, ...]
    """Packages and modules that hold it, from the network to the result."""


METHODS = {
    "wav2lip": Method(
        title="Wav2Lip",
        paper="Prajwal, Mukhopadhyay, Namboodiri, Jawahar: ACM Multimedia 2020",
        networks=("wav2lip", "expert", "quality", "face_features", "syncnet", "reduced_whisper"),
        tasks=("speech", "expert", "features", "wav2lip", "motion-dub", "adapt"),
        weights=("wav2lip", "motion-dub", "expert", "face-features", "speech-encoder"),
        page="wav2lip.md",
        packages=(
            "models.speech",
            "speech",
            "models.generator",
            "models.sync",
            "data.generator",
            "training.generator",
            "dubbing",
            "adaptation",
        ),
    ),
    "attn-wav2lip": Method(
        title="LPIPS-AttnWav2Lip",
        paper="Chen, Wang, Xie, Yuan, Pan: Speech Communication 2024",
        networks=("attn_wav2lip",),
        tasks=("attn-wav2lip",),
        weights=("attn-wav2lip",),
        page="attn-wav2lip.md",
        packages=("models.generator.attn_wav2lip", "losses.perceptual", "training.generator", "dubbing"),
    ),
    "geneface": Method(
        title="GeneFace",
        paper="Ye, Jiang, Ren, Liu, He, Zhao: ICLR 2023",
        networks=("motion_vae", "motion_syncnet", "postnet", "motion_critic", "head", "torso"),
        tasks=("motion", "motion-syncnet", "postnet", "person-postnet", "head", "torso"),
        weights=("motion", "motion-syncnet", "postnet-grid-s1"),
        page="geneface.md",
        packages=(
            "models.motion",
            "models.radiance",
            "data.motion",
            "data.radiance",
            "training.motion",
            "training.radiance",
            "motion",
            "avatar",
        ),
    ),
}
"""Name to method."""

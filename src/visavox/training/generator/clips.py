"""Training and validation clips of a prepared data set, their mouths in one motion basis, and their batches."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visavox.data.generator import AudioAugmentation, ClipStore, load_store
from visavox.errors import InputError
from visavox.losses import region_weight
from visavox.models.generator import AudioSpec, MotionBasis, RegionSpec, load_basis, save_basis
from visavox.training.run_folder import BASIS_NAMES, RunFolder
from visavox.training.task import Batch, Context
from visavox.types import PathLike
from visavox.weights import model_info, motion_basis_of

logger = logging.getLogger(__name__)
NUM_MOTIONS = 8
"""Numbers that describe a mouth where the network itself does not say how many."""


class PreparedBatch:
    """Batch as the networks take it: frames folded into the batch, images in [0, 1], the region hidden."""

    def __init__(self, batch: Batch, region: RegionSpec, mouth_weight: float) -> None:
        faces = batch["faces"]
        self.num_samples, self.num_frames = faces.shape[:2]
        size = faces.shape[-1]
        self.truth = (faces.flatten(0, 1).float() / 255).contiguous(memory_format=torch.channels_last)
        reference = (batch["reference"].float() / 255).repeat_interleave(self.num_frames, dim=0)
        hidden = region.hide(self.truth)
        self.faces = torch.cat([hidden, reference], dim=1).contiguous(memory_format=torch.channels_last)
        self.features = batch["features"].flatten(0, 1) if "features" in batch else None
        self.motion = batch["motion"].flatten(0, 1)
        rows = torch.arange(size, device=self.truth.device)
        self.region = (rows >= region.top(size)).float()[:, None] * 2
        self.weight = region_weight(batch["mouth"].flatten(0, 1), size, mouth_weight=mouth_weight, border=size // 16)


def side_by_side(columns: list[Tensor]) -> np.ndarray:
    """Put the first image of each column side by side: uint8 RGB (H, W * columns, 3)."""
    images = [column[0].float().clamp(0, 1).permute(1, 2, 0).cpu().numpy() for column in columns]
    return (np.concatenate(images, axis=1) * 255).round().astype(np.uint8)


def sharpness(generated: Tensor, truth: Tensor, weight: Tensor) -> float:
    """Ratio of the finite differences of generated and true images, 1 where they are as sharp as the truth.

    Args:
        generated: (B, 3, H, W) in [0, 1].
        truth: (B, 3, H, W) in [0, 1].
        weight: (B, 1, H, W), where it counts.
    """
    differences = [
        float(((image[..., 1:] - image[..., :-1]).abs() * weight[..., 1:]).mean()) for image in (generated, truth)
    ]
    return differences[0] / max(differences[1], 1e-6)


@dataclass(frozen=True)
class ClipSplits:
    """Clips to train on and clips to validate by."""

    train: ClipStore
    """Clips of the training speakers."""
    validation: ClipStore
    """Clips of speakers that are not trained on."""
    basis: MotionBasis | None = None
    """Motion basis in which all mouths are described; None where nothing describes them."""

    @classmethod
    def load(
        cls,
        dataset: PathLike,
        num_motions: int,
        context: Context,
        *,
        audio: AudioSpec | None = None,
        augmentation: AudioAugmentation | None = None,
        start: str | None = None,
    ) -> ClipSplits:
        """Load a prepared data set.

        Args:
            dataset: folder that `visavox prepare` wrote.
            num_motions: numbers that describe a mouth.
            context: of the task; a resumed run keeps its motion basis.
            audio: audio features that drive a generator; none by default.
            augmentation: changed copies of the audio to train with; none by default.
            start: weights whose motion basis is taken over; a new one by default.

        Raises:
            InputError: the data set, or the motion basis, cannot be used.
        """
        train = load_store(Path(dataset), "train", progress=context.progress)
        validation = load_store(Path(dataset), "validation", progress=context.progress)
        basis = _basis(dataset, train, num_motions, context, start)
        for store, copies in ((train, augmentation), (validation, None)):
            store.apply_basis(basis)
            if audio is not None:
                store.apply_audio(audio, dataset, augmentation=copies, seed=context.seed, progress=context.progress)
        return cls(train, validation, basis)

    def save_basis(self, run: RunFolder) -> None:
        """Write the motion basis into the folder of a run, so that it keeps it when it is resumed."""
        if self.basis is not None:
            run.path.mkdir(parents=True, exist_ok=True)
            save_basis(self.basis, run.path / BASIS_NAMES[0])


def _basis(dataset: PathLike, train: ClipStore, num_motions: int, context: Context, start: str | None) -> MotionBasis:
    """Find the motion basis of the weights that this run goes on from, or fit one of its own.

    It travels with the weights: a network that was taught one motion basis understands no other.
    """
    if context.resume:
        for name in BASIS_NAMES:
            kept = load_basis(context.run.path / name) if (context.run.path / name).is_file() else None
            # One of another size is of another recipe, and the run says so when its settings are compared.
            if kept is not None and kept.num_motions == num_motions:
                return kept
    basis = None if start is None else motion_basis_of(model_info(start))
    if basis is None:
        if start is not None:
            logger.warning(
                "%s does not hold its motion basis; a new one is made of %s, which is right only if that is what the "
                "weights were trained on",
                start,
                dataset,
            )
        return train.fit_basis(num_motions)
    if basis.num_motions != num_motions:
        raise InputError(
            f"the motion basis of {start} has {basis.num_motions} numbers, and the recipe {num_motions}; give weights "
            "of the same recipe"
        )
    return basis

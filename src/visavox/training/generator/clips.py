"""Training and validation clips of a prepared data set, with mouths described in one motion basis."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from visavox.data.generator.clip_store import ClipStore, load_store
from visavox.data.generator.mouth_motion import MotionBasis, load_basis, save_basis
from visavox.errors import InputError
from visavox.training.run_folder import RunFolder
from visavox.training.task import Context
from visavox.types import PathLike
from visavox.weights.motion_terms import terms_path
from visavox.weights.registry import find_model

logger = logging.getLogger(__name__)

NUM_MOTIONS = 8
"""Numbers that describe a mouth where the network itself does not say how many."""


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
    def load(cls, dataset: PathLike, num_motions: int, context: Context, *, start: str | None = None) -> ClipSplits:
        """Load a prepared data set.

        Args:
            dataset: folder that `visavox prepare` wrote.
            num_motions: numbers that describe a mouth.
            context: of the task; a resumed run keeps its motion basis.
            start: weights whose motion basis is taken over; a new one by default.

        Raises:
            InputError: the data set, or the motion basis, cannot be used.
        """
        train = load_store(Path(dataset), "train", progress=context.progress)
        validation = load_store(Path(dataset), "validation", progress=context.progress)
        basis = _basis(dataset, train, num_motions, context, start)
        for store in (train, validation):
            store.apply_basis(basis)
        return cls(train, validation, basis)

    def save_basis(self, run: RunFolder) -> None:
        """Write the motion basis beside the weights that a run will write."""
        if self.basis is not None:
            run.path.mkdir(parents=True, exist_ok=True)
            save_basis(self.basis, terms_path(run.best))


def _basis(dataset: PathLike, train: ClipStore, num_motions: int, context: Context, start: str | None) -> MotionBasis:
    """Find the motion basis of the weights that this run goes on from, or fit one of its own.

    It lies beside the weights: a network that was taught one motion basis understands no other.
    """
    path = terms_path(context.run.best)
    if context.resume and path.is_file():
        return load_basis(path)
    if start is not None and terms_path(find_model(start)).is_file():
        basis = load_basis(terms_path(find_model(start)))
    else:
        if start is not None:
            logger.warning(
                "%s has no motion basis beside it (%s); a new one is made of %s, which is right only if that is what "
                "the weights were trained on",
                start,
                terms_path(Path(start)).name,
                dataset,
            )
        basis = train.fit_basis(num_motions)
    if basis.num_motions != num_motions:
        raise InputError(
            f"the motion basis beside {start} has {basis.num_motions} numbers, and the recipe {num_motions}; give "
            "weights of the same recipe"
        )
    return basis

"""Task that trains the post-net of one person on their own data set, as `visavox avatar build` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from visavox.data.radiance import PersonData
from visavox.training.motion.postnet import PostNetTask
from visavox.training.motion.postnet_sources import PostNetSettings, drawn_motion, person_clips, person_sources
from visavox.training.motion.speech import find_features, load_motions, load_pair
from visavox.training.recipe import SHIPPED_MOTION, SHIPPED_SYNCNET, Inputs
from visavox.training.task import Context, PersonTask


@dataclass(frozen=True, kw_only=True)
class PersonPostNetInputs(Inputs):
    """Weights, and other speakers, that a person's post-net is trained with."""

    weights: ClassVar[tuple[str, ...]] = ("motion", "sync")

    motion: str = SHIPPED_MOTION
    """Motion VAE whose motion comes in: a name, or the best.safetensors of the task `motion`."""
    sync: str = SHIPPED_SYNCNET
    """Motion SyncNet of the sync loss: a name, or the best.safetensors of the task `motion-syncnet`."""
    others: Path | None = None
    """Prepared clips of other speakers, whose speech is taken too, and whose validation speakers measure."""


class PersonPostNetTask(PersonTask, PostNetTask):
    """Trains a post-net by the motion that the motion VAE draws for the person's own speech.

    The last clips of the training part are not trained on: they choose the weights.
    """

    inputs = PersonPostNetInputs
    restarts = 3
    single_process = True

    @classmethod
    def create(cls, settings: PostNetSettings, data: Any, inputs: Any, context: Context) -> PersonPostNetTask:
        """Load data set and weights, draw the motion that comes in, and build the networks.

        Raises:
            InputError: a data set or a weights file cannot be used; `TooLittleSpeech` where the data does not
                suffice.
        """
        person = PersonData.load(data)
        syncnet, vae = load_pair(inputs.sync, inputs.motion, context.device)
        features = find_features(syncnet.config.features, syncnet.config.feature_size)
        sources = person_sources(
            person_clips(person, features, settings.num_frames),
            drawn_motion(vae, settings.num_draws, settings.temperature),
            settings.held_out,
            None if inputs.others is None else load_motions(inputs.others, features, context.progress),
            num_clips=settings.num_clips,
            progress=context.progress,
        )
        return cls(settings, sources, syncnet, device=context.device, seed=context.seed)

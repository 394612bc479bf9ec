"""Weights that a new run of a generator starts from."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace

from torch import Tensor

from visavox.errors import InputError
from visavox.models.generator.base import SPEECH_BRANCH, Generator, GeneratorConfig
from visavox.models.generator.motion_driven import MotionDubConfig
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.weights.checkpoint import load_model
from visavox.weights.networks import NETWORKS, network_of

logger = logging.getLogger(__name__)


def load_start(start: str, config: GeneratorConfig) -> dict[str, Tensor]:
    """Load the weights that a generator of these dimensions can begin with.

    From the same network: all of them. A motion-driven generator takes all but the speech branch from a Wav2Lip of
    the same dimensions. From another network: those of the speech branch, if it takes the same audio and predicts the
    same motion; the rest begins untrained, and that is said.

    Args:
        start: name or path of a generator's weights.
        config: dimensions of the generator that is to be trained.

    Returns:
        Part or all of the generator's state dict.

    Raises:
        InputError: there is no such file, it holds no generator, or one that does not fit.
    """
    begun = load_model(start)
    if not isinstance(begun, Generator):
        noun = NETWORKS[network_of(begun.config)].noun
        raise InputError(f"{start} is {noun}; a generator starts from the weights of a generator")
    state = begun.state_dict()
    if begun.config == config:
        return state
    if isinstance(config, MotionDubConfig) and _renderer(begun.config) == _renderer(config):
        return {name: tensor for name, tensor in state.items() if not name.startswith(SPEECH_BRANCH)}
    if type(begun.config) is type(config):
        raise InputError(f"{start} has other dimensions than the recipe's generator; give weights of the same recipe")
    given, wanted = NETWORKS[network_of(begun.config)].noun, NETWORKS[network_of(config)].noun
    if (
        config.motion is None
        or isinstance(config, MotionDubConfig)
        or _speech_branch(begun.config) != _speech_branch(config)
    ):
        raise InputError(
            f"{start} is {given}, of which {wanted} can take the speech branch alone, and the recipe's has "
            f"{'none' if config.mel_window == 0 or config.motion is None else 'other dimensions'}; give weights of the "
            "same recipe"
        )
    logger.warning(
        "of %s, which is %s, the speech branch is taken; all else of %s, which is trained here, begins untrained",
        start,
        given,
        wanted,
    )
    return {name: tensor for name, tensor in state.items() if name.startswith(SPEECH_BRANCH)}


def _renderer(config: GeneratorConfig) -> dict[str, object] | None:
    """Return the dimensions of the renderer, of a Wav2Lip or of a motion-driven one."""
    if not isinstance(config, Wav2LipConfig):
        return None
    return asdict(replace(Wav2LipConfig(**vars(config)), mel_window=0, mel_lead=0, audio_channels=()))


def _speech_branch(config: GeneratorConfig) -> tuple[object, ...]:
    """Return the dimensions that a speech branch depends on."""
    return config.motion, config.mel_window, config.mel_lead

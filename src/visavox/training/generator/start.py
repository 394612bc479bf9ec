"""Weights that a new run of a generator starts from."""

from __future__ import annotations

import logging
from dataclasses import replace

from torch import Tensor

from visavox.errors import InputError
from visavox.models.generator.conditioners import MouthMotionConfig
from visavox.models.generator.generator import SPEECH_BRANCH, GeneratorConfig, LipSyncGenerator
from visavox.models.generator.speech_branch import SpeechBranchConfig
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
        Part or all of the generator's state dict, float or int (any shape).

    Raises:
        InputError: there is no such file, it holds no generator, or one that does not fit.
    """
    begun = load_model(start)
    if not isinstance(begun, LipSyncGenerator):
        noun = NETWORKS[network_of(begun.config)].noun
        raise InputError(f"{start} is {noun}; a generator starts from the weights of a generator")
    state, given = begun.state_dict(), begun.config
    if given == config:
        return state
    if isinstance(config.conditioner, MouthMotionConfig) and _driven_by_motion(given) == config:
        return {name: tensor for name, tensor in state.items() if not name.startswith(SPEECH_BRANCH)}
    if type(given.renderer) is type(config.renderer):
        raise InputError(f"{start} has other dimensions than the recipe's generator; give weights of the same recipe")
    noun, wanted = NETWORKS[network_of(given)].noun, NETWORKS[network_of(config)].noun
    own_branch = isinstance(config.conditioner, SpeechBranchConfig)
    if not own_branch or (given.conditioner, given.spec.audio) != (config.conditioner, config.spec.audio):
        raise InputError(
            f"{start} is {noun}, of which {wanted} can take the speech branch alone, and the recipe's has "
            f"{'other dimensions' if own_branch else 'none'}; give weights of the same recipe"
        )
    logger.warning(
        "of %s, which is %s, the speech branch is taken; all else of %s, which is trained here, begins untrained",
        start,
        noun,
        wanted,
    )
    return {name: tensor for name, tensor in state.items() if name.startswith(SPEECH_BRANCH)}


def _driven_by_motion(config: GeneratorConfig) -> GeneratorConfig | None:
    """Return what a generator with a speech branch is without it: the same renderer, driven by motion."""
    branch = config.conditioner
    if not isinstance(branch, SpeechBranchConfig):
        return None
    conditioner = MouthMotionConfig(branch.num_motions, branch.condition)
    return replace(config, spec=replace(config.spec, audio=None), conditioner=conditioner)

"""Another pair of ears: the speech branch of one generator under the painter of another.

A speech branch says what a mouth does, a painter what that looks like, and both are trained apart. Where they describe
a mouth in the same terms, the one can be exchanged without the other learning anything anew: a speech branch for more
languages is trained in minutes, a painter in hours.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from visavox.errors import InputError
from visavox.models.generator.base import SPEECH_BRANCH
from visavox.runtime.json_records import from_mapping
from visavox.types import PathLike
from visavox.weights.checkpoint import write_weights
from visavox.weights.motion_terms import same_terms, terms_path
from visavox.weights.networks import NETWORKS
from visavox.weights.output_file import check_weights_output
from visavox.weights.registry import find_model
from visavox.weights.weights_file import ModelInfo, metadata, read_info


def graft_speech_branch(painter: PathLike, speech: PathLike, output: PathLike, *, overwrite: bool = False) -> ModelInfo:
    """Write a generator that hears as one and paints as another.

    Args:
        painter: name or path of a generator with a speech branch.
        speech: name or path of another, of any such network, trained with the painter as its `--start`.
        output: the `.safetensors` file to write, in half precision; the painter's NAME.motion.npz comes along.
        overwrite: replace `output` if it is there.

    Returns:
        What is known of the new file; its quality is not known, for it was not measured.

    Raises:
        InputError: the two do not fit each other, or the output cannot be written.
    """
    paths, output = (find_model(painter), find_model(speech)), Path(output)
    check_weights_output(output, *paths, overwrite=overwrite)
    body, ears = (read_info(path) for path in paths)
    _check_fit(body, ears)
    kept, taken = (safetensors.torch.load_file(path) for path in paths)
    tensors = {key: _half(tensor) for key, tensor in kept.items() if not key.startswith(SPEECH_BRANCH)}
    tensors |= {key: _half(tensor) for key, tensor in taken.items() if key.startswith(SPEECH_BRANCH)}
    hearing = {key: ears.config[key] for key in ("motion", "mel_window", "mel_lead")}
    config: Any = from_mapping(NETWORKS[body.network].config, {**body.config, **hearing})
    training = f"painter: {body.card.training}; speech branch: {ears.card.training}"
    licences = dict.fromkeys((body.card.licence, ears.card.licence))
    card = replace(body.card, training=training, licence=" ".join(licences), quality={})
    write_weights(output, tensors, metadata(body.network, config, card))
    shutil.copyfile(terms_path(paths[0]), terms_path(output))
    return read_info(output)


def _check_fit(body: ModelInfo, ears: ModelInfo) -> None:
    """Refuse what has no speech branch, and branches that the painter would not understand."""
    for info in (body, ears):
        if not info.config.get("motion") or not info.mel_window:
            raise InputError(f"{info.path} has no speech branch; give generators that have one, such as wav2lip")
        if not terms_path(info.path).is_file():
            raise InputError(
                f"{info.path} has no {terms_path(info.path).name} beside it, which says how it describes a mouth; "
                "get it again with its weights"
            )
    same_size = all(body.config["motion"][key] == ears.config["motion"][key] for key in ("num_motions", "condition"))
    if not same_size or not same_terms(terms_path(body.path), terms_path(ears.path)):
        raise InputError(
            f"{ears.path} describes mouths in other terms than {body.path}; train it with "
            f"`visavox train speech DATASET --start {body.name}`"
        )


def _half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor

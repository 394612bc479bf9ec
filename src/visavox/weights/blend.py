"""Weights between two: the numbers of one file, drawn some way towards those of another.

Of weights and what they were fine-tuned to, the straight way between them works all along (Wortsman et al., "Robust
fine-tuning of zero-shot models", 2022). A discriminator makes a painter sharper than the truth and a little less exact;
half-way, most of the one is won and little of the other is lost.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from visavox.errors import InputError
from visavox.runtime.json_records import from_mapping
from visavox.types import PathLike
from visavox.weights.checkpoint import first_misfit, write_weights
from visavox.weights.motion_terms import terms_path
from visavox.weights.networks import NETWORKS
from visavox.weights.output_file import check_weights_output
from visavox.weights.registry import find_model
from visavox.weights.weights_file import ModelInfo, metadata, read_info


def blend_models(
    first: PathLike, second: PathLike, output: PathLike, *, share: float = 0.5, overwrite: bool = False
) -> ModelInfo:
    """Write weights that lie between two.

    Args:
        first: name or path of weights.
        second: weights of the same network that were trained on from the first.
        output: the `.safetensors` file to write, in half precision. A file NAME.motion.npz beside the second comes
            along.
        share: of the second, 0 to 1.
        overwrite: replace `output` if it is there.

    Returns:
        What is known of the new file; its quality is not known, for it was not measured.

    Raises:
        InputError: the two do not belong together, `share` is out of range, or the output cannot be written.
    """
    if not 0 <= share <= 1:
        raise InputError(f"a share of {share:g}; give one from 0 (the first weights) to 1 (the second)")
    paths, output = (find_model(first), find_model(second)), Path(output)
    check_weights_output(output, *paths, overwrite=overwrite)
    one, other = (read_info(path) for path in paths)
    tensors, wanted = (safetensors.torch.load_file(path) for path in paths)
    if one.network != other.network or one.config != other.config or first_misfit(tensors, wanted):
        raise InputError(
            f"{first} and {second} are not weights of the same network; blend weights with what they became"
        )
    blended = {key: _between(tensor, wanted[key], share) for key, tensor in tensors.items()}
    training = f"{one.card.training}; then, to a share of {share:g}: {other.card.training}"
    card = replace(other.card, training=training, quality={})
    config: Any = from_mapping(NETWORKS[other.network].config, other.config)
    write_weights(output, blended, metadata(other.network, config, card))
    if terms_path(paths[1]).is_file():
        shutil.copyfile(terms_path(paths[1]), terms_path(output))
    return read_info(output)


def _between(one: Tensor, other: Tensor, share: float) -> Tensor:
    if not other.is_floating_point():
        return other
    return torch.lerp(one.float(), other.float(), share).half().contiguous()

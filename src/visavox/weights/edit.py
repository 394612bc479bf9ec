"""Weights made from weights: another speech branch for a renderer, and the interpolation of two files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from visavox.errors import InputError
from visavox.models.generator import SPEECH_BRANCH
from visavox.types import PathLike
from visavox.weights.checkpoint import first_misfit, motion_basis_of, read_tensors, stored, write_weights
from visavox.weights.registry import find_model
from visavox.weights.weights_file import Header, ModelInfo, check_weights_output, edited, read_info


def swap_speech_branch(renderer: PathLike, speech: PathLike, output: PathLike, *, overwrite: bool = False) -> ModelInfo:
    """Write a generator with the speech branch of one and the renderer of another.

    A speech branch predicts what a mouth does, a renderer makes images of that, and both are trained apart. Where they
    describe a mouth in the same basis, the one can be exchanged without the other learning again: a speech branch for
    more languages is trained in minutes, a renderer in hours.

    Args:
        renderer: name or path of a generator with a speech branch.
        speech: name or path of another, of any such network, trained with the first as its `--start`.
        output: the `.safetensors` file to write, in half precision.
        overwrite: replace `output` if it is there.

    Returns:
        What is known of the new file; its quality is not known, for it was not measured.

    Raises:
        InputError: the two do not fit each other, or the output cannot be written.
    """
    kept, taken, target = _checked(renderer, speech, output, overwrite)
    _check_fit(kept, taken)
    assert kept.spec is not None
    assert taken.spec is not None
    tensors = {key: tensor for key, tensor in read_tensors(kept).items() if not key.startswith(SPEECH_BRANCH)}
    tensors |= {key: tensor for key, tensor in read_tensors(taken).items() if key.startswith(SPEECH_BRANCH)}
    licences = dict.fromkeys((kept.card.licence, taken.card.licence))
    card = replace(
        kept.card,
        training=f"renderer: {kept.card.training}; speech branch: {taken.card.training}",
        licence=" ".join(licences),
        quality={},
    )
    changes: dict[str, Any] = {
        "spec": replace(kept.spec, audio=taken.spec.audio),
        "conditioner": taken.conditioner,
    }
    return _written(target, tensors, edited(kept, card, **changes))


def interpolate(
    first: PathLike, second: PathLike, output: PathLike, *, share: float = 0.5, overwrite: bool = False
) -> ModelInfo:
    """Write weights that lie between two.

    Between weights and what they were fine-tuned to, the straight line works all along (Wortsman et al., "Robust
    fine-tuning of zero-shot models", 2022). A discriminator makes a renderer sharper than the truth and a little less
    exact; half-way, most of the one is won and little of the other is lost.

    Args:
        first: name or path of weights.
        second: weights of the same network that were trained on from the first.
        output: the `.safetensors` file to write, in half precision.
        share: of the second, 0 to 1.
        overwrite: replace `output` if it is there.

    Returns:
        What is known of the new file; its quality is not known, for it was not measured.

    Raises:
        InputError: the two do not belong together, `share` is out of range, or the output cannot be written.
    """
    if not 0 <= share <= 1:
        raise InputError(f"a share of {share:g}; give one from 0 (the first weights) to 1 (the second)")
    one, other, target = _checked(first, second, output, overwrite)
    tensors, wanted = read_tensors(one), read_tensors(other)
    if _dimensions(one) != _dimensions(other) or first_misfit(tensors, wanted):
        raise InputError(
            f"{first} and {second} are not weights of the same network; interpolate weights with what they became"
        )
    between = {key: _between(tensor, wanted[key], share) for key, tensor in tensors.items()}
    training = f"{one.card.training}; then, to a share of {share:g}: {other.card.training}"
    return _written(target, between, edited(other, replace(other.card, training=training, quality={})))


def _checked(first: PathLike, second: PathLike, output: PathLike, overwrite: bool) -> tuple[ModelInfo, ModelInfo, Path]:
    """Find and describe two files, and see that a third can be written."""
    paths, target = (find_model(first), find_model(second)), Path(output)
    check_weights_output(target, *paths, overwrite=overwrite)
    return read_info(paths[0]), read_info(paths[1]), target


def _written(target: Path, tensors: Mapping[str, Tensor], header: Header) -> ModelInfo:
    """Write tensors in half precision; return what is known of the new file."""
    write_weights(target, {key: stored(key, tensor, torch.float16) for key, tensor in tensors.items()}, header)
    return read_info(target)


def _check_fit(kept: ModelInfo, taken: ModelInfo) -> None:
    """Refuse generators without a speech branch, and branches that the renderer would not understand."""
    bases = []
    for info in (kept, taken):
        if not info.has_speech_branch:
            raise InputError(f"{info.path} has no speech branch; give generators that have one, such as wav2lip")
        bases.append(motion_basis_of(info))
        if bases[-1] is None:
            raise InputError(
                f"{info.path} does not hold the basis of its mouth motion, nor is {info.path.stem}.motion.npz beside "
                "it; get it again with its weights"
            )
    same_size = _size(kept) == _size(taken)
    if not same_size or bases[0] != bases[1]:
        raise InputError(
            f"{taken.path} describes mouths in another basis than {kept.path}; train it with "
            f"`visavox train speech DATASET --start {kept.name}`"
        )


def _size(info: ModelInfo) -> list[Any]:
    return [(info.conditioner or {}).get(key) for key in ("num_motions", "condition")]


def _dimensions(info: ModelInfo) -> tuple[object, ...]:
    return info.network, dict(info.config), info.spec, info.conditioner


def _between(one: Tensor, other: Tensor, share: float) -> Tensor:
    if not other.is_floating_point():
        return other
    return torch.lerp(one.float(), other.float(), share)

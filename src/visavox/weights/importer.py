"""Published weights (Wav2Lip, SyncNet) to visavox's own format: read safely, checked, turned from BGR to RGB once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator import GeneratorConfig
from visavox.runtime.file_kind import FileKind, diagnose, explain
from visavox.runtime.files import sha256_of
from visavox.types import PathLike
from visavox.weights import version_1
from visavox.weights.checkpoint import first_misfit, header_of, write_weights
from visavox.weights.networks import NETWORKS, Published, build_network
from visavox.weights.state_dict_file import as_state_dict, check_zip, first_line, load_pickle
from visavox.weights.weights_file import ModelCard, ModelInfo, check_weights_output, read_header, read_info

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


def import_model(
    source: PathLike, output: PathLike, *, allow_torchscript: bool = False, overwrite: bool = False
) -> ModelInfo:
    """Convert published weights: generator, expert (`SyncNet_color`) or quality discriminator of Wav2Lip; SyncNet.

    Args:
        source: a checkpoint (`wav2lip.pth` and the like), with or without optimiser state, or a bare state dict
            (`syncnet_v2.model`); a pickle of any PyTorch version, `.safetensors`, or TorchScript. Its channels are BGR.
        output: the `.safetensors` file to write; its network takes and gives RGB. The range of the images stays as
            published: [0, 1] in the networks of Wav2Lip, 0 to 255 in SyncNet.
        allow_torchscript: read TorchScript too, which is code.
        overwrite: replace `output` if it is there.

    Returns:
        What is known of the new file.

    Raises:
        InputError: the source is no such file (the message says what it is), or the output cannot be written.
    """
    source, output = Path(source), Path(output)
    check_weights_output(output, source, overwrite=overwrite)
    state = _read_state(source, allow_torchscript)
    network, config = _recognise(state, source)
    tensors = _converted(state, network, config, source)
    # The faces of the published data set are raw boxes of a detector; its inference adds 10 pixels of chin.
    # SyncNet sees the crops of its own evaluation; only their size is said here.
    crop = CropSpec(kind="box", size=224, bottom_pad=0) if network == "syncnet" else CropSpec(kind="box", size=96)
    write_weights(output, tensors, header_of(config, _card(source, network), crop))
    return read_info(output)


def _read_state(source: Path, allow_torchscript: bool) -> dict[str, Tensor]:
    """Read the state dict of a file of any kind that may be read, and take the prefix `module.` off its keys."""
    kind = diagnose(source)
    if kind in (FileKind.ZIP_PICKLE, FileKind.TORCHSCRIPT):
        check_zip(source)
    if kind in (FileKind.LEGACY_PICKLE, FileKind.ZIP_PICKLE):
        state = as_state_dict(load_pickle(source), source)
    elif kind is FileKind.SAFETENSORS:
        state = _load_safetensors(source)
    elif kind is FileKind.TORCHSCRIPT and allow_torchscript:
        state = _load_torchscript(source)
    else:
        raise InputError(explain(source, kind))
    # DataParallel puts it in front of every key.
    stripped = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    if len(stripped) < len(state):
        raise InputError(f"{source} holds some tensors twice, with and without the prefix 'module.'; it is ambiguous")
    return stripped


def _load_safetensors(source: Path) -> dict[str, Tensor]:
    header = read_header(source).get("__metadata__", {})
    if "visavox" in header:
        option = {"expert": "--expert", "syncnet": "--sync-model"}.get(header.get("network"), "--model")
        raise InputError(f"{source} has been converted already; use it as it is: {option} {source}")
    try:
        return safetensors.torch.load_file(source)
    except safetensors.SafetensorError as error:
        raise InputError(f"{source} is damaged ({first_line(error)}); download it again") from error


def _load_torchscript(source: Path) -> dict[str, Tensor]:
    try:
        return dict(torch.jit.load(source, map_location="cpu").state_dict())
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{source} is damaged ({first_line(error)}); download it again") from error


def _recognise(state: Mapping[str, Tensor], source: Path) -> tuple[str, Any]:
    """Tell by the keys which published network it is; return its name and dimensions."""
    for network, row in NETWORKS.items():
        published = row.published
        if published is None or not published.prefixes:
            continue
        if all(any(key.startswith(prefix) for key in state) for prefix in published.prefixes):
            if row.is_generator:
                _refuse_community_generator(state, source)
            return network, _trained_with(published)
    for prefix, noun in OTHER_NETWORKS.items():
        if any(key.startswith(prefix) for key in state):
            raise InputError(f"{source} is {noun}; what can be converted are the networks of Wav2Lip and SyncNet")
    raise InputError(
        f"{source} is no network of Wav2Lip, and not SyncNet; its tensors are {', '.join(list(state)[:3])} ... "
        f"({len(state)}). What can be converted are generator, expert and quality discriminator, and SyncNet"
    )


def _trained_with(published: Published) -> Any:
    """Return the published dimensions, of a generator with the windows that it was trained with."""
    config = published.config
    if not isinstance(config, GeneratorConfig) or config.spec.audio is None:
        return config
    # The published training windows begin one frame (3.2 mel frames) before the frame that they are for.
    audio = replace(config.spec.audio, lead=3)
    return replace(config, spec=replace(config.spec, audio=audio))


def _refuse_community_generator(state: Mapping[str, Tensor], source: Path) -> None:
    stages = len({key.split(".")[1] for key in state if key.startswith("face_encoder_blocks.")})
    attention = any(key.startswith("sam.") for key in state)
    if stages == 7 and not attention:
        return
    noun = COMMUNITY_GENERATORS.get((stages, attention), "a generator of the community")
    raise InputError(
        f"{source} is {noun}: its face encoder has {stages} stages{' and spatial attention' if attention else ''}. "
        "The published network for faces of 96 pixels has 7; this one cannot be converted"
    )


def _converted(state: dict[str, Tensor], network: str, config: Any, source: Path) -> dict[str, Tensor]:
    """Check every tensor against the network, and turn its first and last layers from BGR to RGB."""
    published = NETWORKS[network].published
    assert published is not None
    with torch.device("meta"):
        expected = build_network(config).state_dict()
    input_layer = published.input_layer
    output_layers: tuple[str, ...] = ()
    if NETWORKS[network].is_generator:
        state = version_1.converted_tensors(state, None)
        input_layer = f"renderer.{input_layer}"
        output_layers = tuple(f"renderer.{OUTPUT_LAYER}.{part}" for part in ("weight", "bias"))
    for key in expected:
        if key.endswith("num_batches_tracked"):  # plays no part, and PyTorch before 0.4.1 did not write it
            state.setdefault(key, torch.tensor(0))
    misfit = first_misfit(state, expected)
    if misfit:
        raise InputError(
            f"{source} looks like {NETWORKS[network].noun}, but is not the published one: {_published(misfit)}"
        )
    tensors = {}
    for key in expected:
        tensor = state[key].detach()
        is_usable = tensor.is_floating_point() and bool(torch.isfinite(tensor).all())
        if expected[key].is_floating_point() and not is_usable:
            raise InputError(f"{source} holds numbers in {key} that are not finite or not floats; get it again")
        tensors[key] = tensor.to(expected[key].dtype).contiguous()
    tensors[input_layer] = _swap_blue_and_red(tensors[input_layer], dim=1)
    for key in output_layers:
        tensors[key] = _swap_blue_and_red(tensors[key], dim=0)
    return tensors


def _published(misfit: str) -> str:
    """Say what misfits under the published name of the tensor."""
    return misfit.removeprefix("renderer.").replace("conditioner.layers.", "audio_encoder.")


def _swap_blue_and_red(tensor: Tensor, dim: int) -> Tensor:
    """Turn a dimension of BGR triples, one for each image on it, into RGB triples."""
    triples: Tensor = tensor.unflatten(dim, (-1, 3))
    return triples.flip(dim + 1).flatten(dim, dim + 1).contiguous()


def _card(source: Path, network: str) -> ModelCard:
    digest = sha256_of(source)
    name = PUBLISHED_FILES.get(digest)
    is_syncnet = network == "syncnet"
    licence = SYNCNET_LICENCE if is_syncnet else PUBLISHED_LICENCE
    return ModelCard(
        description=f"{NETWORKS[network].noun} converted from {name or source.name}",
        training=(
            f"{SYNCNET_TRAINING if is_syncnet else WAV2LIP_TRAINING}: {name}, SHA-256 {digest}."
            if name
            else f"Not known: {source.name}, SHA-256 {digest}, is none of the files published with the paper."
        ),
        licence=licence if name else f"That of {source.name}, which visavox does not know. {licence}",
    )

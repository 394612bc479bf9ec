"""Whisper's middle layers as speech features (Radford et al. 2023), for recordings of any length.

Whisper tells its rows apart by their place in the window, and its rows differ by place: a third of their variance is
the place and not the speech. So every window is as long as every other, with silence for what lies before and behind
the recording, and the rows that are kept always stand at the same places of it.

Row k of the encoder is centred on mel frame 2 k. Windows begin half a row late, so that its middle is the middle of a
row of `visavox.audio.features.speech_features`.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visavox.audio.features.speech_features import ROW_MIDDLE, ROW_SIZE, FeatureStream, SpeechFeatures
from visavox.errors import InputError
from visavox.models.speech import ReducedWhisper, WhisperEncoder, WhisperEncoderConfig, whisper_mel
from visavox.speech.feature_sets import WHISPER_PREFIX
from visavox.speech.windows import FeatureWindow, WindowedStream

WINDOW = FeatureWindow(block=4.0, before=1.0, after=1.0)
"""Windows of a recording."""


class WhisperFeatures(SpeechFeatures):
    """A middle layer of a Whisper.

    Args:
        name: name of the set.
        network: its first layers, alone or reduced to fewer columns.
        device: where the network runs.
        window: how a recording is cut.
    """

    def __init__(
        self,
        name: str,
        network: WhisperEncoder | ReducedWhisper,
        *,
        device: str = "cpu",
        window: FeatureWindow = WINDOW,
    ) -> None:
        self.name, self.window, self.device = name, window, device
        self.network = network.to(device).eval().requires_grad_(False)
        if isinstance(network, ReducedWhisper):
            self.size, self.mel_bands = network.config.columns, network.config.encoder.mel_bands
        else:
            self.size, self.mel_bands = network.config.channels, network.config.mel_bands

    def stream(self) -> FeatureStream:
        """Begin a recording that arrives in pieces; rows come a block and a context late."""
        return _WhisperStream(self)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the weights, and what the windows are."""
        digest = hashlib.sha256()
        for key, tensor in sorted(self.network.state_dict().items()):
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return f"whisper 1 {digest.hexdigest()} {self.window}"

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> np.ndarray:
        """Run the network once: float32 (320 k,) with k at most 1500, to float32 (k, C)."""
        mel = whisper_mel(torch.from_numpy(samples).to(self.device), self.mel_bands)
        rows: np.ndarray = self.network(mel[None])[0].float().cpu().numpy()
        return rows


class _WhisperStream(WindowedStream):
    def __init__(self, features: WhisperFeatures) -> None:
        self._features = features
        super().__init__(features.window, features.size, ROW_MIDDLE)

    def rows(self, end: int, stop: int) -> np.ndarray:
        window = self.window
        begin = self.next_row - window.rows_before
        length = window.rows_before + window.block_rows + window.rows_after
        first = begin * ROW_SIZE + ROW_MIDDLE - self.buffer_start
        samples = np.zeros(length * ROW_SIZE, np.float32)
        known = self.buffer[max(first, 0) : first + len(samples)]
        samples[max(-first, 0) : max(-first, 0) + len(known)] = known
        return self._features.encode(samples)[window.rows_before : end - begin]


def whisper_from_transformers(source: str) -> WhisperEncoder:
    """Load the first half of the layers of a Whisper's encoder by transformers.

    Args:
        source: repository of the Hugging Face hub (`openai/whisper-base`), or folder with config.json and weights.

    Raises:
        InputError: transformers is not installed, or there is no Whisper there.
    """
    try:
        from transformers import AutoConfig, WhisperModel
        from transformers.utils import logging
    except ImportError:
        raise InputError(
            f"{WHISPER_PREFIX}{source} needs transformers, which is not installed; install it with: "
            'pip install "visavox[hubert]", or choose the features mel-pitch, which need nothing'
        ) from None
    if Path(source).is_dir() and not (Path(source) / "config.json").is_file():
        raise InputError(f"{source} holds no Whisper: it has no config.json; give a folder that save_pretrained wrote")
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source)
        kind = getattr(config, "model_type", "")
        if kind != "whisper":
            raise InputError(f"{source} is no Whisper but '{kind}'; give a model whose config.json says whisper")
        return converted(WhisperModel.from_pretrained(source, config=config).encoder)
    except (OSError, ValueError) as error:
        raise InputError(
            f"the Whisper {source} cannot be loaded ({str(error).splitlines()[0]}); check the name or the folder, go "
            "online once if it is a name, or choose the features mel-pitch, which need no download"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()


def converted(encoder: Any) -> WhisperEncoder:
    """Convert an encoder of transformers (`WhisperEncoder` of its modeling_whisper), cut after half of its layers."""
    config = encoder.config
    network = WhisperEncoder(
        WhisperEncoderConfig(
            mel_bands=config.num_mel_bins,
            channels=config.d_model,
            heads=config.encoder_attention_heads,
            layers=max(1, config.encoder_layers // 2),
            positions=config.max_source_positions,
        )
    )
    tensors: dict[str, Any] = {}
    for number, layer in ((1, encoder.conv1), (2, encoder.conv2)):
        tensors |= _renamed(f"convolution_{number}", layer)
    for number, layer in enumerate(encoder.layers[: len(network.blocks)]):
        attention, block = layer.self_attn, f"blocks.{number}"
        projections = [attention.q_proj, attention.k_proj, attention.v_proj]
        biases = [attention.q_proj.bias, torch.zeros_like(attention.q_proj.bias), attention.v_proj.bias]  # keys: none
        tensors[f"{block}.query_key_value.weight"] = torch.cat([projection.weight for projection in projections])
        tensors[f"{block}.query_key_value.bias"] = torch.cat(biases)
        tensors |= _renamed(f"{block}.attention_output", attention.out_proj)
        tensors |= _renamed(f"{block}.attention_norm", layer.self_attn_layer_norm)
        tensors |= _renamed(f"{block}.feed_forward_norm", layer.final_layer_norm)
        tensors |= _renamed(f"{block}.feed_forward.0", layer.fc1)
        tensors |= _renamed(f"{block}.feed_forward.2", layer.fc2)
    network.load_state_dict(tensors)
    return network


def _renamed(prefix: str, module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}

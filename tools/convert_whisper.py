"""Convert the first layers of a Whisper to the shipped encoder of speech, with the projection of its rows.

    python -m tools.convert_whisper whisper_base_enc3_fp16.npz SPEECH... -o speech-encoder.safetensors

The archive holds the layers as CTranslate2 lays them out: the three projections of an attention in one matrix, norms as
gamma and beta. SPEECH are recordings and videos with speech, on whose rows the projection is fitted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from visavox.audio import find_silence, gate_audio
from visavox.constants import SAMPLE_RATE
from visavox.media import SampleReader
from visavox.models.speech import ReducedWhisper, ReducedWhisperConfig, WhisperEncoder, WhisperEncoderConfig
from visavox.speech.whisper import WhisperFeatures
from visavox.weights import ModelCard, save_model

_HEAD_CHANNELS = 64
"""Channels of one head of the attention of every Whisper."""
_LAYERS = {
    "self_attention/linear_0": "query_key_value",
    "self_attention/linear_1": "attention_output",
    "ffn/linear_0": "feed_forward.0",
    "ffn/linear_1": "feed_forward.2",
}
_NORMS = {"self_attention/layer_norm": "attention_norm", "ffn/layer_norm": "feed_forward_norm"}


def read_encoder(path: Path) -> WhisperEncoder:
    """Read the encoder out of an archive in the layout of CTranslate2."""
    with np.load(path) as arrays:
        given = {key: torch.from_numpy(arrays[key].astype(np.float32)) for key in arrays.files}
    channels, bands, _ = given["conv1/weight"].shape
    num_layers = 1 + max(int(key.split("/")[0].removeprefix("layer_")) for key in given if key.startswith("layer_"))
    tensors = {
        f"convolution_{number}.{name}": given[f"conv{number}/{name}"]
        for number in (1, 2)
        for name in ("weight", "bias")
    }
    for layer in range(num_layers):
        for theirs, ours in _LAYERS.items():
            for name in ("weight", "bias"):
                tensors[f"blocks.{layer}.{ours}.{name}"] = given[f"layer_{layer}/{theirs}/{name}"]
        for theirs, ours in _NORMS.items():
            for gamma, name in (("gamma", "weight"), ("beta", "bias")):
                tensors[f"blocks.{layer}.{ours}.{name}"] = given[f"layer_{layer}/{theirs}/{gamma}"]
    encoder = WhisperEncoder(WhisperEncoderConfig(bands, channels, channels // _HEAD_CHANNELS, num_layers))
    encoder.load_state_dict(tensors)
    return encoder.eval()


def speech_rows(encoder: WhisperEncoder, paths: list[str]) -> np.ndarray:
    """Compute the rows of recordings, silences gated as everywhere: float32 (K, channels)."""
    features = WhisperFeatures("encoder", encoder)
    rows = []
    for path in paths:
        reader = SampleReader(path, SAMPLE_RATE, 1)
        samples = reader.read(60 * SAMPLE_RATE)[:, 0]
        reader.close()
        rows.append(features.of(gate_audio(samples, find_silence(samples))))
    return np.concatenate(rows)


def main() -> None:
    """Convert, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="layers of the encoder (.npz)")
    parser.add_argument("speech", nargs="+", help="recordings and videos with speech")
    parser.add_argument("-o", "--output", required=True, help="weights file to write (.safetensors)")
    parser.add_argument("--columns", type=int, default=ReducedWhisperConfig.columns, help="numbers of a row")
    options = parser.parse_args()
    encoder = read_encoder(options.archive)
    rows = speech_rows(encoder, options.speech)
    network = ReducedWhisper(ReducedWhisperConfig(encoder.config, options.columns))
    network.encoder.load_state_dict(encoder.state_dict())
    kept = network.fit(rows)
    print(f"{len(rows)} rows; {options.columns} columns hold {kept:.1%} of their variance")
    card = ModelCard(
        f"first {encoder.config.layers} layers of Whisper's encoder, rows reduced to {options.columns} numbers",
        f"OpenAI's weights, converted; the projection is fitted to {len(rows) / 50 / 60:.0f} minutes of speech",
        "MIT (OpenAI); the projection Apache-2.0",
    )
    save_model(options.output, network, card, dtype=torch.float16)


if __name__ == "__main__":
    main()

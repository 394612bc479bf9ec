"""Context that HuBERT needs around what is kept, so that windows give what the whole recording gives.

python -m benchmarks.hubert_context RECORDING facebook/hubert-large-ls960-ft
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import tyro

from visavox.cli.common import CommonOptions, parse, run
from visavox.media import read_audio
from visavox.speech.hubert import HubertFeatures
from visavox.speech.windows import FeatureWindow


@dataclass(frozen=True, kw_only=True)
class ContextOptions(CommonOptions):
    """Compare the rows of windows with those of the whole recording, for several contexts.

    Prints a table in Markdown.
    """

    recording: Annotated[Path, tyro.conf.Positional]
    """Ten to thirty seconds of speech: the whole has to go through the network at once."""
    hubert: Annotated[str | None, tyro.conf.Positional] = None
    """Repository of the Hugging Face hub, or folder; by default a network of the large one's kind and the base one's
    size with random weights, whose attention looks at all rows alike."""
    block: float = 2.0
    """Seconds that are kept of each window."""
    contexts: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0)
    """Seconds of context that are tried."""


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    options = parse(ContextOptions, argv, command="benchmarks.hubert_context")
    audio = read_audio(options.recording)
    with TemporaryDirectory() as folder:
        source = options.hubert or _random_network(folder)
        length = len(audio) / 16000
        features = HubertFeatures(source, window=FeatureWindow(length + 1, 0.0, 0.0))
        whole = features.of(audio)
        print(f"{length:.1f} s, windows of {options.block:g} s; differences over the standard deviation of the rows\n")
        print(
            "| context, s | root mean square | 99th percentile |\n|-----------:|-----------------:|----------------:|"
        )
        for context in options.contexts:
            features.window = FeatureWindow(options.block, context, context)
            difference = np.abs(features.of(audio) - whole) / whole.std()
            rms, high = np.sqrt((difference**2).mean()), np.percentile(difference, 99)
            print(f"| {context:<10g} | {rms:16.4f} | {high:15.4f} |", flush=True)
    return 0


def _random_network(folder: str) -> str:
    """Save a network that is built like facebook/hubert-large-ls960-ft, but smaller, and return where."""
    import torch
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    torch.manual_seed(0)
    config = HubertConfig(
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
    )
    HubertModel(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))

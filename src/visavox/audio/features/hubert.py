"""HuBERT as speech features (Hsu et al. 2021), by transformers, for recordings of any length.

The network looks at a recording through windows: a block of rows that are kept, and `context` on either side that is
heard with them and thrown away. Windows lie at the same places whether the recording is whole or arrives in pieces, so
both give the same numbers. The network's attention reaches over all that it is given; `context` is therefore a
choice, not a law, and what it costs was measured: see docs/geneface-results.md.

Row k of the network takes 400 samples. Forty samples are reflected before the first, so that its middle is the middle
of row k of `visavox.audio.features.speech_features`; behind the last sample the audio is reflected to fill the last
rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from visavox.audio.features.speech_features import (
    HUBERT_PREFIX,
    ROW_SIZE,
    ROWS_PER_SECOND,
    FeatureStream,
    SpeechFeatures,
    checked_samples,
    num_rows,
    reflected,
)
from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError

if TYPE_CHECKING:
    from transformers import HubertModel

RECEPTIVE_FIELD = 400
"""Samples that one row of the network takes directly."""
_OVERLAP = (RECEPTIVE_FIELD - ROW_SIZE) // 2
"""Samples that a row takes before its first and behind its last own one."""
_VARIANCE_FLOOR = 1e-7
"""Added to the variance by which the audio is divided, as transformers does it."""


@dataclass(frozen=True)
class HubertWindow:
    """The pieces into which a recording is cut for the network."""

    block: float = 16.0
    """Seconds that are kept of each window. Shorter ones come sooner, and cost more for each second."""
    context: float = 4.0
    """Seconds on either side that are heard with them."""

    @property
    def block_rows(self) -> int:
        """Rows of the block."""
        return max(1, round(self.block * ROWS_PER_SECOND))

    @property
    def context_rows(self) -> int:
        """Rows of the context on one side."""
        return max(0, round(self.context * ROWS_PER_SECOND))


class HubertFeatures(SpeechFeatures):
    """`hubert:NAME`: the last hidden state of a HuBERT, 1024 columns for the large one.

    Where the network wants audio of zero mean and unit variance (its preprocessor_config.json says so), mean and
    variance are those of all audio until the end of the window, not of a whole recording that is not there yet.

    Args:
        source: repository of the Hugging Face hub, or folder with config.json and weights.
        device: where the network runs.
        window: how a recording is cut.

    Raises:
        InputError: transformers is not installed, or the network cannot be loaded or is none for these features.
    """

    def __init__(self, source: str, *, device: str = "cpu", window: HubertWindow | None = None) -> None:
        self.name = HUBERT_PREFIX + source
        self.window = window or HubertWindow()
        self.network, self.normalizes = _load(source)
        self.network.to(device).eval().requires_grad_(False)
        self.size = int(self.network.config.hidden_size)

    def stream(self) -> FeatureStream:
        """Begin a recording that arrives in pieces; rows come a block and a context late."""
        return _HubertStream(self)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the weights, and what the windows are."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return f"hubert 1 {digest.hexdigest()} {self.normalizes} {self.window}"

    @torch.inference_mode()
    def hidden_states(self, samples: np.ndarray) -> np.ndarray:
        """Run the network once: float32 (n,) with n = 320 k + 80 or more, normalised, to float32 (k, C)."""
        waveform = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
        states = self.network(waveform.to(self.network.device)).last_hidden_state
        result: np.ndarray = states[0].float().cpu().numpy()
        return result


class _HubertStream:
    def __init__(self, features: HubertFeatures) -> None:
        self._features = features
        self._buffer: np.ndarray
        self._reset()

    def push(self, samples: np.ndarray) -> np.ndarray:
        piece = checked_samples(samples)
        self._buffer = np.concatenate([self._buffer, piece])
        self._num_samples += len(piece)
        window, rows = self._features.window, [np.zeros((0, self._features.size), np.float32)]
        while True:
            end = self._next_row + window.block_rows
            if (end + window.context_rows) * ROW_SIZE + _OVERLAP > self._num_samples:
                return np.concatenate(rows)
            rows.append(self._window(end, end + window.context_rows))

    def flush(self) -> np.ndarray:
        """Give the rows to the end; every window ends with the recording where its context would reach further."""
        window, rows = self._features.window, [np.zeros((0, self._features.size), np.float32)]
        last = num_rows(self._num_samples)
        while self._next_row < last:
            end = min(last, self._next_row + window.block_rows)
            rows.append(self._window(end, min(last, end + window.context_rows)))
        self._reset()
        return np.concatenate(rows)

    def _reset(self) -> None:
        self._num_samples, self._next_row = 0, 0
        self._buffer = np.zeros(0, np.float32)
        self._buffer_start = 0  # the sample that the buffer begins with
        self._statistics = _RunningStatistics()

    def _window(self, end: int, input_end: int) -> np.ndarray:
        """Rows from the next one to `end`, computed with the context before and what lies before `input_end`."""
        context = self._features.window.context_rows
        input_start = max(0, self._next_row - context)
        first, stop = input_start * ROW_SIZE - _OVERLAP, input_end * ROW_SIZE + _OVERLAP
        samples = self._buffer[reflected(np.arange(first, stop), self._num_samples) - self._buffer_start]
        if self._features.normalizes:
            new_stop = min(stop, self._num_samples)
            self._statistics.include(
                self._buffer[self._statistics.count - self._buffer_start : new_stop - self._buffer_start]
            )
            samples = self._statistics.normalized(samples)
        states = self._features.hidden_states(samples)
        rows = states[self._next_row - input_start : end - input_start]
        self._next_row = end
        # The last rows of all take the recording reflected, by no more than a video frame and what a row reaches.
        drop = (end - context - 4) * ROW_SIZE - self._buffer_start
        if drop > 0:
            self._buffer = self._buffer[drop:].copy()
            self._buffer_start += drop
        return rows


class _RunningStatistics:
    """Mean and variance of all audio so far."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = self._squares = 0.0

    def include(self, samples: np.ndarray) -> None:
        wide = samples.astype(np.float64)
        self.count += len(wide)
        self._sum += float(wide.sum())
        self._squares += float((wide**2).sum())

    def normalized(self, samples: np.ndarray) -> np.ndarray:
        mean = self._sum / self.count
        variance = max(0.0, self._squares / self.count - mean**2)
        result: np.ndarray = ((samples.astype(np.float64) - mean) / np.sqrt(variance + _VARIANCE_FLOOR)).astype(
            np.float32
        )
        return result


def _load(source: str) -> tuple[HubertModel, bool]:
    """Load a network, and whether it wants normalised audio."""
    try:
        from transformers import AutoConfig, AutoFeatureExtractor, HubertModel
        from transformers.utils import logging
    except ImportError:
        raise InputError(
            f"{HUBERT_PREFIX}{source} needs transformers, which is not installed; install it with: "
            'pip install "visavox[hubert]", or choose the features mel-pitch, which need nothing.'
        ) from None
    if Path(source).is_dir() and not (Path(source) / "config.json").is_file():
        raise InputError(f"{source} holds no HuBERT: it has no config.json; give a folder that save_pretrained wrote.")
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source)
        _check_config(config, source)
        network = HubertModel.from_pretrained(source, config=config)
        return network, _normalizes(source, config, AutoFeatureExtractor)
    except (OSError, ValueError) as error:
        raise InputError(_why(source, error)) from error
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()


def _check_config(config: Any, source: str) -> None:
    kind = getattr(config, "model_type", "")
    if kind != "hubert":
        raise InputError(f"{source} is no HuBERT but '{kind}'; give a model whose config.json says hubert.")
    stride, field = 1, 1
    for kernel, step in zip(config.conv_kernel, config.conv_stride, strict=True):
        field += (kernel - 1) * stride
        stride *= step
    if (stride, field) != (ROW_SIZE, RECEPTIVE_FIELD):
        raise InputError(
            f"{source} gives a row every {stride} samples from {field}; speech features are rows every {ROW_SIZE} from "
            f"{RECEPTIVE_FIELD} samples, as HuBERT base and large give them: choose one of those."
        )


def _normalizes(source: str, config: Any, extractor_class: Any) -> bool:
    """Tell whether the network takes audio of zero mean and unit variance; without the file, as its kind does."""
    try:
        extractor = extractor_class.from_pretrained(source)
    except (OSError, ValueError):
        return bool(config.feat_extract_norm == "layer")
    if extractor.sampling_rate != SAMPLE_RATE:
        raise InputError(f"{source} takes audio of {extractor.sampling_rate} Hz; choose a HuBERT for 16000 Hz.")
    return bool(extractor.do_normalize)


def _why(source: str, error: Exception) -> str:
    if Path(source).is_dir():
        return f"the HuBERT in {source} cannot be loaded: {str(error).splitlines()[0]}; save it there again."
    return (
        f"the HuBERT {source} is neither a folder nor in the cache, and could not be fetched from the Hugging Face hub "
        f"({str(error).splitlines()[0]}); check the name, go online once, give hubert:FOLDER, or choose the features "
        "mel-pitch, which need no download."
    )

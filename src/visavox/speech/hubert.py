"""HuBERT as speech features (Hsu et al. 2021), by transformers, for recordings of any length.

Row k of the network covers 400 samples. Forty samples are reflected before the first, so that its middle is the middle
of row k of `visavox.audio.features.speech_features`; behind the last sample the audio is reflected to fill the last
rows.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from visavox.audio.features.speech_features import ROW_SIZE, FeatureStream, SpeechFeatures, reflected
from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError
from visavox.speech.feature_sets import HUBERT_PREFIX
from visavox.speech.windows import FeatureWindow, WindowedStream

if TYPE_CHECKING:
    from transformers import HubertModel

RECEPTIVE_FIELD = 400
"""Samples that one row of the network takes directly."""
_OVERLAP = (RECEPTIVE_FIELD - ROW_SIZE) // 2
"""Samples that a row takes before its first and behind its last own one."""
_VARIANCE_FLOOR = 1e-7
"""Added to the variance by which the audio is divided, as transformers does it."""


WINDOW = FeatureWindow(block=16.0, before=4.0, after=4.0)
"""Windows of a recording; what the context costs was measured: see docs/geneface-results.md."""


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

    def __init__(self, source: str, *, device: str = "cpu", window: FeatureWindow | None = None) -> None:
        self.name = HUBERT_PREFIX + source
        self.window = window or WINDOW
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
    def encode(self, samples: np.ndarray) -> np.ndarray:
        """Run the network once: float32 (n,) with n = 320 k + 80 or more, normalised, to float32 (k, C)."""
        waveform = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
        states = self.network(waveform.to(self.network.device)).last_hidden_state
        result: np.ndarray = states[0].float().cpu().numpy()
        return result


class _HubertStream(WindowedStream):
    def __init__(self, features: HubertFeatures) -> None:
        self._features = features
        super().__init__(features.window, features.size, _OVERLAP)

    def reset(self) -> None:
        super().reset()
        self._statistics = _RunningStatistics()

    def rows(self, end: int, stop: int) -> np.ndarray:
        begin = max(0, self.next_row - self.window.rows_before)
        first, last = begin * ROW_SIZE - _OVERLAP, stop * ROW_SIZE + _OVERLAP
        samples = self.buffer[reflected(np.arange(first, last), self.num_samples) - self.buffer_start]
        if self._features.normalizes:
            known = min(last, self.num_samples)
            self._statistics.include(
                self.buffer[self._statistics.count - self.buffer_start : known - self.buffer_start]
            )
            samples = self._statistics.normalized(samples)
        return self._features.encode(samples)[self.next_row - begin : end - begin]


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
    """Load a network, and whether it takes normalised audio."""
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

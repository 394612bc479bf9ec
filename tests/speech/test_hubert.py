"""HuBERT as speech features: a small one with random weights, saved and loaded as the published ones are."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visavox.audio.features.speech_features import num_rows
from visavox.errors import InputError
from visavox.speech import load_features
from visavox.speech.hubert import HubertFeatures
from visavox.speech.windows import FeatureWindow

transformers = pytest.importorskip("transformers")

RATE = 16000


def save_small(folder: Path, kind: str = "layer", **changes: Any) -> str:
    """A HuBERT like the large (`layer`) or the base one (`group`), but small."""
    large = kind == "layer"
    settings = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "conv_dim": (16,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "feat_extract_norm": kind,
        "do_stable_layer_norm": large,
        "conv_bias": large,
    }
    torch.manual_seed(0)
    network = transformers.HubertModel(transformers.HubertConfig(**(settings | changes)))
    network.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=large).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_small(tmp_path_factory.mktemp("large"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_small(tmp_path_factory.mktemp("base"), "group")


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Twelve seconds whose loudness changes ten times a second."""
    rng = np.random.default_rng(0)
    return (rng.normal(0, 0.1, 12 * RATE) * np.repeat(rng.uniform(0.1, 1, 120), 1600)).astype(np.float32)


def reference(folder: str, sound: np.ndarray) -> np.ndarray:
    """The whole recording at once, through transformers alone; aligned as rows are by 40 samples on either side."""
    extractor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(folder)
    network = transformers.HubertModel.from_pretrained(folder).eval()
    normal = extractor(sound, sampling_rate=RATE, return_tensors="np").input_values[0]
    behind = num_rows(len(sound)) * 320 + 40 - len(sound)
    padded = np.pad(normal, (40, behind), mode="reflect")
    with torch.inference_mode():
        result: np.ndarray = network(torch.from_numpy(padded)[None].float()).last_hidden_state[0].numpy()
        return result


@pytest.mark.parametrize("kind", ["large", "base"])
@pytest.mark.parametrize("num_samples", [3 * RATE, 3 * RATE + 77, 641])
def test_within_one_window_it_is_what_transformers_gives(
    request: pytest.FixtureRequest, sound: np.ndarray, kind: str, num_samples: int
) -> None:
    folder = request.getfixturevalue(kind)
    features: Any = load_features(f"hubert:{folder}")
    rows = features.of(sound[:num_samples])
    assert rows.shape == (2 * math.ceil(num_samples / 640), 32)
    assert features.normalizes == (kind == "large")
    np.testing.assert_allclose(rows, reference(folder, sound[:num_samples]), atol=1e-4)


def test_windows_give_what_the_whole_gives_and_the_better_the_more_context(large: str, sound: np.ndarray) -> None:
    whole = reference(large, sound)
    errors = []
    for context in (0.1, 0.5, 2.0):
        rows = HubertFeatures(large, window=FeatureWindow(2.0, context, context)).of(sound)
        errors.append(np.sqrt(((rows - whole) ** 2).mean()) / whole.std())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02  # of the spread of the numbers; attention to all rows alike is the hardest case


def test_windows_have_no_seams(large: str, sound: np.ndarray) -> None:
    """Where two windows meet, neighbouring rows differ as little as elsewhere."""
    rows = HubertFeatures(large, window=FeatureWindow(2.0, 2.0, 2.0)).of(sound)
    whole = reference(large, sound)
    error = np.abs(np.diff(rows, axis=0) - np.diff(whole, axis=0)).mean(axis=1)
    at_seams = error[99::100]
    assert at_seams.max() < 3 * error.max(initial=0, where=np.arange(len(error)) % 100 != 99) + 1e-6


@pytest.mark.parametrize("chunk", [999, 50000])
@pytest.mark.parametrize("num_samples", [100, 640, 4 * RATE - 1])
def test_pieces_give_the_rows_of_the_whole(large: str, sound: np.ndarray, chunk: int, num_samples: int) -> None:
    features = HubertFeatures(large, window=FeatureWindow(1.0, 0.5, 0.5))
    samples = sound[:num_samples]
    whole = features.of(samples)
    stream = features.stream()
    for _ in range(2):  # a flushed stream starts anew
        rows = [stream.push(samples[start : start + chunk]) for start in range(0, len(samples), chunk)]
        rows.append(stream.flush())
        np.testing.assert_array_equal(np.concatenate(rows), whole)
    assert stream.flush().shape == (0, 32)


def test_memory_does_not_grow(large: str, sound: np.ndarray) -> None:
    stream: Any = HubertFeatures(large, window=FeatureWindow(1.0, 0.5, 0.5)).stream()
    for _ in range(3):
        stream.push(sound)
    assert len(stream.buffer) < 3.5 * RATE


def test_the_fingerprint_is_of_weights_and_windows(large: str, tmp_path: Path) -> None:
    again = HubertFeatures(large)
    assert load_features(f"hubert:{large}").fingerprint == again.fingerprint
    assert HubertFeatures(large, window=FeatureWindow(16.0, 1.0, 1.0)).fingerprint != again.fingerprint
    other = HubertFeatures(save_small(tmp_path, hidden_size=16))
    assert other.fingerprint != again.fingerprint
    assert other.size == 16


def test_without_a_preprocessor_file_it_is_as_for_its_kind(large: str, base: str, tmp_path: Path) -> None:
    for source, normalizes in ((large, True), (base, False)):
        folder = tmp_path / str(normalizes)
        transformers.HubertModel.from_pretrained(source).save_pretrained(folder)
        features: Any = load_features(f"hubert:{folder}")
        assert features.normalizes is normalizes


def test_folders_that_hold_no_hubert(large: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no config\.json"):
        load_features(f"hubert:{tmp_path}")
    config = json.loads((tmp_path.parent / large / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="cannot be loaded"):
        load_features(f"hubert:{tmp_path}")
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "wav2vec2"}))
    with pytest.raises(InputError, match="is no HuBERT but 'wav2vec2'"):
        load_features(f"hubert:{tmp_path}")
    (tmp_path / "config.json").write_text(json.dumps(config | {"conv_stride": [5, 2, 2, 2, 2, 2, 1]}))
    with pytest.raises(InputError, match="a row every 160 samples"):
        load_features(f"hubert:{tmp_path}")


def test_a_name_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"neither a folder nor in the cache.*go online once.*mel-pitch"):
        load_features("hubert:nobody-of-this-name/no-such-hubert")


def test_without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(InputError, match=r"needs transformers, which is not installed.*visavox\[hubert\]"):
        load_features("hubert:facebook/hubert-large-ls960-ft")

"""Whisper as speech features, against transformers with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visavox.audio.features.speech_features import num_rows
from visavox.demo import SPEECH
from visavox.errors import InputError
from visavox.media import read_audio
from visavox.models.speech import ReducedWhisper
from visavox.models.speech.whisper_encoder import WhisperEncoder, WhisperEncoderConfig, positions, whisper_mel
from visavox.speech import load_features
from visavox.speech.whisper import WINDOW, WhisperFeatures, converted
from visavox.speech.windows import FeatureWindow
from visavox.weights import load_model

transformers = pytest.importorskip("transformers")

RATE = 16000


@pytest.fixture(scope="module")
def network() -> Any:
    """A Whisper that is built like the base one, but smaller, with random weights."""
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        d_model=64,
        encoder_layers=4,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=256,
    )
    return transformers.WhisperModel(config).eval()


@pytest.fixture(scope="module")
def folder(network: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("whisper")
    network.save_pretrained(path)
    return str(path)


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    """Nine seconds whose loudness changes ten times a second."""
    rng = np.random.default_rng(0)
    return (rng.normal(0, 0.1, 9 * RATE) * np.repeat(rng.uniform(0.1, 1, 90), 1600)).astype(np.float32)


def test_mel_is_that_of_transformers(audio: np.ndarray) -> None:
    extractor = transformers.WhisperFeatureExtractor()
    whole = np.zeros(30 * RATE, np.float32)
    whole[: len(audio)] = audio
    theirs = extractor(whole, sampling_rate=RATE, return_tensors="np").input_features[0]
    np.testing.assert_allclose(whisper_mel(torch.from_numpy(whole)).numpy(), theirs, atol=2e-4)


def test_rows_are_those_of_transformers(network: Any, audio: np.ndarray) -> None:
    whole = torch.zeros(30 * RATE)
    whole[: len(audio)] = torch.from_numpy(audio)
    mel = whisper_mel(whole)[None]
    with torch.inference_mode():
        # The states behind the second of four layers; those of the last one would be normalised.
        theirs = network.encoder(mel, output_hidden_states=True).hidden_states[2]
        ours = converted(network.encoder)(mel)
    assert ours.shape == (1, 1500, 64)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("num_samples", [1, 641, 2 * RATE, 9 * RATE - 77])
@pytest.mark.parametrize("piece", [1600, 30000])
def test_pieces_give_the_very_rows_of_the_whole(folder: str, audio: np.ndarray, num_samples: int, piece: int) -> None:
    features = load_features(f"whisper:{folder}")
    samples = audio[:num_samples]
    whole = features.of(samples)
    assert whole.shape == (num_rows(num_samples), 64)
    stream = features.stream()
    for _ in range(2):  # a flushed stream begins again
        rows = [stream.push(samples[start : start + piece]) for start in range(0, num_samples, piece)]
        assert np.array_equal(np.concatenate([*rows, stream.flush()]), whole)


def windows_of(features: Any, samples: np.ndarray) -> list[np.ndarray]:
    """The windows that the encoder is given for a recording."""
    given: list[np.ndarray] = []

    def encode(window: np.ndarray) -> np.ndarray:
        given.append(window)
        return np.zeros((len(window) // 320, features.size), np.float32)

    features.encode = encode
    features.of(samples)
    return given


def test_a_row_is_centred_on_its_audio(folder: str) -> None:
    row = 150
    click = np.zeros(6 * RATE, np.float32)
    click[row * 320 + 160] = 0.9
    places = [np.flatnonzero(window) for window in windows_of(load_features(f"whisper:{folder}"), click)]
    first, block = WINDOW.rows_before, WINDOW.block_rows
    kept = next(place[0] for place in places if len(place) and first <= place[0] // 320 < first + block)
    assert kept % 320 == 0, "row k of Whisper is centred on sample 320 k"
    assert kept // 320 == first + row % block


def test_the_kept_rows_always_stand_at_the_same_places(folder: str, audio: np.ndarray) -> None:
    rows = WINDOW.rows_before + WINDOW.block_rows + WINDOW.rows_after
    assert {len(window) for window in windows_of(load_features(f"whisper:{folder}"), audio)} == {rows * 320}


def test_fingerprint_names_weights_and_windows(folder: str, network: Any) -> None:
    encoder = converted(network.encoder)
    first = WhisperFeatures(f"whisper:{folder}", encoder)
    assert first.fingerprint == load_features(f"whisper:{folder}").fingerprint
    other = WhisperFeatures(f"whisper:{folder}", encoder, window=FeatureWindow(2.0, 1.0, 1.0))
    assert first.fingerprint != other.fingerprint


def test_positions_are_those_of_transformers(network: Any) -> None:
    torch.testing.assert_close(positions(1500, 64), network.encoder.embed_positions.weight, atol=1e-3, rtol=0)


def test_the_shipped_encoder_is_that_of_transformers(audio: np.ndarray) -> None:
    ours = load_model("speech-encoder", ReducedWhisper)
    config = ours.config.encoder
    whisper = transformers.WhisperConfig(
        d_model=config.channels,
        encoder_layers=config.layers + 1,  # theirs are normalised behind the last
        encoder_attention_heads=config.heads,
        encoder_ffn_dim=4 * config.channels,
        decoder_layers=1,
    )
    with torch.device("meta"):
        theirs = transformers.models.whisper.modeling_whisper.WhisperEncoder(whisper)
    theirs = theirs.to_empty(device="cpu").eval()
    theirs.embed_positions.weight.data.copy_(positions(config.positions, config.channels))
    _give(ours.encoder, theirs)
    whole = torch.zeros(30 * RATE)
    whole[: len(audio)] = torch.from_numpy(audio)
    mel = whisper_mel(whole)[None]
    with torch.inference_mode():
        states = theirs(mel, output_hidden_states=True).hidden_states[config.layers]
        torch.testing.assert_close(ours.encoder(mel), states, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(ours(mel), ours.projection(states), atol=1e-3, rtol=1e-4)


def _give(ours: Any, theirs: Any) -> None:
    """Give our layers to an encoder of transformers."""
    pairs = [(ours.convolution_1, theirs.conv1), (ours.convolution_2, theirs.conv2)]
    for block, layer in zip(ours.blocks, theirs.layers, strict=False):
        attention = layer.self_attn
        weights, biases = block.query_key_value.weight.chunk(3), block.query_key_value.bias.chunk(3)
        for projection, weight in zip((attention.q_proj, attention.k_proj, attention.v_proj), weights, strict=True):
            projection.weight.data.copy_(weight)
        attention.q_proj.bias.data.copy_(biases[0])
        attention.v_proj.bias.data.copy_(biases[2])
        assert not biases[1].any(), "the keys of Whisper have no bias"
        pairs += [
            (block.attention_output, attention.out_proj),
            (block.attention_norm, layer.self_attn_layer_norm),
            (block.feed_forward_norm, layer.final_layer_norm),
            (block.feed_forward[0], layer.fc1),
            (block.feed_forward[2], layer.fc2),
        ]
    for given, taken in pairs:
        taken.load_state_dict(given.state_dict())


def test_shipped_rows_are_of_unit_size_on_speech() -> None:
    features = load_features("whisper-base-3")
    assert features.size == 128
    rows = features.of(read_audio(SPEECH))
    assert 0.5 < rows.std() < 1.5
    assert abs(rows.mean()) < 0.2


def test_more_than_thirty_seconds_at_once_are_refused() -> None:
    network = WhisperEncoder(WhisperEncoderConfig(channels=16, heads=2, layers=1, positions=10))
    with pytest.raises(ValueError, match="a mel of 22 frames; the encoder takes up to 20"):
        network(torch.zeros(1, 80, 22))


def test_folders_without_a_whisper_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no Whisper"):
        load_features(f"whisper:{tmp_path}")
    transformers.HubertConfig().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="is no Whisper but 'hubert'"):
        load_features(f"whisper:{tmp_path}")

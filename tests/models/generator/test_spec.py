"""The contract of a generator: windows of features, the region, and its way to JSON and back."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
import torch

from visavox.audio.features.mel import mel_window, window_start
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.spec import LOWER_HALF, AudioSpec, GeneratorSpec
from visavox.runtime.serialization import from_mapping, to_json


@pytest.mark.parametrize("time", [Fraction(0), Fraction(1, 25), Fraction(13, 25), Fraction(3)])
def test_windows_are_those_of_the_mel(time: Fraction) -> None:
    mel = np.random.default_rng(0).uniform(-4, 4, (80, 100)).astype(np.float32)
    spec = AudioSpec(window=64, lead=30)
    expected = mel_window(mel, window_start(time, 30), 64)
    assert np.array_equal(spec.rows_at(mel, time, np.full(80, -4.0)), expected)


def test_features_of_fifty_rows_a_second() -> None:
    spec = AudioSpec("mel-pitch", 83, 50, window=20, lead=8)
    assert spec.first_row(Fraction(1)) == 42
    assert spec.look_ahead == Fraction(12, 50)


def test_region_of_tensors_and_arrays() -> None:
    faces = torch.rand(2, 3, 8, 8)
    hidden, shown = LOWER_HALF.hide(faces), LOWER_HALF.crop(faces)
    assert torch.equal(hidden[:, :, :4], faces[:, :, :4])
    assert not hidden[:, :, 4:].any()
    assert torch.equal(shown, faces[:, :, 4:])
    arrays = faces.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(LOWER_HALF.hide(arrays), hidden.permute(0, 2, 3, 1).numpy())
    assert np.array_equal(LOWER_HALF.crop(arrays), shown.permute(0, 2, 3, 1).numpy())
    assert faces[:, :, 4:].any()


@pytest.mark.parametrize("audio", [None, AudioSpec("mel-pitch", 83, 50, 20, 8)])
def test_spec_travels_as_json(audio: AudioSpec | None) -> None:
    spec = GeneratorSpec(CropSpec(size=96), audio, references=3, context=5, layered=True)
    assert from_mapping(GeneratorSpec, json.loads(to_json(spec))) == spec


def test_numbers_out_of_range() -> None:
    with pytest.raises(ValueError, match="window is 0; give 1 or more"):
        AudioSpec(window=0)
    with pytest.raises(ValueError, match="references is 0; give 1 or more"):
        GeneratorSpec(references=0)

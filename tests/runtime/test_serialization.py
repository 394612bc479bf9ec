"""Dataclasses survive JSON, and what does not fit them is refused."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.runtime.serialization import from_mapping, to_json


@dataclass(frozen=True)
class Inner:
    width: float = 1.5
    shape: Literal["round", "flat"] | None = None


@dataclass(frozen=True)
class Outer:
    kind: Literal["a", "b"]
    sizes: tuple[int, ...] = (1, 2)
    inner: Inner | None = None
    on: bool = False
    name: str = ""
    parts: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    "settings",
    [
        Outer("a"),
        Outer("b", (), Inner(2.0, "flat"), True, "é", (Inner(), Inner(1.0))),
        Wav2LipConfig(),
        Wav2LipConfig(modulated=True),
        GeneratorSpec(CropSpec(size=96), AudioSpec(window=32, lead=14), layered=True),
    ],
)
def test_what_is_written_is_read(settings: Any) -> None:
    assert from_mapping(type(settings), json.loads(to_json(settings))) == settings


def test_a_field_that_is_not_given_keeps_its_default_and_an_integer_is_a_float() -> None:
    assert from_mapping(Outer, {"kind": "a", "inner": {"width": 3}}) == Outer("a", inner=Inner(3.0))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "a", "size": 3}, "no 'size'; it has kind, sizes"),
        ({"kind": "c"}, "Outer.kind is 'c'; allowed are 'a', 'b'"),
        ({}, "Outer: object missing required field `kind`"),
        ({"kind": "a", "sizes": 3}, "Outer.sizes: expected `array`, got `int`"),
        ({"kind": "a", "sizes": [1.5]}, r"Outer.sizes\[0\]: expected `int`, got `float`"),
        ({"kind": "a", "on": 1}, "Outer.on: expected `bool`, got `int`"),
        ({"kind": "a", "inner": {"width": True}}, "Outer.inner.width: expected `float`, got `bool`"),
        ({"kind": "a", "inner": {"height": 2}}, "Inner has no 'height'"),
        (
            {"kind": "a", "parts": [{"width": 1}, {"shape": "square"}]},
            r"Outer.parts\[1\].shape is 'square'; allowed are 'round', 'flat'",
        ),
        ({"kind": "a", "parts": [{"width": 1}, {"height": 1}]}, "Inner has no 'height'; it has width, shape"),
        ([1], "Outer: expected `object`, got `array`"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any] | list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_mapping(Outer, values)


def test_dimensions_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="alignment at the levels"):
        from_mapping(AttnWav2LipConfig, {"alignment_levels": [9]})

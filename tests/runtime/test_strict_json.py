"""Dataclasses survive JSON, and what does not fit them is refused."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.attn_wav2lip import AttnWav2LipConfig
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.runtime.json_records import from_mapping, to_json


@dataclass(frozen=True)
class Inner:
    width: float = 1.5


@dataclass(frozen=True)
class Outer:
    kind: Literal["a", "b"]
    sizes: tuple[int, ...] = (1, 2)
    inner: Inner | None = None
    on: bool = False
    name: str = ""


@pytest.mark.parametrize(
    "settings",
    [
        Outer("a"),
        Outer("b", (), Inner(2.0), True, "é"),
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
        ({"kind": "c"}, "'c' is none of 'a', 'b'"),
        ({}, "kind"),
        ({"kind": "a", "sizes": 3}, "must be a list"),
        ({"kind": "a", "sizes": [1.5]}, "1.5 must be of type int"),
        ({"kind": "a", "on": 1}, "1 must be of type bool"),
        ({"kind": "a", "inner": {"width": True}}, "True must be of type float"),
        ({"kind": "a", "inner": {"height": 2}}, "Inner has no 'height'"),
        ([1], "must be an object"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any] | list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_mapping(Outer, values)


def test_dimensions_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ValueError, match="alignment at the levels"):
        from_mapping(AttnWav2LipConfig, {"alignment_levels": [9]})

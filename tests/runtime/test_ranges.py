"""Ranges beside the fields of settings, and the sentences that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import pytest
import tyro

from visavox.errors import InputError
from visavox.runtime.ranges import Range, check_ranges


@dataclass(frozen=True)
class Settings:
    """Settings of an example."""

    steps: Annotated[int, Range(minimum=1)] = 1
    """Updates in all."""
    quality: Annotated[int, Range(0, 51, lowest="lossless", highest="worst", example=15)] = 15
    minutes: Annotated[float | None, Range(above=0, maximum=1e4, unit="min")] = None
    rate: Annotated[float, Range(above=0, below=1)] = 0.5
    share: Annotated[float, Range(minimum=0, below=1, name="the validation share")] = 0.5
    level: Annotated[float, Range(maximum=-3, unit="dB")] = -10
    size_in_pixels: Annotated[int, Range(2, 8, unit="pixels", lowest="a dot")] = 4
    length: Annotated[float, Range(above=0, example=0.5)] = 1.0
    mode: Literal["fast", "good"] = "fast"
    size: Literal[128, 256] | None = None

    def __post_init__(self) -> None:
        check_ranges(self)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"steps": 0}, "steps is 0; give 1 or more"),
        ({"quality": 52}, "quality is 52; give 0 (lossless) to 51 (worst), such as 15"),
        (
            {"minutes": 0.0},
            "minutes is 0 min; give more than 0 min and at most 10000 min, or leave it out",
        ),
        ({"rate": 1.0}, "rate is 1; give more than 0 and less than 1"),
        ({"rate": math.nan}, "rate is nan; give more than 0 and less than 1"),
        ({"share": 1.5}, "the validation share is 1.5; give at least 0 and less than 1"),
        ({"level": 0.0}, "level is 0 dB; give at most -3 dB"),
        ({"length": -1.0}, "length is -1; give more than 0, such as 0.5"),
        ({"size_in_pixels": 9}, "size_in_pixels is 9 pixels; give 2 (a dot) to 8 pixels"),
        ({"mode": "slow"}, "mode is 'slow'; allowed are fast, good"),
        ({"size": 100}, "size is 100; allowed are 128, 256"),
        ({"mode": None}, "mode is None; allowed are fast, good"),
    ],
)
def test_a_value_outside_its_range_is_refused_in_one_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        Settings(**change)
    assert str(refused.value) == sentence


def test_the_limits_themselves_are_allowed() -> None:
    settings = Settings(quality=0, minutes=1e4, share=0.0, level=-3.0, size=256)
    assert replace(settings, quality=51, minutes=None, size=None).quality == 51


def test_options_are_made_of_annotated_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert tyro.cli(Settings, args=["--steps", "3", "--minutes", "2.5"]) == Settings(steps=3, minutes=2.5)
    with pytest.raises(SystemExit):
        tyro.cli(Settings, args=["--help"])
    assert "Updates in all. (default: 1)" in capsys.readouterr().out

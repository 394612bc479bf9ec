"""Ranges of settings, declared once beside their fields and checked by one function."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from visavox.errors import InputError

Number = int | float


@dataclass(frozen=True)
class Range:
    """Allowed numbers of a field, as in `steps: Annotated[int, Range(minimum=1)]`."""

    minimum: Number | None = None
    """Smallest number that is allowed."""
    maximum: Number | None = None
    """Largest number that is allowed."""
    above: Number | None = None
    """In place of `minimum`: numbers have to be larger than this."""
    below: Number | None = None
    """In place of `maximum`: numbers have to be smaller than this."""
    unit: str = ""
    """Unit, for the sentence."""
    lowest: str = ""
    """Meaning of the minimum, such as `lossless`, or the reason for it."""
    highest: str = ""
    """Meaning of the maximum."""
    example: Number | None = None
    """A number that often fits."""
    name: str = ""
    """Name of the setting, where that of the field would not be understood without its class."""

    def holds(self, value: Number) -> bool:
        """Return whether a number is allowed; NaN never is."""
        return (
            (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def describe(self) -> str:
        """Return what is allowed in words, such as `0 (lossless) to 51 (worst), such as 15`."""
        lower = "" if self.minimum is None else self._words(self.minimum, self.lowest)
        upper = "" if self.maximum is None else self._words(self.maximum, self.highest)
        if self.above is not None:
            lower = f"more than {self._words(self.above, self.lowest)}"
        if self.below is not None:
            upper = f"less than {self._words(self.below, self.highest)}"
        if not upper:
            text = lower if self.above is not None else f"{lower} or more"
        elif not lower:
            text = upper if self.below is not None else f"at most {upper}"
        elif self.minimum is not None and self.maximum is not None:
            text = f"{self._words(self.minimum, self.lowest, unit='')} to {upper}"
        else:
            text = f"{lower if self.above is not None else f'at least {lower}'} and "
            text += upper if self.below is not None else f"at most {upper}"
        return text if self.example is None else f"{text}, such as {self._words(self.example)}"

    def _words(self, number: Number, meaning: str = "", unit: str | None = None) -> str:
        unit = self.unit if unit is None else unit
        return _number(number) + (f" {unit}" if unit else "") + (f" ({meaning})" if meaning else "")


def check_ranges(settings: Any) -> None:
    """Refuse values of a dataclass outside the `Range` or the `Literal` that its fields are annotated with.

    None is allowed where the type says so.

    Raises:
        InputError: the sentence names the field, its value, and what is allowed.
    """
    for name, allowed, is_optional in _rules(type(settings)):
        value = getattr(settings, name)
        if value is None and is_optional:
            continue
        if isinstance(allowed, Range):
            if not allowed.holds(value):
                unit = f" {allowed.unit}" if allowed.unit else ""
                either = ", or leave it out" if is_optional else ""
                raise InputError(f"{allowed.name or name} is {_number(value)}{unit}; give {allowed.describe()}{either}")
        elif value not in allowed:
            raise InputError(f"{name} is {value!r}; allowed are {', '.join(map(str, allowed))}")


def _rules(kind: type) -> list[tuple[str, Range | tuple[Any, ...], bool]]:
    """Return fields with a rule: the name, a range or the allowed values, and whether None is allowed."""
    hints = get_type_hints(kind, include_extras=True)
    rules: list[tuple[str, Range | tuple[Any, ...], bool]] = []
    for field in fields(kind):
        hint = hints[field.name]
        ranges = [note for note in get_args(hint)[1:] if isinstance(note, Range)] if _is(hint, Annotated) else []
        hint = get_args(hint)[0] if _is(hint, Annotated) else hint
        members = [hint] if _is(hint, Literal) else list(get_args(hint))
        rules += [(field.name, each, NoneType in members) for each in ranges]
        rules += [(field.name, get_args(each), NoneType in members) for each in members if _is(each, Literal)]
    return rules


def _is(hint: Any, form: Any) -> bool:
    return get_origin(hint) is form


def _number(value: Number) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

"""Recognition of array shapes in docstrings: `(T, 3)`, `(N,)`, `(..., 68, 3)`, `B 3 H W`, `H×W×3`, `float32 ()`."""

from __future__ import annotations

import re

_SIDE = r"(?:\d*[BTMCHWKLRSN]'?|\d+)"
_SHAPES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:float|int|uint|bool|complex)\d*\s\((?:[^\W\d][^()]*)?\)",  # float32 (count, size), float32 ()
        rf"(?<![.\w'])(?:\d+\s(?=[A-Z]'?\s[A-Z]\b))?[BTMCHWKLRSN]'?(?:\s{_SIDE})+(?![\w'])",  # B 3 H W
        rf"(?<!\w)(?=[\d×x ]*[BTMCHWKLRSN]){_SIDE}(?:\s?[×x]\s?{_SIDE})+(?!\w)",  # H×W×3
        r"\b\d+\s?[×x]\s?\d+ matri",  # the 2×3 matrix
        r"\bscalars?\b",
    )
)
_TUPLE = re.compile(r"\(([^()]*,[^()]*)\)")
_SIZE = re.compile(r"\.\.\.|(?:(?:\d+|[A-Z])\s)?\w+'*(?:\s?(?:\*\*|//|[-+*/]|\bor\b)\s?\w+)*")
_SURE_SIZE = re.compile(r"\.\.\.|\d+|\d*[A-Z]'*(?:[^\w,].*)?|\d+ (?:[A-Z]|or \d+)")
"""Numbers and single capitals, which tell `(T, 3)` from a remark of two words."""


def has_shape(text: str) -> bool:
    """Tell whether a text holds the shape of an array."""
    return any(pattern.search(text) for pattern in _SHAPES) or any(map(_is_shape, _TUPLE.findall(text)))


def _is_shape(inside: str) -> bool:
    """Tell whether the text between parentheses is a shape: `T, 3`, `N,` or `..., 2`, not `0, 1` or `start, end`."""
    sides = [side.strip() for side in inside.split(",")]
    alone = sides[-1] == ""
    sides = sides[:-1] if alone else sides
    sizes = all(_SIZE.fullmatch(side) for side in sides) and "0" not in sides
    return sizes and (alone or any(_SURE_SIZE.fullmatch(side) for side in sides))

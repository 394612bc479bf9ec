"""Words that are not the field's are gone from src, README.md and docs, or fewer than they were.

The tables hold how often each word may still be there. They only go down: `python -m tools.words --lower` writes them,
and `python -m tools.words` says where each word is. A word that is not in them may not be there at all.
"""

from __future__ import annotations

import pytest

from tools import words

pytestmark = pytest.mark.xdist_group("words")  # one process searches for all of them

ALLOWED_IDENTIFIERS = {
    "painter": 1,
    "told": 5,
    "begun": 2,
    "cover": 1,
    "watch": 4,
    "figure": 8,
    "graft": 1,
    "Stage": 2,
    "judge": 11,
    "picture": 14,
    "sound": 5,
    "footage": 9,
    "reading": 1,
    "response": 2,
    "frozen_statistics": 1,
}

ALLOWED_PROSE = {
    "paint": 5,
    "ears": 1,
    "widely": 1,
    "judge": 3,
    "picture": 16,
    "sound": 52,
    "footage": 5,
}

ALLOWED_QUESTIONS = 0

PATHS = [words.ROOT / path for path in words.PATHS]
SHOWN = 20
"""Places that a failure lists."""


@pytest.fixture(scope="module")
def found() -> list[words.Find]:
    return words.search(PATHS)


def check(places: list[str], allowed: int, what: str) -> None:
    """Fail where there are more places than allowed, and where there are fewer."""
    listed = "\n".join(places[:SHOWN])
    assert len(places) <= allowed, f"{what} is there {len(places)} times, {allowed} are allowed; say:\n{listed}"
    assert len(places) == allowed, (
        f"{what} is there {len(places)} times and {allowed} are allowed: lower it to {len(places)} "
        "(`python -m tools.words --lower` does)"
    )


@pytest.mark.parametrize("word", [word for word, _ in dict.fromkeys(words.rows(words.IDENTIFIERS).values())])
def test_identifiers(found: list[words.Find], word: str) -> None:
    places = [str(find) for find in found if find.word == word and not find.in_prose]
    check(places, ALLOWED_IDENTIFIERS.get(word, 0), f"{word} in identifiers")


@pytest.mark.parametrize("word", [word for word, _ in dict.fromkeys(words.rows(words.PROSE).values())])
def test_prose(found: list[words.Find], word: str) -> None:
    places = [str(find) for find in found if find.word == word and find.in_prose]
    check(places, ALLOWED_PROSE.get(word, 0), f"{word} in prose")


def test_docstrings_name_the_thing() -> None:
    check(words.questions(PATHS), ALLOWED_QUESTIONS, "a docstring that begins with a question word")


def test_tables_name_rows_that_there_are() -> None:
    assert set(ALLOWED_IDENTIFIERS) <= {word for word, _ in words.rows(words.IDENTIFIERS).values()}
    assert set(ALLOWED_PROSE) <= {word for word, _ in words.rows(words.PROSE).values()}
    assert all(count > 0 for count in (*ALLOWED_IDENTIFIERS.values(), *ALLOWED_PROSE.values()))


@pytest.mark.parametrize(
    ("places", "sentence"), [(["a:1", "b:1", "c:1"], "2 are allowed; say"), (["a:1"], "lower it to 1")]
)
def test_both_directions_fail(places: list[str], sentence: str) -> None:
    check(["a:1", "b:1"], 2, "it")
    with pytest.raises(AssertionError, match=sentence):
        check(places, 2, "it")

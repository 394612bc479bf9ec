"""Words that are not the field's are gone from src, README.md and docs, or fewer than they were.

The tables hold how often each word may still be there. They only go down: `python -m tools.words --lower` writes them,
and `python -m tools.words` says where each word is. A word that is not in them may not be there at all.
"""

from __future__ import annotations

import pytest

from tools import words

ALLOWED_IDENTIFIERS = {
    "painter": 48,
    "paint": 189,
    "ear": 127,
    "told": 54,
    "begun": 231,
    "bend": 19,
    "cover": 19,
    "flatten_layers": 3,
    "look": 103,
    "watch": 62,
    "manner": 57,
    "course": 63,
    "leg": 66,
    "anew": 7,
    "figure": 357,
    "graft": 18,
    "Turn": 34,
    "Stage": 46,
    "judge": 337,
    "picture": 376,
    "sound": 271,
    "footage": 157,
    "reading": 20,
    "response": 10,
    "take_apart": 3,
    "frozen_statistics": 3,
    "MouthNetwork": 9,
    "MouthReader": 16,
    "MotionSupport": 5,
    "FaceFeatures": 22,
}

ALLOWED_PROSE = {
    "painter": 77,
    "paint": 281,
    "ears": 118,
    "told the motion": 21,
    "bend": 29,
    "the look": 2,
    "the watch": 3,
    "manner": 24,
    "course": 9,
    "leg": 8,
    "anew": 49,
    "widely": 30,
    "figures": 116,
    "graft": 3,
    "judge": 174,
    "picture": 704,
    "sound": 478,
    "footage": 226,
}

ALLOWED_QUESTIONS = 555

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
def test_identifiers(found, word):
    places = [str(find) for find in found if find.word == word and not find.in_prose]
    check(places, ALLOWED_IDENTIFIERS.get(word, 0), f"{word} in identifiers")


@pytest.mark.parametrize("word", [word for word, _ in dict.fromkeys(words.rows(words.PROSE).values())])
def test_prose(found, word):
    places = [str(find) for find in found if find.word == word and find.in_prose]
    check(places, ALLOWED_PROSE.get(word, 0), f"{word} in prose")


def test_docstrings_name_the_thing():
    check(words.questions(PATHS), ALLOWED_QUESTIONS, "a docstring that begins with a question word")


def test_tables_name_rows_that_there_are():
    assert set(ALLOWED_IDENTIFIERS) <= {word for word, _ in words.rows(words.IDENTIFIERS).values()}
    assert set(ALLOWED_PROSE) <= {word for word, _ in words.rows(words.PROSE).values()}
    assert all(count > 0 for count in (*ALLOWED_IDENTIFIERS.values(), *ALLOWED_PROSE.values()))


@pytest.mark.parametrize(
    ("places", "sentence"), [(["a:1", "b:1", "c:1"], "2 are allowed; say"), (["a:1"], "lower it to 1")]
)
def test_both_directions_fail(places, sentence):
    check(["a:1", "b:1"], 2, "it")
    with pytest.raises(AssertionError, match=sentence):
        check(places, 2, "it")

"""Pairs of audio and video: lists in the format of Wav2Lip's evaluation, on the corpora they are of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from visavox.errors import InputError

Corpus = Literal["lrs2", "lrs3", "lrw", "folder"]


@dataclass(frozen=True)
class _Layout:
    """Names of the files of a corpus, as lists write them."""

    form: str
    """Form of a name, for messages."""
    pattern: re.Pattern[str]
    """Pattern that a name must match, its ending left out."""
    places: tuple[str, ...]
    """Places of its file below the root, tried in this order; `{name}`, and `{word}` of LRW."""


_LAYOUTS: dict[str, _Layout] = {
    "lrs2": _Layout("[main/]ID/NUMBER", re.compile(r"(?:main/)?\d+/\d{5}"), ("{name}", "main/{name}")),
    "lrs3": _Layout("[test/]ID/NUMBER", re.compile(r"(?:test/)?[\w-]{11}/\d{5}"), ("{name}", "test/{name}")),
    "lrw": _Layout(
        "WORD_NUMBER or WORD/test/WORD_NUMBER",
        re.compile(r"(?:(?P<word>[A-Z]+)/(?:test|val|train)/(?P=word)|[A-Z]+)_\d{5}"),
        ("{name}", "{word}/test/{name}"),
    ),
    "folder": _Layout("a path below the folder", re.compile(r".+"), ("{name}",)),
}
"""Afouras, Chung, Zisserman 2018 (LRS2, LRS3) and Chung, Zisserman 2016 (LRW). The published lists write the short
forms; whole paths below the root of the corpus are as good."""

_SUFFIX = ".mp4"
"""Ending that completes a name which has no file of its own."""


@dataclass(frozen=True)
class Pair:
    """One line of a list: a video, and whose audio it is to speak."""

    line: int
    """Number of the line, from 1."""
    audio_name: str
    """Name of the audio's file, as the list says."""
    video_name: str
    """The video, as the list says."""
    audio: Path
    """File with the audio."""
    video: Path
    """The video."""

    @property
    def key(self) -> str:
        """Name for what is made of this pair: it does not change when lines are added to the list."""
        digest = hashlib.sha256(f"{self.audio_name}\n{self.video_name}".encode()).hexdigest()[:12]
        return f"{self.video.stem[:80]}-{digest}"

    @property
    def is_own_audio(self) -> bool:
        """True if the video is to speak its own words, so that its own mouth is the truth."""
        return self.audio == self.video


def read_pairs(path: Path, root: Path, corpus: Corpus) -> list[Pair]:
    """Read a list: a line for each pair, `AUDIO VIDEO`, names below the root without `.mp4`.

    Args:
        path: the list. Empty lines count for nothing.
        root: folder of the corpus.
        corpus: how names are to look and where their files lie.

    Raises:
        InputError: the list or the folder cannot be read, or a line is wrong or names a file that is not there; the
            line's number is said.
    """
    if corpus not in _LAYOUTS:
        raise InputError(f"the protocol is {corpus!r}; allowed are {', '.join(get_args(Corpus))}")
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; give the one that the paths in {path} are relative to")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the list {path} cannot be read ({error}); give a text file with a pair in each line"
        ) from error
    pairs = list(_read_lines(text, path, root, corpus))
    if not pairs:
        raise InputError(f"{path} lists no pair; each line is `AUDIO VIDEO`, two names below {root}")
    return pairs


def _read_lines(text: str, path: Path, root: Path, corpus: Corpus) -> Iterator[Pair]:
    layout = _LAYOUTS[corpus]
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        where = f"{path}, line {number}"
        if len(words) != 2:
            raise InputError(f"{where}: {len(words)} words in {line.strip()!r}; write two, `AUDIO VIDEO`")
        audio, video = (_find(word, layout, root, where) for word in words)
        yield Pair(number, words[0], words[1], audio, video)


def _find(word: str, layout: _Layout, root: Path, where: str) -> Path:
    """Find the file that a name means."""
    name = word.removesuffix(_SUFFIX)
    if not layout.pattern.fullmatch(name):
        raise InputError(f"{where}: {word!r} is not of the form {layout.form}; other sets are --protocol folder")
    places = [root / place.format(name=name, word=name.partition("_")[0]) for place in layout.places]
    candidates = [path.with_name(path.name + _SUFFIX) for path in places]
    if layout is _LAYOUTS["folder"]:
        candidates.insert(0, root / word)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    listed = " or ".join(str(candidate) for candidate in candidates)
    raise InputError(f"{where}: there is no {listed}; check the list, and the folder that its paths are relative to")

"""Search for words that are not the field's, in identifiers and in prose.

    python -m tools.words              src, README.md and docs: file:line: word -> term, then a count of each word
    python -m tools.words docs/faq.md  these files and folders
    python -m tools.words --counts     the counts alone
    python -m tools.words --lower      lowers the tables of tests/test_words.py to what is there; raises none

Exits 1 where a word is found, 0 where none is. There are two tables, because an identifier has to be more exact than a
sentence:

* IDENTIFIERS is matched against the parts of each name (`mouth_painter` and `MouthPainter` have the parts mouth and
  painter): in Python code, in file names, in strings without a space, and in text between backticks.
* PROSE is matched as whole words in docstrings, comments, messages and Markdown, whatever their case and wherever the
  line breaks. Links and the text between backticks are left out.

Docstrings that begin with a question word are found too; `python -m tools.house --list questions` has the same list.

Left out are words of the review's table of names that also have a right meaning in this code, which no list can tell
from the other: `blend` (of pictures), `collapse` (of a GAN), `body` and `eyes` (of a person), `flatten` (of tensors),
`hold`, `speak`, `stage`, `true_motion`.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tools.house import is_question
from tools.source import docstrings

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "tests" / "test_words.py"
"""The file that holds how often each word may be there."""

PATHS = ("src", "README.md", "docs")
"""Files and folders that are searched by default, from the root. CHANGELOG.md is history and keeps its words."""

IDENTIFIERS = {
    "painter, painters": "generator, renderer",
    "paint, paints, painted, painting": "generate, render",
    "ear, ears, hear, hears, heard, hearing": "audio_driven, audio",
    "told, said": "a noun: condition, message, warnings",
    "begun, going, chosen": "a noun: start, resume, selection",
    "bend, bends, bent": "warp, warped",
    "cover": "alpha",
    "flatten_layers": "composite",
    "look, looks, looked": "color_jitter, appearance, render_rays",
    "watch, watches, watched": "extract_motion, monitor",
    "manner, manners": "speaking_style, SpeakerAdapter",
    "course, courses": "plan",
    "leg, legs": "segment",
    "anew": "again",
    "widely": "amount of movement",
    "figure, figures": "metric, value",
    "graft, grafts, grafted": "swap_speech_branch",
    "Turn": "OptimizerStep",
    "Stage, Stages": "TrainingTask, BuildStep, ResumableSteps",
    "judge, judges, judged": "evaluator, scorer",
    "picture, pictures": "image, crop",
    "sound, sounds": "audio",
    "footage": "video",
    "reading": "mouth_motion",
    "response": "motion_gain",
    "take_apart": "segment_person",
    "frozen_statistics": "freeze_batch_norm",
    "MouthNetwork": "LipSyncPredictor",
    "MouthReader": "MouthCode, mouth_coefficients",
    "MotionSupport": "MotionRange",
    "FaceFeatures": "MouthPerceptualNet, InceptionFeatures",
}
"""Names to be gone -> their term. The first of several forms is the name of the row. A form in small letters is one
part of an identifier, or several in a row; one with a capital is a whole identifier."""

PROSE = {
    "painter, painters": "generator, renderer",
    "paint, paints, painted, painting, repaint, repaints, repainted, repainting": "generate, render",
    "ears, hear, hears": "audio-driven, takes",
    "told the motion, told the mouth, told the landmarks, told the head, told the pitch, told how": "driven by",
    "bend, bends, bent, bending": "warp, warped",
    "the look, its look, their look": "appearance",
    "the watch": "monitor",
    "manner, manners": "speaking style",
    "course, courses": "plan",
    "leg, legs": "segment",
    "anew": "again",
    "widely": "amount of movement",
    "figures": "metrics, values, numbers",
    "graft, grafts, grafted, grafting": "swap a speech branch",
    "judge, judges, judged, judging": "evaluator, scorer; evaluate, score",
    "picture, pictures": "image, frame, crop",
    "sound, sounds": "audio, recording",
    "footage": "video",
}
"""Words and phrases to be gone -> their term; the first of several forms is the name of the row."""


@dataclass(frozen=True)
class Exemption:
    """A right use of a word of the tables."""

    pattern: str
    """Regular expression of the whole identifier, or of the passage of prose around the word."""
    reason: str
    """Why it is right."""
    where: str = ""
    """Regular expression that the file must hold; empty for every file."""


EXEMPT_IDENTIFIERS = (
    Exemption(r"[Ff]igure", "matplotlib's name for what it draws on", where="matplotlib"),
    Exemption(r"\w*look_?at_?\w*", "computer graphics' name for a camera that is aimed at a point"),
    Exemption(r"\w*look_?ahead\w*", "the field's name for audio after the frame that is rendered"),
    Exemption(r"response", "HTTP's name for an answer", where=r"\b(?:aiohttp|fastapi|httpx|starlette)\b"),
)

EXEMPT_PROSE = (
    Exemption(r"(?:of|due) course", "an idiom"),
    Exemption(r"sound ?cards?", "the device's name"),
    Exemption(r"speech sounds?", "phonetics' term"),
    Exemption(r"sounds? (?:effects?|like|right|wrong|natural)", "another noun, or the verb"),
    Exemption(r"group of pictures|picture (?:elements?|types?|order|parameter sets?)", "terms of video coding"),
    Exemption(r"hair and ears|ears and hair", "parts of a head"),
    Exemption(r"(?:you|people|listeners) hear", "people do"),
    Exemption(r"widely (?:available|known|supported|used)", "no movement is meant"),
)


@dataclass(frozen=True)
class Find:
    """One word in one place."""

    path: Path
    """The file, relative to the root where it lies below it."""
    line: int
    """Line of the file, from 1."""
    word: str
    """Name of the row of its table."""
    text: str
    """The identifier, or the passage as it stands there."""
    term: str
    """What the field says."""
    in_prose: bool
    """True for prose, False for identifiers."""

    def __str__(self) -> str:
        return f"{self.path.as_posix()}:{self.line}: {self.text} -> {self.term}"


def rows(table: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return name of the row and term of each form in a table."""
    return {form: (forms.split(", ")[0], term) for forms, term in table.items() for form in forms.split(", ")}


_NAMES = rows(IDENTIFIERS)
_PASSAGES = rows(PROSE)
_SPACED = {form: r"[\s#]+".join(form.split()) for form in sorted(_PASSAGES, key=len, reverse=True)}
_PROSE = re.compile(rf"(?<!\w)(?:{'|'.join(_SPACED.values())})(?!\w)", re.IGNORECASE)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAME = re.compile(r"[A-Za-z_]\w*")
_COMPOUND = re.compile(r"\w_\w|[a-z][A-Z]")
_ONE_NAME = re.compile(r"[\w.:/-]*")
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\([^)]*\)|https?://\S+")


@cache
def words_of_name(name: str) -> tuple[str, ...]:
    """Return the forms of IDENTIFIERS that a name holds, each as often as it does."""
    parts = "_".join(part.lower() for part in _PART.findall(name))
    found: list[str] = []
    for form in _NAMES:
        if form[0].isupper():
            found += [form] * (name.strip("_") == form)
        else:
            found += [form] * len(re.findall(rf"(?<![^_]){form}(?![^_])", parts))
    return tuple(found)


def search_name(name: str, path: Path, line: int, source: str) -> Iterator[Find]:
    """Yield what is found in one identifier; `source` is the text of its file."""
    forms = words_of_name(name)
    if forms and not any(
        re.fullmatch(one.pattern, name) and re.search(one.where, source) for one in EXEMPT_IDENTIFIERS
    ):
        for form in forms:
            word, term = _NAMES[form]
            yield Find(path, line, word, name, term, False)


def search_text(text: str, path: Path, line: int, source: str) -> Iterator[Find]:
    """Yield what is found in prose that begins in a line of a file: words, and identifiers among them."""
    for code in _CODE.finditer(text):
        for name in _NAME.finditer(code.group()):
            yield from search_name(name.group(), path, line + text.count("\n", 0, code.start()), source)
    text = _CODE.sub(lambda code: " " * len(code.group()), text)
    for name in _NAME.finditer(text):
        if _COMPOUND.search(name.group()):
            yield from search_name(name.group(), path, line + text.count("\n", 0, name.start()), source)
    right = [
        found.span()
        for one in EXEMPT_PROSE
        for found in re.finditer(one.pattern.replace(" ", r"[\s#]"), text, re.IGNORECASE)
        if re.search(one.where, source)
    ]
    for found in _PROSE.finditer(text):
        if not any(start <= found.start() and found.end() <= end for start, end in right):
            passage = re.sub(r"[\s#]+", " ", found.group())
            word, term = _PASSAGES[passage.lower()]
            yield Find(path, line + text.count("\n", 0, found.start()), word, passage, term, True)


def names_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield every identifier of a module with its line: what it defines, uses, imports and names in a call."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from ((name, line) for name in node.names)
        for field in ("id", "attr", "arg", "name", "asname", "module", "rest"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield from ((name, line) for name in value.split("."))


def search_python(source: str, path: Path) -> Iterator[Find]:
    """Yield what is found in the identifiers, strings and comments of Python source."""
    tree = ast.parse(source, str(path))
    for name, line in names_in(tree):
        yield from search_name(name, path, line, source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _ONE_NAME.fullmatch(node.value):
                for part in _NAME.findall(node.value):
                    yield from search_name(part, path, node.lineno, source)
            else:
                last = node.end_lineno or node.lineno  # a line break in the text need not be one in the file
                for find in search_text(node.value, path, node.lineno, source):
                    yield replace(find, line=min(find.line, last))
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    lines = [comments.get(number, "") for number in range(1, source.count("\n") + 2)]
    yield from search_text("\n".join(lines), path, 1, source)  # together, for a phrase may go on in the next line


def search_file(path: Path, shown: Path) -> list[Find]:
    """Search one Python or Markdown file, its name included; `shown` is its path in the results."""
    source = path.read_text(encoding="utf-8")
    name = path.parent.name if path.name == "__init__.py" else path.stem
    found = [find for part in _NAME.findall(name) for find in search_name(part, shown, 1, "")]
    if path.suffix == ".py":
        return found + list(search_python(source, shown))
    text = _LINK.sub(lambda link: re.sub(r"[^\n]", " ", link.group()), source)
    return found + list(search_text(text, shown, 1, source))


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Return the Python and Markdown files among paths and below them.

    Raises:
        FileNotFoundError: one of the paths is not there.
    """
    found = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there; give files and folders that are")
        found += [path] if path.is_file() else [*path.rglob("*.py"), *path.rglob("*.md")]
    return sorted(found)


def search(paths: Iterable[Path]) -> list[Find]:
    """Search files and folders; return what was found, in the order of files and lines."""
    found = []
    for path in files_in(paths):
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        found += search_file(path, shown)
    return sorted(found, key=lambda find: (find.path, find.line))


def questions(paths: Iterable[Path]) -> list[str]:
    """Return `file:line: first line` of each docstring that begins with a question word."""
    found = []
    for path in files_in(paths):
        if path.suffix == ".py":
            shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            for line, text in docstrings(ast.parse(path.read_text(encoding="utf-8"))):
                if is_question(text):
                    found.append(f"{shown.as_posix()}:{line}: {text.strip().splitlines()[0]}")
    return found


def count(found: Iterable[Find], *, in_prose: bool) -> dict[str, int]:
    """Count what was found in prose or in identifiers, by word, in the order of the table."""
    counts = Counter(find.word for find in found if find.in_prose is in_prose)
    return {word: counts[word] for word, _ in rows(PROSE if in_prose else IDENTIFIERS).values() if counts[word]}


def allowed(found: list[Find], num_questions: int) -> str:
    """Return the tables of tests/test_words.py for what was found."""
    blocks = []
    for name, in_prose in (("IDENTIFIERS", False), ("PROSE", True)):
        entries = [f'    "{word}": {number},' for word, number in count(found, in_prose=in_prose).items()]
        blocks.append("\n".join([f"ALLOWED_{name} = {{", *entries, "}"]) if entries else f"ALLOWED_{name} = {{}}")
    return "\n\n".join([*blocks, f"ALLOWED_QUESTIONS = {num_questions}"])


def risen(old: str, new: str) -> list[str]:
    """Return a line for each number that is larger in the tables of one text than in those of another."""
    before, after = ({name: number for name, number in _numbers(ast.parse(text))} for text in (old, new))
    return [
        f"{name}: {number}, allowed {before.get(name, 0)}"
        for name, number in after.items()
        if number > before.get(name, 0)
    ]


def _numbers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield name and number of each entry in tables that are called ALLOWED_..."""
    for node in tree.body:
        table = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        if isinstance(node, ast.Assign) and table.startswith("ALLOWED_"):
            value = ast.literal_eval(node.value)
            yield from (
                (f"{table} {word}", n) for word, n in (value.items() if isinstance(value, dict) else [("", value)])
            )


def lower(tables: Path, new: str) -> list[str]:
    """Write new tables in place of those of a file, unless a number would rise; return what would."""
    text = tables.read_text(encoding="utf-8")
    above = risen(text, new)
    if not above:
        start, last = text.index("ALLOWED_IDENTIFIERS ="), text.index("\nALLOWED_QUESTIONS =") + 1
        tables.write_text(text[:start] + new + text[text.index("\n", last) :], encoding="utf-8")
    return above


def main(argv: list[str] | None = None) -> int:
    """Print what the options ask for; return the exit code: 1 for a word, 2 for a missing path."""
    parser = argparse.ArgumentParser(prog="python -m tools.words", description="Words that are not the field's.")
    parser.add_argument("paths", nargs="*", type=Path, help=f"files and folders; by default {', '.join(PATHS)}")
    parser.add_argument("--counts", action="store_true", help="print the counts alone")
    parser.add_argument("--lower", action="store_true", help=f"lower the tables of {TABLES.relative_to(ROOT)}")
    options = parser.parse_args(argv)
    if options.lower and options.paths:
        parser.error("--lower counts the default paths; leave the paths out")
    paths = [path.resolve() for path in options.paths] or [ROOT / path for path in PATHS]
    try:
        found, asking = search(paths), questions(paths)
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.lower:
        above = lower(TABLES, allowed(found, len(asking)))
        print(*above, sep="\n", end="\n" if above else "")
        return 1 if above else 0
    if not options.counts:
        print(*found, *(f"{place} -> an imperative that names the thing" for place in asking), sep="\n")
    for title, in_prose in (("in identifiers", False), ("in prose", True)):
        for word, number in count(found, in_prose=in_prose).items():
            print(f"{number:6,}  {word} ({title})")
    print(f"{len(asking):6,}  docstrings that begin with a question word")
    return 1 if found or asking else 0


if __name__ == "__main__":
    sys.exit(main())

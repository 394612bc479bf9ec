"""Search for words that are not the field's, in small made-up files: each rule with finds and with what is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tools.words import search_python

from tools import words


def found(source: str) -> list[tuple[int, str]]:
    """Return line and row of each find in Python source."""
    return sorted((find.line, find.word) for find in search_python(source, words.ROOT / "x.py"))


@pytest.fixture
def found_in_file(tmp_path: Path) -> Callable[..., list[tuple[int, str]]]:
    """Return a function that writes one file and gives line and row of each find in it."""

    def write(name: str, text: str) -> list[tuple[int, str]]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return [(find.line, find.word) for find in words.search([tmp_path])]

    return write


@pytest.mark.parametrize(
    "source",
    [
        "painter = 1",
        "x.painter",
        "mouth_painter",
        "MouthPainter",
        "_painters",
        "PAINTER",
        "f(painter=1)",
        "def painter(): ...",
        "def f(*, painter): ...",
        "def f(*painter): ...",
        "class MyPainter: ...",
        "import painter",
        "import x.painter",
        "from x.painter import y",
        "from x import y as painter",
        "def f():\n    global painter",
        "try: ...\nexcept ValueError as painter: ...",
        "match x:\n    case painter: ...",
        "x = 'painter'",
        "x = 'mouth_painter'",
        "x = 'the mouth_painter of it'",
        "x = 'the `painter` of it'",
        "x = f'{painter} of it'",
        "'''The MouthPainter of it.'''",
    ],
)
def test_identifiers(source: str) -> None:
    hits = list(search_python(source, words.ROOT / "x.py"))
    assert [find.word for find in hits] == ["painter"]
    assert not hits[0].in_prose
    assert hits[0].line == source.lower()[: source.lower().index("painter")].count("\n") + 1


@pytest.mark.parametrize(
    "source",
    [
        "a = 1",
        "painterly = 1",
        "repaint_all = 1",
        "stopwatch = Stopwatch()",
        "overlook = 1",
        "turn = 1",
        "stage = 1",
        "TurnRate",
    ],
)
def test_other_identifiers(source: str) -> None:
    assert found(source) == []


@pytest.mark.parametrize("name", ["Turn", "_Turn", "Stage", "MouthNetwork"])
def test_whole_identifiers(name: str) -> None:
    assert [word for _, word in found(f"{name} = 1")] == [name.strip("_")]


def test_identifiers_of_several_parts() -> None:
    assert [word for _, word in found("take_apart_person = 1\nTakeApart = 1\ntake = apart\n")] == ["take_apart"] * 2


@pytest.mark.parametrize(
    "text",
    [
        "the painter is there",
        "The Painter.",
        "(painter)",
        "a painter-like thing",
        "the\npainters of it",
    ],
)
@pytest.mark.parametrize(
    "kind", ["'''{}'''", "x = '''{} of it'''", "x = f'''{} of {{y}}'''", "raise E('''{} given''')"]
)
def test_prose(text: str, kind: str) -> None:
    source = kind.format(text)
    hits = list(search_python(source, words.ROOT / "x.py"))
    assert [find.word for find in hits] == ["painter"]
    assert hits[0].in_prose
    assert hits[0].line == 1 + text[: text.lower().index("painter")].count("\n")


def test_comments() -> None:
    assert found("x = 1\ny = 2  # the painter\n# painterly\nz = '# not a comment, a footage'\n") == [
        (2, "painter"),
        (4, "footage"),
    ]


def test_phrases_go_on_in_the_next_line(found_in_file: Callable[..., list[tuple[int, str]]]) -> None:
    assert found('"""One that is told\nthe motion, told\n    how."""\n') == [
        (1, "told the motion"),
        (2, "told the motion"),
    ]
    assert found("# it is told\n# the motion\n") == [(1, "told the motion")]
    assert found_in_file("page.md", "it is told\nthe motion\n") == [(1, "told the motion")]


def test_prose_is_looser_than_identifiers() -> None:
    assert found("# to look at it and watch it, in turn, for a good reading\nlook = watch = 1\n") == [
        (2, "look"),
        (2, "watch"),
    ]


def test_lines_of_strings_that_have_line_breaks_of_their_own() -> None:
    assert found("x = 1\ny = 'one\\ntwo\\nthe painter'\n") == [(2, "painter")]


@pytest.mark.parametrize(
    "text",
    [
        "of course",
        "Of\ncourse",
        "a sound card",
        "speech sounds",
        "hair and ears",
        "sounds like it",
        "group of pictures",
    ],
)
def test_exempt_prose(text: str) -> None:
    assert found(f"'''{text} is here.'''") == []


@pytest.mark.parametrize(
    "text", ["of the course", "sound of a card", "speech and sounds", "ears and hear", "pictures of a group"]
)
def test_prose_beside_the_exemptions(text: str) -> None:
    assert found(f"'''{text} is here.'''")


def test_exempt_identifiers() -> None:
    assert found("look_at_matrix = look_ahead = lookahead = 1") == []
    assert [word for _, word in found("look_matrix = 1")] == ["look"]


def test_exempt_identifiers_of_files_that_use_a_library() -> None:
    assert found("from matplotlib.figure import Figure\nfigure = Figure()\n") == []
    assert [word for _, word in found("figure = 1\n")] == ["figure"]
    assert [word for _, word in found("import matplotlib\nfigures = 1\n")] == ["figure"]
    assert found("import httpx\nresponse = 1\n") == []
    assert [word for _, word in found("response = 1\n")] == ["response"]


def test_markdown(found_in_file: Callable[..., list[tuple[int, str]]]) -> None:
    page = "# The painter\n\nSee [it](pictures/footage.png) and https://x.org/sound.\n"
    page += "Use `look` or\n```\nvisavox graft a\n```\n"
    assert found_in_file("page.md", page) == [(1, "painter"), (4, "look"), (6, "graft")]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("painter.py", [(1, "painter")]),
        ("mouth_painter.py", [(1, "painter")]),
        ("painter.md", [(1, "painter")]),
        ("painter/__init__.py", [(1, "painter")]),
        ("painter/one.py", []),
        ("painter.txt", []),
        ("one.py", []),
    ],
)
def test_names_of_files(
    found_in_file: Callable[..., list[tuple[int, str]]], name: str, rows: list[tuple[int, str]]
) -> None:
    assert found_in_file(name, "") == rows


def test_every_row_can_be_found() -> None:
    for table, in_prose in ((words.IDENTIFIERS, False), (words.PROSE, True)):
        for form, (word, _) in words.rows(table).items():
            source = f"'''It says {form} here.'''" if in_prose else f"{form} = 1"
            hits = [find for find in search_python(source, words.ROOT / "x.py") if find.in_prose is in_prose]
            assert [find.word for find in hits] == [word], form


def test_questions(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text('"""Whether it is."""\nx = 1\n"""How it is.\n\nmore."""\n', encoding="utf-8")
    (tmp_path / "two.py").write_text('"""It is."""\n', encoding="utf-8")
    (tmp_path / "page.md").write_text("What it is.\n", encoding="utf-8")
    path = (tmp_path / "one.py").as_posix()
    assert words.questions([tmp_path]) == [f"{path}:1: Whether it is.", f"{path}:3: How it is."]


def test_places_and_counts_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.py").write_text('"""What footage."""\npainter = painter_of(1)\n', encoding="utf-8")
    path = (tmp_path / "one.py").as_posix()
    assert words.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{path}:1: footage -> video",
        f"{path}:2: painter -> generator, renderer",
        f"{path}:2: painter_of -> generator, renderer",
        f"{path}:1: What footage. -> an imperative that names the thing",
        "     2  painter (in identifiers)",
        "     1  footage (in prose)",
        "     1  docstrings that begin with a question word",
    ]
    assert words.main([str(tmp_path), "--counts"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_clean_file_and_one_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.py").write_text('"""Generator of mouths."""\n', encoding="utf-8")
    assert words.main([str(tmp_path)]) == 0
    assert words.main([str(tmp_path / "two.py")]) == 2
    assert "two.py is not there" in capsys.readouterr().err


OLD_TABLES = '''"""Words."""

ALLOWED_IDENTIFIERS = {
    "painter": 3,
    "bend": 1,
}

ALLOWED_PROSE = {}

ALLOWED_QUESTIONS = 12

PATHS = 1
'''


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    path = tmp_path / "tables.py"
    path.write_text(OLD_TABLES, encoding="utf-8")
    return path


def test_tables_are_lowered(tables: Path) -> None:
    new = words.allowed(list(search_python("painter = painter_of(1)", tables)), 2)
    assert words.lower(tables, new) == []
    lowered = OLD_TABLES.replace(": 3", ": 2").replace('    "bend": 1,\n', "").replace("12", "2")
    assert tables.read_text(encoding="utf-8") == lowered
    assert words.lower(tables, new) == []
    assert tables.read_text(encoding="utf-8") == lowered


@pytest.mark.parametrize(
    ("source", "num_questions", "above"),
    [
        ("painter = painter = painter = painter = 1", 12, "ALLOWED_IDENTIFIERS painter: 4, allowed 3"),
        ("# footage", 12, "ALLOWED_PROSE footage: 1, allowed 0"),
        ("", 13, "ALLOWED_QUESTIONS : 13, allowed 12"),
    ],
)
def test_tables_are_never_raised(tables: Path, source: str, num_questions: int, above: str) -> None:
    new = words.allowed(list(search_python(source, tables)), num_questions)
    assert words.lower(tables, new) == [above]
    assert tables.read_text(encoding="utf-8") == OLD_TABLES


def test_lowering_counts_the_default_paths(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        words.main(["--lower", "src"])
    assert "leave the paths out" in capsys.readouterr().err

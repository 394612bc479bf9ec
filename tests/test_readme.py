"""What the README and the pages of docs/ show is there: commands parse, names exist, links lead somewhere."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import tyro
from benchmarks.avatar import __main__ as avatar
from benchmarks.backwards import __main__ as backwards
from benchmarks.motion import __main__ as motion
from benchmarks.results import __main__ as results
from benchmarks.speed import __main__ as speed

import visavox
from visavox.cli.main import COMMANDS as COMMAND_TABLE
from visavox.cli.main import main
from visavox.training.tasks import TASKS
from visavox.training.tasks import commands as task_commands

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(Path(visavox.__file__).parent.glob("weights/shipped/*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in FENCE.findall(page.read_text(encoding="utf-8")) if language in languages]


def command_lines() -> list[tuple[str, list[str]]]:
    """Return (page, words) of every command in a shell block; continued lines are joined, comments left out."""
    found = []
    for page in PAGES:
        for block in blocks(page, "bash", "sh", "console"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                for part in split_at(words, {"&&", "|", ";"}):
                    found.append((page.name, part))
    return found


def split_at(words: list[str], separators: set[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word in separators:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


COMMANDS = command_lines()
OURS = [(page, words[1:]) for page, words in COMMANDS if Path(words[0]).name == "visavox"]
SCRIPTS = [(page, words[1]) for page, words in COMMANDS if Path(words[0]).name.startswith("python") and len(words) > 1]
TARGETS = [(page, word) for page, words in COMMANDS if words[0] == "make" for word in words[1:] if "=" not in word]
PYTHON = [(page.name, text) for page in PAGES for text in blocks(page, "python")]


class Parsed(Exception):
    """Raised once the options were read: nothing after that is run."""


@pytest.fixture
def parse_only(monkeypatch: pytest.MonkeyPatch) -> None:
    read = tyro.cli

    def read_and_stop(*arguments: Any, **options: Any) -> None:
        raise Parsed(read(*arguments, **options))

    monkeypatch.setattr(tyro, "cli", read_and_stop)


@pytest.mark.usefixtures("parse_only")
@pytest.mark.parametrize(("page", "argv"), OURS, ids=lambda value: value if isinstance(value, str) else " ".join(value))
def test_command_can_be_typed_as_printed(page: str, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(argv)
    except (Parsed, SystemExit):
        code = 0
    assert code == 0, f"{page}: visavox {shlex.join(argv)}\n{capsys.readouterr().err}"


def test_recipes_that_are_named_exist() -> None:
    known = {name: row.load_recipes() for name, row in TASKS.items() if row.recipes}
    used = [
        (argv[1], argv[argv.index("--recipe") + 1]) for _, argv in OURS if argv[0] == "train" and "--recipe" in argv
    ]
    assert used
    assert not [(task, recipe) for task, recipe in used if recipe not in known[task]]
    # Those of motion and avatars stand on the pages of GeneFace, in no table of training.
    page = (ROOT / "docs" / "training.md").read_text()
    told = re.findall(r"^\| (?:`([\w-]+)`)? *\| `([\w-]+)`", page, re.MULTILINE)
    generators = ("speech", "expert", "features", "wav2lip", "attn-wav2lip", "motion-dub")
    assert {recipe for _, recipe in told} == {recipe for name in generators for recipe in known[name]}
    assert {task for task, _ in told if task} == set(generators)
    assert not [name for name in task_commands() if f"`{name}`" not in page]


def test_the_readme_begins_with_the_demo() -> None:
    """On the first screen: one sentence, a picture, `make demo` and `make test`."""
    first_screen = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25]
    assert any(line.startswith("![") for line in first_screen)
    assert ("README.md", "demo") in TARGETS
    assert ("README.md", "test") in TARGETS
    assert any(line.startswith("make demo") for line in first_screen)


@pytest.mark.parametrize(("page", "target"), sorted(set(TARGETS)))
def test_make_target_exists(page: str, target: str) -> None:
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE), page


OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
OTHERS = {"--no-deps", "--logdir", "--version", "--help", "--durations"}
"""Options of pip, tensorboard, pytest, and of `visavox` itself."""


def test_options_that_pages_mention_exist(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [[name] for name in COMMAND_TABLE if name not in ("avatar", "bench", "models", "train")]
    commands += [["models", name] for name in ("list", "info", "import", "blend", "graft")]
    commands += [["train", name] for name in task_commands()]
    commands += [["motion", "plot"], ["bench", "avatar"]]
    commands += [["avatar", name] for name in ("build", "info", "speak", "demo")]
    known = set(OTHERS)
    for command in commands:
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        known |= set(OPTION.findall(capsys.readouterr().out))
    for benchmark in (backwards, motion, avatar, results, speed):
        with pytest.raises(SystemExit):
            benchmark.main(["--help"])
        known |= set(OPTION.findall(capsys.readouterr().out))
    mentioned = {(page.name, option) for page in PAGES for option in OPTION.findall(page.read_text(encoding="utf-8"))}
    assert not sorted((page, option) for page, option in mentioned if option not in known)


def test_scripts_exist() -> None:
    """Of `python tools/x.py` and `python -m x`, the first is a file of the repository."""
    missing = [
        (page, script) for page, script in SCRIPTS if not script.startswith("-") and not (ROOT / script).is_file()
    ]
    assert not missing


@pytest.mark.parametrize(("page", "text"), PYTHON, ids=[page for page, _ in PYTHON])
def test_python_names_exist(page: str, text: str) -> None:
    """Every `visavox.name` and every imported name of an example is there."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("visavox"):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names), page
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "visavox":
            assert hasattr(visavox, node.attr), f"{page}: visavox.{node.attr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to {missing}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert not [
        page.name
        for page in (ROOT / "docs").glob("*.md")
        if page.name not in ("index.md",) and f"({page.name})" not in index
    ]

"""Counts of small made-up source trees: each rule with what it finds and what it must not find."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tools.house import LONGEST_FILE, LONGEST_FUNCTION, House, measure
from tools.shapes import has_shape

from tools import house


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., House]:
    """Return a function that writes files under src/pack, each with the given text, and measures them."""

    def write(**files: str) -> House:
        for name, text in files.items():
            path = tmp_path / "src" / "pack" / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            for folder in path.relative_to(tmp_path / "src").parents:
                if folder.name:
                    init = tmp_path / "src" / folder / "__init__.py"
                    if not init.exists():
                        init.write_text("", encoding="utf-8")
        return measure(tmp_path)

    return write


def places(result: House, kind: str) -> list[str]:
    """Return `file:line` of each place of a kind, the file without its folder."""
    return [f"{place.path.relative_to('src/pack').as_posix()}:{place.line}" for place in result.findings[kind].places]


def body(lines: int) -> str:
    """Return a function of as many lines."""
    return "def run():\n" + "    x = 1\n" * (lines - 1)


def test_files_and_lines_of_each_part(tree: Callable[..., House]) -> None:
    result = tree(top="a = 1\nb = 2\n", face__in__one="a = 1\n\n\n", face__in__two="a = 1\n")
    assert result.packages == {"face": (3, 4), "(root)": (2, 2)}
    assert result.totals["files"] == 5
    assert result.totals["lines"] == 6


def test_lengths_of_functions(tree: Callable[..., House]) -> None:
    method = "class C:\n    def g(self):\n        def h():\n            pass\n        return h\n"
    result = tree(one=f"def f():\n    return 1\n\n{method}")
    assert sorted(result.function_lines) == [2, 2, 4]
    assert result.totals["functions"] == 3
    assert result.totals["median lines of a function"] == 2
    assert result.totals["longest function"] == 4


@pytest.mark.parametrize(("lines", "found"), [(LONGEST_FILE, []), (LONGEST_FILE + 1, ["one.py:1"])])
def test_long_files(tree: Callable[..., House], lines: int, found: list[str]) -> None:
    assert places(tree(one="a = 1\n" * lines), "long-files") == found


@pytest.mark.parametrize(("lines", "found"), [(LONGEST_FUNCTION, []), (LONGEST_FUNCTION + 1, ["one.py:2"])])
def test_long_functions(tree: Callable[..., House], lines: int, found: list[str]) -> None:
    assert places(tree(one="@cache\n" + body(lines)), "long-functions") == found


@pytest.mark.parametrize(
    ("signature", "is_above"),
    [
        ("def f(a, b, c, d, e, f, g):", False),
        ("def f(a, b, c, d, e, f, g, h):", True),
        ("async def f(a, b, c, d, e, f, g, h):", True),
        ("def f(a, b, /, c, d, e, *, f, g):", False),
        ("def f(a, b, /, c, d, e, *, f, g, h):", True),
        ("def f(a, b, c, d, e, f, g, *more, **others):", False),
    ],
)
def test_many_parameters(tree: Callable[..., House], signature: str, is_above: bool) -> None:
    assert bool(tree(one=f"{signature}\n    pass\n").findings["many-parameters"].count) is is_above


@pytest.mark.parametrize(
    ("decorator", "names", "is_above"),
    [
        ("", "self, a, b, c, d, e, f, g", False),
        ("", "self, a, b, c, d, e, f, g, h", True),
        ("@classmethod", "cls, a, b, c, d, e, f, g", False),
        ("@staticmethod", "a, b, c, d, e, f, g", False),
        ("@staticmethod", "a, b, c, d, e, f, g, h", True),
    ],
)
def test_many_parameters_of_methods(tree: Callable[..., House], decorator: str, names: str, is_above: bool) -> None:
    text = f"class C:\n    {decorator}\n    def f({names}):\n        pass\n"
    assert bool(tree(one=text).findings["many-parameters"].count) is is_above


def test_parameters_of_a_function_in_a_method_are_all_counted(tree: Callable[..., House]) -> None:
    text = "class C:\n    def m(self):\n        def f(a, b, c, d, e, f, g, h):\n            pass\n"
    assert places(tree(one=text), "many-parameters") == ["one.py:3"]


@pytest.mark.parametrize(
    "statement",
    [
        "from pack.used import name",
        "from pack import used",
        "import pack.used",
        "from . import used",
        "from .used import name",
        "def f():\n    from pack.used import name",
        "if TYPE_CHECKING:\n    from pack.used import name",
        "TABLE = {'used': 'pack.used'}",
        "TABLE = {'used': 'pack.used:name'}",
    ],
)
def test_one_importer(tree: Callable[..., House], statement: str) -> None:
    assert places(tree(used="name = 1\n", user=statement), "one-importer") == ["used.py:1"]
    assert places(tree(used="name = 1\n", user=statement, other=statement), "one-importer") == []


def test_no_importer_is_not_one(tree: Callable[..., House]) -> None:
    assert (
        places(tree(used="name = 1\n", user="from elsewhere import name\nTEXT = 'pack.used is used'\n"), "one-importer")
        == []
    )


def test_whoever_comes_through_a_door_is_an_importer(tree: Callable[..., House]) -> None:
    door = {"used": "name = 1\n", "__init__": "from pack.used import name as shown\n"}
    assert places(tree(**door, user="from pack import shown\n"), "one-importer") == ["used.py:1"]
    assert places(tree(**door, other="from pack.used import name\n"), "one-importer") == []


def test_a_door_counts_only_where_nobody_else_imports(tree: Callable[..., House]) -> None:
    doors = {
        "used": "name = 1\n",
        "__init__": "from pack.used import name\n",
        "inner__in____init__": "from pack import name\n",
    }
    assert places(tree(**doors), "one-importer") == ["used.py:1"]
    assert places(tree(**doors, user="import pack.used\n"), "one-importer") == ["used.py:1"]
    assert places(tree(**doors, other="import pack.used\n"), "one-importer") == []


def test_an_init_that_uses_what_it_imports_is_an_importer(tree: Callable[..., House]) -> None:
    uses = "from pack.used import name\n\ndef f():\n    return name\n"
    assert places(tree(used="name = 1\n", __init__=uses, user="from pack import name\n"), "one-importer") == []


def test_lazy_doors(tree: Callable[..., House]) -> None:
    lazy = "def __getattr__(name):\n    from pack.used import name\n    return name\n"
    assert places(tree(used="name = 1\n", __init__=lazy, user="import pack.used\n"), "one-importer") == ["used.py:1"]


def test_a_table_of_names_in_an_init_is_a_door(tree: Callable[..., House]) -> None:
    table = "HOMES = {'name': 'pack.used'}\n"
    assert places(tree(used="name = 1\n", __init__=table), "one-importer") == ["used.py:1"]
    assert places(tree(user="import pack.used\n"), "one-importer") == ["used.py:1"]


def test_stub_of_a_package_is_a_door(tree: Callable[..., House], tmp_path: Path) -> None:
    tree(used="name = 1\n", user="from pack import name\n")
    (tmp_path / "src" / "pack" / "__init__.pyi").write_text("from .used import name as name\n", encoding="utf-8")
    assert places(tree(), "one-importer") == ["used.py:1"]


def test_repeated_names(tree: Callable[..., House]) -> None:
    result = tree(
        one="class A: ...\ndef f(): ...\ndef main(): ...\nLIMIT = 1\n_HIDDEN = 1\nalone: int = 1\nlogger = 1\n",
        two="A = int\ndef main(): ...\n_HIDDEN = 1\nLIMIT: int = 1\nlogger = 1\ndef g():\n    alone = 1\n",
        three="from pack.one import A\nif True:\n    def f(): ...\n",
    )
    assert places(result, "repeated-names") == ["one.py:1", "two.py:1", "one.py:2", "three.py:3"]
    assert result.findings["repeated-names"].count == 2
    assert places(result, "repeated-constants") == ["one.py:4", "two.py:4"]
    assert result.findings["repeated-constants"].count == 1


@pytest.mark.parametrize("word", ["What", "Where", "How", "Whether", "Which", "When", "Why", "Who"])
def test_questions(tree: Callable[..., House], word: str) -> None:
    text = f'"""{word} it is."""\nLIMIT = 1\n"""{word}: at most."""\n'
    text += f'class C:\n    """\n    {word} is."""\n    def f():\n        """{word}."""\n'
    result = tree(one=text)
    assert places(result, "questions") == ["one.py:1", "one.py:3", "one.py:5", "one.py:8"]
    assert result.findings["questions"].of == 4


def test_names_are_no_questions(tree: Callable[..., House]) -> None:
    text = '"""Whatever."""\nx = "What"\n"""Howling: what?"""\nprint("""Where""")\n# What is this?\n'
    assert places(tree(one=text), "questions") == []


@pytest.mark.parametrize(
    "text",
    [
        "float32 (T, 3).",
        "of (B, 3, H, W), in [0, 1]",
        "mask (N,)",
        "points (..., 68, 3)",
        "frames (2T + 1, H/2)",
        "rows (T, 478, 2 or 3)",
        "float32 (count, size)",
        "int64 (): the step",
        "the loss, a scalar",
        "tensor B 3 H W in [0, 1]",
        "3 H W",
        "image H×W×3",
        "H x W",
        "the 2×3 matrix",
    ],
)
def test_shapes(text: str) -> None:
    assert has_shape(text)


@pytest.mark.parametrize(
    "text",
    [
        "in [0, 1] or (0, 1)",
        "(start, end)",
        "(x0, y0, x1, y1)",
        "0.299 R",
        "a 3x3 kernel",
        "AlexNet",
        "(T)",
        "2 T of",
        "f()",
        "",
    ],
)
def test_no_shapes(text: str) -> None:
    assert not has_shape(text)


def array_function(docstring: str, *, name: str = "f", annotation: str = "x: Tensor") -> str:
    return f'def {name}({annotation}):\n    """{docstring}"""\n'


@pytest.mark.parametrize(
    "annotation", ["x: Tensor", "x: list[np.ndarray]", "*, x: 'Tensor | None'", "*x: NDArray[np.float32]"]
)
def test_functions_of_arrays_without_a_shape(tree: Callable[..., House], annotation: str) -> None:
    result = tree(
        one=array_function("Double it.", annotation=annotation),
        two=array_function("Double (T, 3).", annotation=annotation),
    )
    assert places(result, "no-shape") == ["one.py:1"]
    assert result.findings["no-shape"].of == 2


def test_result_and_methods_count_as_functions_of_arrays(tree: Callable[..., House]) -> None:
    text = 'class C:\n    def f(self) -> Tensor:\n        """Double it."""\n\ndef g() -> Tensor: ...\n'
    assert places(tree(one=text), "no-shape") == ["one.py:2", "one.py:5"]


def test_functions_of_arrays_that_need_no_shape(tree: Callable[..., House]) -> None:
    result = tree(
        one=array_function("Double it.", annotation="x: int"),
        two=array_function("Double it.", name="_f"),
        _three=array_function("Double it."),
        four="class _C:\n    def f(self, x: Tensor): ...\n",
        five="def f():\n    def g(x: Tensor): ...\n",
        six=array_function("Double it.", annotation="x: Float[Tensor, 'B 3 H W']"),
    )
    assert places(result, "no-shape") == []
    assert result.findings["no-shape"].of == 1


def test_a_literal_is_no_shape(tree: Callable[..., House]) -> None:
    assert places(tree(one=array_function("Double.", annotation="x: Tensor, y: Literal['a']")), "no-shape") == [
        "one.py:1"
    ]


def circles(result: House) -> dict[str, int]:
    return {kind: finding.count for kind, finding in result.findings.items() if "circles" in kind and finding.count}


def test_circle_of_modules(tree: Callable[..., House]) -> None:
    result = tree(one="from pack.two import b\n", two="import pack.three\n", three="from pack import one\n")
    assert circles(result) == {"module-circles": 1, "module-circles-lazy": 1}
    assert places(result, "module-circles") == ["one.py:1", "three.py:1", "two.py:1"]


def test_circle_of_modules_by_an_import_in_a_function(tree: Callable[..., House]) -> None:
    assert circles(tree(one="import pack.two\n", two="def f():\n    import pack.one\n")) == {"module-circles-lazy": 1}


def test_circle_with_the_package_itself(tree: Callable[..., House]) -> None:
    assert circles(tree(__init__="from pack.one import a\n", one="from pack import b\n")) == {
        "module-circles": 1,
        "module-circles-lazy": 1,
    }


@pytest.mark.parametrize(
    "second", ["if TYPE_CHECKING:\n    import pack.one\n", "TABLE = 'pack.one'\n", "import pack.three\n"]
)
def test_no_circle(tree: Callable[..., House], second: str) -> None:
    assert circles(tree(one="import pack.two\n", two=second, three="a = 1\n")) == {}


def test_circle_of_packages(tree: Callable[..., House]) -> None:
    result = tree(a__in__one="import pack.b.one\n", a__in__two="", b__in__one="", b__in__two="from pack.a import two\n")
    assert circles(result) == {"package-circles": 1, "package-circles-lazy": 1}
    assert places(result, "package-circles") == ["a/one.py:1", "b/two.py:1"]


def test_circle_of_packages_by_an_import_in_a_function(tree: Callable[..., House]) -> None:
    result = tree(a__in__one="import pack.b.one\n", b__in__one="", b__in__two="def f():\n    import pack.a.one\n")
    assert circles(result) == {"package-circles-lazy": 1}


def test_circle_of_a_module_and_a_package_beside_it(tree: Callable[..., House]) -> None:
    result = tree(
        m__in__base="import pack.m.parts.one\n", m__in__parts__in__one="", m__in__parts__in__two="import pack.m.base\n"
    )
    assert circles(result) == {"package-circles": 1, "package-circles-lazy": 1}


def test_circle_of_packages_through_a_door(tree: Callable[..., House]) -> None:
    doors = {"__init__": "from pack.a.one import name\n", "a__in__one": "import pack.b.one\nname = 1\n"}
    result = tree(**doors, b__in__one="", b__in__two="from pack import name\n")
    assert circles(result)["package-circles"] == 1


def test_two_circles_are_two(tree: Callable[..., House]) -> None:
    result = tree(a="import pack.b\n", b="import pack.a\n", c="import pack.d\nimport pack.a\n", d="import pack.c\n")
    assert circles(result)["module-circles"] == 2


def test_check_fails_where_a_bound_is_broken(
    tree: Callable[..., House], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(one=body(LONGEST_FUNCTION))
    assert house.main([str(tmp_path), "--check"]) == 0
    assert capsys.readouterr().out == ""
    tree(two=body(LONGEST_FUNCTION + 1))
    assert house.main([str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == "src/pack/two.py:1: run, 61 lines\n"


def test_table_and_json_hold_the_same_counts(
    tree: Callable[..., House], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tree(one="a = 1\n", two="from pack.one import a\n")
    assert house.main([str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any(row.split() == ["modules", "with", "one", "importer", "1", "of", "2", "one-importer"] for row in rows)
    assert any(row.split() == ["(root)", "3", "2"] for row in rows)
    assert house.main([str(tmp_path), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["files"] == 3
    assert counts["packages"] == {"(root)": {"files": 3, "lines": 2}}
    assert {kind: counts[kind] for kind in result.findings} == {
        kind: finding.count for kind, finding in result.findings.items()
    }


def test_places_and_names_are_listed(
    tree: Callable[..., House], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(one="class A: ...\nB = 1\n", two="class A: ...\nfrom pack import one\nB = 2\n")
    assert house.main([str(tmp_path), "--list", "one-importer"]) == 0
    assert capsys.readouterr().out == "src/pack/one.py:1: imported by pack.two alone\n"
    assert house.main([str(tmp_path), "--names"]) == 0
    assert (
        capsys.readouterr().out == "A: src/pack/one.py:1, src/pack/two.py:1\nB: src/pack/one.py:2, src/pack/two.py:3\n"
    )


@pytest.mark.parametrize(
    ("options", "sentence"), [(["--list", "files"], "there is no kind files"), ([], "holds no Python files")]
)
def test_what_cannot_be_counted_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    if options:
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "one.py").touch()
    assert house.main([str(tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err


def test_a_broken_file_is_said(tree: Callable[..., House], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SyntaxError):
        tree(one="def f(:\n")
    assert house.main([str(tmp_path)]) == 2
    assert "one.py" in capsys.readouterr().err


def test_this_checkout_is_measured() -> None:
    result = measure(Path(__file__).resolve().parents[2])
    assert result.totals["files"] == sum(1 for _ in (house.ROOT / "src").rglob("*.py"))

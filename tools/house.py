"""Counts of the house: how large the code is, how it is cut into files, and where it breaks its own rules.

    python -m tools.house                        this checkout
    python -m tools.house ../before              another one, counted by the same rules
    python -m tools.house --list one-importer    places of one kind, file:line
    python -m tools.house --check                exits 1 where a bound below is broken

Everything is read from the source under `src` as text; nothing is imported. The rules:

* *lines* of a file: all, blank ones and docstrings included; of a function: from its `def` to its last line, without
  decorators. Methods and inner functions are functions.
* *parameters*: positional and keyword-only ones, without `*args` and `**kwargs`, as ruff counts them (PLR0913). The
  first one of a method (self, cls) is not counted, that of a static method is. The `__init__` that a dataclass makes of
  its fields has no signature in the source and is not counted.
* *one importer*: modules that exactly one other module imports, anywhere: at the head, in a function, for types alone,
  or by a string that is its dotted name. Whoever imports a name from a package imports the module that the name comes
  from. A package's `__init__` that only passes names on is a door and no importer, so that a list of exports changes no
  count; a module that is imported by doors alone has one importer: the world outside. `__init__` and `__main__` are not
  counted themselves.
* *repeated names*: names without an underscore before them that are defined at the head of more than one module. They
  are names of classes and functions if one of the modules has a class or function so called, and of constants (or type
  aliases) otherwise. An import is no definition. CONVENTIONAL names are not counted.
* *question docstrings*: docstrings, those under a constant or a field too, that begin with one of QUESTIONS.
* *no shape*: public functions and methods, of public classes in public modules, with an annotation that names an array
  or a tensor and neither a docstring nor an annotation with a shape: `(T, 3)`, `B 3 H W`, `H×W×3`, `float32 ()` or
  "scalar". One without any docstring has none.
* *circles*: groups of modules that import each other in a circle; for packages, groups of neighbours in one package, at
  least one a package itself. Imports for types alone are no circle; those in functions are counted apart, as lazy.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tools.import_graph import ImportGraph
from tools.shapes import has_shape
from tools.source import Function, Module, docstrings, functions, read_modules
from visavox.runtime.tables import text_table

LONGEST_FILE = 400
"""Lines of a file: one can be read in one sitting."""
LONGEST_FUNCTION = 60
"""Lines of a function: it fits on a screen."""
MOST_PARAMETERS = 7
"""Parameters of a function: what more belongs together is an object."""

BOUNDED = ("long-files", "long-functions", "many-parameters")
"""Kinds of which `--check` allows none."""

QUESTIONS = ("What", "Where", "How", "Whether", "Which", "When", "Why", "Who")
"""Question words: a docstring that begins with one asks instead of naming the thing."""

CONVENTIONAL = ("logger", "main")
"""Names that mean the same in every module that has one."""

ROOT = Path(__file__).resolve().parent.parent

_QUESTION = re.compile(rf"\s*(?:{'|'.join(QUESTIONS)})\b")
_ARRAY = re.compile(r"\b(?:Tensor|ndarray|NDArray|ArrayLike)\b")
_SHAPED_ARRAY = re.compile(rf"{_ARRAY.pattern}, '")  # Float[Tensor, 'B 3 H W']


@dataclass(frozen=True)
class Place:
    """One finding."""

    path: Path
    """The file, relative to the root."""
    line: int
    """Line of the file, from 1."""
    text: str
    """The thing found, with the number that puts it here."""

    def __str__(self) -> str:
        return f"{self.path.as_posix()}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Finding:
    """All places of one kind."""

    title: str
    """Its row of the table."""
    count: int
    """Number of findings; several places may be one finding."""
    places: tuple[Place, ...]
    """Their places."""
    of: int | None = None
    """Number of things among which these were found; None where the number of files or functions says it."""


@dataclass(frozen=True)
class House:
    """Counts of one checkout."""

    packages: dict[str, tuple[int, int]]
    """Files and lines of each part of the package, largest first."""
    function_lines: tuple[int, ...]
    """Lines of each function."""
    findings: dict[str, Finding]
    """Findings by kind."""

    @property
    def totals(self) -> dict[str, int | float]:
        """Numbers that are no findings, by name."""
        lengths = sorted(self.function_lines) or [0]
        return {
            "files": sum(files for files, _ in self.packages.values()),
            "lines": sum(lines for _, lines in self.packages.values()),
            "functions": len(self.function_lines),
            "median lines of a function": statistics.median(lengths),
            "longest function": lengths[-1],
        }

    def to_json(self) -> str:
        """Return totals, counts of the findings by kind, and files and lines of each package."""
        packages = {name: {"files": files, "lines": lines} for name, (files, lines) in self.packages.items()}
        counts = {kind: finding.count for kind, finding in self.findings.items()}
        return json.dumps({**self.totals, **counts, "packages": packages}, indent=2)

    def to_table(self) -> str:
        """Return the same as aligned text."""
        rows = [(name, f"{number:,}", "") for name, number in self.totals.items()]
        for kind, finding in self.findings.items():
            of = "" if finding.of is None else f" of {finding.of:,}"
            rows.append((finding.title, f"{finding.count:,}{of}", kind))
        packages = [(name, f"{files:,}", f"{lines:,}") for name, (files, lines) in self.packages.items()]
        return "\n".join(
            [*_aligned([("", "count", "--list"), *rows]), "", *_aligned([("part", "files", "lines"), *packages])]
        )

    def broken(self) -> list[str]:
        """Return a line for each place that breaks a bound."""
        return [str(place) for kind in BOUNDED for place in self.findings[kind].places]


def measure(root: Path) -> House:
    """Count a checkout.

    Raises:
        FileNotFoundError: there is no Python file under `root/src`.
        SyntaxError: a file is no Python.
    """
    modules = read_modules(root)
    found = [(module, function, around) for module in modules.values() for function, around in functions(module.tree)]
    lengths = [(function.end_lineno or function.lineno) - function.lineno + 1 for _, function, _ in found]
    parameters = [num_parameters(function, around) for _, function, around in found]
    graph = ImportGraph(modules)
    findings = {
        "one-importer": _one_importer(graph),
        "long-files": _finding(
            f"files above {LONGEST_FILE} lines",
            (
                Place(module.path, 1, f"{module.num_lines} lines")
                for module in modules.values()
                if module.num_lines > LONGEST_FILE
            ),
        ),
        "long-functions": _finding(
            f"functions above {LONGEST_FUNCTION} lines",
            _above(LONGEST_FUNCTION, "lines", found, lengths),
        ),
        "many-parameters": _finding(
            f"functions with more than {MOST_PARAMETERS} parameters",
            _above(MOST_PARAMETERS, "parameters", found, parameters),
        ),
        **_repeated_names(modules.values()),
        "questions": _questions(modules.values()),
        "no-shape": _no_shape(found),
        **_circles(graph),
    }
    return House(_packages(modules.values()), tuple(lengths), findings)


def num_parameters(function: Function, around: tuple[ast.AST, ...] = ()) -> int:
    """Count the parameters of a function by the rule in the head of this file.

    Args:
        function: the function.
        around: classes and functions that it lies in, outermost first.
    """
    signature = function.args
    positional = len(signature.posonlyargs) + len(signature.args)
    is_static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in function.decorator_list)
    if positional and around and isinstance(around[-1], ast.ClassDef) and not is_static:
        positional -= 1
    return positional + len(signature.kwonlyargs)


def is_question(docstring: str) -> bool:
    """Tell whether a docstring begins with a word that asks."""
    return _QUESTION.match(docstring) is not None


def defined_names(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return the first definition of each public class, function, constant and type alias at the head of a module."""
    found: dict[str, ast.stmt] = {}
    todo: list[ast.stmt] = list(tree.body)
    while todo:
        node = todo.pop(0)
        names: list[str] = []
        if isinstance(node, Function | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        elif isinstance(node, ast.If | ast.Try | ast.With):
            todo += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
        for name in names:
            if not name.startswith("_"):
                found.setdefault(name, node)
    return found


def _aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    return text_table(rows).splitlines()


def _finding(title: str, places: Iterable[Place], *, of: int | None = None) -> Finding:
    """Make a finding of which each place counts."""
    listed = tuple(places)
    return Finding(title, len(listed), listed, of)


def _packages(modules: Iterable[Module]) -> dict[str, tuple[int, int]]:
    """Return files and lines of each folder inside the package, and of the files that lie beside them."""
    sizes: dict[str, list[int]] = defaultdict(list)
    for module in modules:
        parts = module.path.parts[2:]  # src/PACKAGE/
        sizes[parts[0] if len(parts) > 1 else "(root)"].append(module.num_lines)
    return {name: (len(lines), sum(lines)) for name, lines in sorted(sizes.items(), key=lambda size: -sum(size[1]))}


def _above(
    bound: int, unit: str, found: list[tuple[Module, Function, tuple[ast.AST, ...]]], numbers: list[int]
) -> list[Place]:
    """Return the functions whose number is above a bound, largest first."""
    above = [
        (number, Place(module.path, function.lineno, f"{_qualified(function, around)}, {number} {unit}"))
        for (module, function, around), number in zip(found, numbers, strict=True)
        if number > bound
    ]
    return [place for _, place in sorted(above, key=lambda one: -one[0])]


def _qualified(function: Function, around: tuple[ast.AST, ...]) -> str:
    return ".".join(getattr(node, "name", "") for node in (*around, function))


def _one_importer(graph: ImportGraph) -> Finding:
    importers = graph.importers()
    places = (
        Place(graph.modules[name].path, 1, f"imported by {next(iter(who))} alone")
        for name, who in importers.items()
        if len(who) == 1
    )
    return _finding("modules with one importer", places, of=len(importers))


def _repeated_names(modules: Iterable[Module]) -> dict[str, Finding]:
    """Find the repeated names of classes and functions, and those of constants."""
    homes: dict[str, list[tuple[Place, ast.stmt]]] = defaultdict(list)
    for module in modules:
        for name, node in defined_names(module.tree).items():
            if name not in CONVENTIONAL:
                homes[name].append((Place(module.path, node.lineno, name), node))
    groups: dict[bool, list[list[Place]]] = {True: [], False: []}
    for _, found in sorted(homes.items()):
        if len(found) > 1:
            is_code = any(isinstance(node, Function | ast.ClassDef) for _, node in found)
            groups[is_code].append([place for place, _ in found])
    return {
        f"repeated-{kind}": Finding(
            f"names of {what} in more than one module",
            len(groups[is_code]),
            tuple(chain.from_iterable(groups[is_code])),
        )
        for kind, what, is_code in (("names", "classes and functions", True), ("constants", "constants", False))
    }


def _questions(modules: Iterable[Module]) -> Finding:
    texts = [(module, line, text) for module in modules for line, text in docstrings(module.tree)]
    places = (
        Place(module.path, line, text.strip().splitlines()[0]) for module, line, text in texts if is_question(text)
    )
    return _finding("docstrings that begin with a question word", places, of=len(texts))


def _no_shape(found: list[tuple[Module, Function, tuple[ast.AST, ...]]]) -> Finding:
    public = []
    for module, function, around in found:
        names = [*module.name.split("."), *(getattr(node, "name", "") for node in around), function.name]
        inner = any(isinstance(node, Function) for node in around)
        annotation = " ".join(_annotations(function))
        if not inner and not any(name.startswith("_") for name in names) and _ARRAY.search(annotation):
            public.append((module, function, around, annotation))
    places = (
        Place(module.path, function.lineno, _qualified(function, around))
        for module, function, around, annotation in public
        if not has_shape(ast.get_docstring(function) or "") and not _SHAPED_ARRAY.search(annotation)
    )
    return _finding("public functions of arrays without a shape", places, of=len(public))


def _annotations(function: Function) -> Iterator[str]:
    """Yield the annotations of parameters and result as source text."""
    signature = function.args
    parameters = [*signature.posonlyargs, *signature.args, *signature.kwonlyargs, signature.vararg, signature.kwarg]
    for annotation in [*(one.annotation for one in parameters if one is not None), function.returns]:
        if annotation is not None:
            yield ast.unparse(annotation)


def _circles(graph: ImportGraph) -> dict[str, Finding]:
    findings = {}
    for lazy in (False, True):
        for what, groups in (
            ("package", graph.package_circles(lazy=lazy)),
            ("module", graph.module_circles(lazy=lazy)),
        ):
            places = []
            for group in groups:
                for name in group:
                    first = graph.first_import(name, group)
                    text = f"{name} imports {first.target} ({' - '.join(group)})"
                    places.append(Place(graph.modules[first.importer].path, first.line, text))
            title = f"import circles of {what}s" + (", lazy imports too" if lazy else "")
            findings[f"{what}-circles" + ("-lazy" if lazy else "")] = Finding(title, len(groups), tuple(places))
    return findings


def _names(finding: Finding) -> list[str]:
    """Return a line for each repeated name: the name and its files."""
    homes: dict[str, list[str]] = defaultdict(list)
    for place in finding.places:
        homes[place.text].append(f"{place.path.as_posix()}:{place.line}")
    return [f"{name}: {', '.join(places)}" for name, places in homes.items()]


def main(argv: list[str] | None = None) -> int:
    """Print what the options ask for; return the exit code: 1 for a broken bound, 2 for a root that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tools.house", description="Counts of the house, by reading alone.")
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="a checkout; this one by default")
    parser.add_argument("--list", metavar="KIND", help="print the places of one kind (third column of the table)")
    parser.add_argument("--names", action="store_true", help="print the public names in more than one module")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    parser.add_argument("--check", action="store_true", help="print what breaks a bound, and exit 1 if anything does")
    options = parser.parse_args(argv)
    try:
        house = measure(options.root)
    except (FileNotFoundError, SyntaxError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.list is not None and options.list not in house.findings:
        print(f"error: there is no kind {options.list}; the kinds are {', '.join(house.findings)}", file=sys.stderr)
        return 2
    if options.list is not None:
        print(*house.findings[options.list].places, sep="\n")
    elif options.names:
        print(
            *(line for kind in ("names", "constants") for line in _names(house.findings[f"repeated-{kind}"])), sep="\n"
        )
    elif options.check:
        print(*house.broken(), sep="\n", end="\n" if house.broken() else "")
        return 1 if house.broken() else 0
    else:
        print(house.to_json() if options.json else house.to_table())
    return 0


if __name__ == "__main__":
    sys.exit(main())

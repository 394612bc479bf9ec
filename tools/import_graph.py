"""Import graph of a source tree: importers of each module and import circles, by reading alone.

Four kinds of import are told apart: `head` (run when the module is loaded), `lazy` (inside a function), `types` (under
`if TYPE_CHECKING:`) and `string` (a string that is the dotted name of a module, `"package.module"` or
`"package.module:name"`, as tables of commands and of public names hold for importlib).

An import is a *door* when a package's `__init__` only passes on what it imports: a name that the `__init__` itself does
not use, an import inside its `__getattr__`, a string, or a line of an `__init__.pyi` beside it.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from tools.source import Function, Module, is_typing_only

Kind = Literal["head", "lazy", "types", "string"]
Graph = dict[str, set[str]]

_DOTTED = re.compile(r"([A-Za-z_]\w*(?:\.\w+)+)(?::\w+)?")


@dataclass(frozen=True)
class Import:
    """One name that one module imports from another module of the tree."""

    importer: str
    """Module that imports."""
    target: str
    """Module that is named in the statement."""
    name: str
    """Name that is taken from it; empty for the module itself."""
    known_as: str
    """Name that it has in the importer; empty where it gets none."""
    line: int
    """Line of the importer."""
    kind: Kind
    """The module's docstring says what they are."""
    door: bool = False
    """True where a package only passes it on."""


@dataclass(frozen=True)
class ImportGraph:
    """Every import inside one source tree."""

    modules: dict[str, Module]
    """Modules by dotted name."""

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """All imports, in the order of modules and lines."""
        return tuple(found for module in self.modules.values() for found in self._imports_of(module))

    @cached_property
    def _passed_on(self) -> dict[tuple[str, str], Import]:
        """The import behind a name that a package passes on, by package and name."""
        return {
            (one.importer, one.known_as): one
            for one in self.imports
            if self.modules[one.importer].is_package and one.kind != "string" and one.known_as
        }

    def home(self, one: Import) -> str:
        """Return the module that an imported name comes from, through all doors on the way."""
        seen = set()
        while one.name and (one.target, one.name) in self._passed_on and one not in seen:
            seen.add(one)
            one = self._passed_on[one.target, one.name]
        return one.target

    def importers(self) -> dict[str, set[str]]:
        """Return the importers of each module that is no package and no `__main__`.

        Whoever imports a module, or a name of it, is one: at the head, in a function, for types alone or by a string;
        also through a door, which leads to the module that the name comes from. The doors themselves are no importers,
        so that a list of exports changes no count; only where nobody else imports a module do its doors count, as one
        importer: the world outside.
        """
        users: dict[str, set[str]] = defaultdict(set)
        doors: dict[str, set[str]] = defaultdict(set)
        for one in self.imports:
            home = self.home(one)
            if home != one.importer:
                (doors if one.door else users)[home].add(one.importer)
        counted = [
            name for name, module in self.modules.items() if not module.is_package and module.path.stem != "__main__"
        ]
        return {name: users[name] or set(sorted(doors[name])[:1]) for name in counted}

    def module_circles(self, *, lazy: bool) -> list[list[str]]:
        """Return the groups of modules that import each other in a circle.

        Args:
            lazy: follow imports inside functions too, not only those at the head. Imports for types are never followed.

        Returns:
            sorted names, group by group.
        """
        graph: Graph = {name: set() for name in self.modules}
        for one in self._run(lazy):
            graph[one.importer].add(one.target)
        return circles(graph)

    def package_circles(self, *, lazy: bool) -> list[list[str]]:
        """Return the groups of neighbours that import each other in a circle, at least one of them a package.

        Neighbours lie in the same package. A package stands for all that is in it, except for its own `__init__` as
        seen by its own modules; a name that comes through a door is one of the module behind it.

        Args:
            lazy: follow imports inside functions too, not only those at the head. Imports for types are never followed.

        Returns:
            sorted dotted names, group by group.
        """
        graphs: dict[str, Graph] = defaultdict(lambda: defaultdict(set))
        for one in self._run(lazy):
            parent, ends = _neighbours(one.importer, self.home(one))
            if ends:
                graphs[parent][ends[0]].add(ends[1])
        groups = [group for graph in graphs.values() for group in circles(graph)]
        return sorted(group for group in groups if any(self._is_package(name) for name in group))

    def first_import(self, importer: str, targets: Iterable[str]) -> Import:
        """Return the first import that leads from a module or package to one of others."""
        wanted = set(targets) - {importer}
        for one in self.imports:
            if one.kind not in ("head", "lazy") or not _inside(one.importer, importer):
                continue
            if any(_inside(place, target) for place in (one.target, self.home(one)) for target in wanted):
                return one
        raise LookupError(f"{importer} imports none of {', '.join(sorted(wanted))}")

    def _is_package(self, name: str) -> bool:
        return name not in self.modules or self.modules[name].is_package  # a folder needs no `__init__`

    def _run(self, lazy: bool) -> Iterator[Import]:
        for one in self.imports:
            if (one.kind == "head" or (lazy and one.kind == "lazy")) and one.importer != one.target:
                yield one

    def _imports_of(self, module: Module) -> list[Import]:
        found = list(self._walk(module, module.tree, "head"))
        if not module.is_package:
            return found
        found = [replace(one, door=one.door or _passes_on(one, module.tree)) for one in found]
        stub = module.stub
        return found if stub is None else found + [replace(one, door=True) for one in self._walk(module, stub, "types")]

    def _walk(self, module: Module, node: ast.AST, kind: Kind, door: bool = False) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                for target, name, known_as in self._targets(module, child):
                    yield Import(module.name, target, name, known_as, child.lineno, kind, door)
            elif isinstance(child, ast.Constant):
                dotted = _DOTTED.fullmatch(child.value) if isinstance(child.value, str) else None
                if dotted and dotted[1] in self.modules:
                    yield Import(module.name, dotted[1], "", "", child.lineno, "string")
            elif isinstance(child, Function):
                yield from self._walk(
                    module, child, "lazy", door or (module.is_package and child.name == "__getattr__")
                )
            elif is_typing_only(child) and isinstance(child, ast.If):
                for part in child.body:
                    yield from self._walk(module, ast.Module([part], []), "types", door)
                for part in child.orelse:
                    yield from self._walk(module, ast.Module([part], []), kind, door)
            else:
                yield from self._walk(module, child, kind, door)

    def _targets(self, module: Module, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str, str]]:
        """Yield module, name and name here of everything that a statement takes from the tree."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in self.modules:
                    yield alias.name, "", alias.asname or ""
            return
        base = node.module or ""
        if node.level:
            package = module.parent.split(".")
            base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            if inner in self.modules:
                yield inner, "", alias.asname or alias.name
            elif base in self.modules:
                yield base, alias.name, alias.asname or alias.name


def circles(graph: Graph) -> list[list[str]]:
    """Return the strongly connected groups of more than one node, each sorted."""
    order: list[str] = []
    seen: set[str] = set()
    for node in sorted(graph):
        _visit(node, graph, seen, order)
    backwards: Graph = defaultdict(set)
    for node, targets in graph.items():
        for target in targets:
            backwards[target].add(node)
    groups: list[list[str]] = []
    seen = set()
    for node in reversed(order):
        group: list[str] = []
        _visit(node, backwards, seen, group)
        if len(group) > 1:
            groups.append(sorted(group))
    return sorted(groups)


def _visit(start: str, graph: Graph, seen: set[str], finished: list[str]) -> None:
    """Walk a graph depth first from a node, and append what is reached in the order in which it is left."""
    if start in seen:
        return
    seen.add(start)
    path = [(start, iter(sorted(graph.get(start, ()))))]
    while path:
        node, targets = path[-1]
        target = next((target for target in targets if target not in seen), None)
        if target is None:
            finished.append(node)
            path.pop()
        else:
            seen.add(target)
            path.append((target, iter(sorted(graph.get(target, ())))))


def _neighbours(importer: str, target: str) -> tuple[str, tuple[str, str] | None]:
    """Return the innermost package around two modules, and the two parts of it that hold them, if these differ."""
    one, other = importer.split("."), target.split(".")
    shared = 0
    while shared < min(len(one), len(other)) and one[shared] == other[shared]:
        shared += 1
    if not shared or shared in (len(one), len(other)):
        return "", None
    return ".".join(one[:shared]), (".".join(one[: shared + 1]), ".".join(other[: shared + 1]))


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _passes_on(one: Import, tree: ast.Module) -> bool:
    """Tell whether an `__init__` does nothing with an import but to have it."""
    if one.kind == "string":
        return True
    used = any(isinstance(node, ast.Name) and node.id == one.known_as for node in ast.walk(tree))
    return bool(one.known_as) and not used

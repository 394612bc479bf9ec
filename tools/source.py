"""Python source as syntax trees: the modules of a checkout and their docstrings, read without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of Python source."""

    name: str
    """Dotted name, as it is imported; a package has the name of its folder."""
    path: Path
    """The file, relative to the root of the checkout."""
    text: str
    """Contents of the file."""
    stub_text: str | None = None
    """Contents of a `.pyi` file beside it, where there is one."""

    @cached_property
    def tree(self) -> ast.Module:
        """Syntax tree of the file."""
        return ast.parse(self.text, str(self.path))

    @cached_property
    def stub(self) -> ast.Module | None:
        """Syntax tree of a `.pyi` file beside it, where there is one."""
        return None if self.stub_text is None else ast.parse(self.stub_text)

    @property
    def is_package(self) -> bool:
        """True for the `__init__.py` of a folder."""
        return self.path.name == "__init__.py"

    @property
    def num_lines(self) -> int:
        """Number of lines, blank ones included."""
        return len(self.text.splitlines())

    @property
    def parent(self) -> str:
        """Name of the package that `from . import ...` means here."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


def read_modules(root: Path) -> dict[str, Module]:
    """Read every Python file under `root/src`.

    Args:
        root: a checkout.

    Returns:
        modules by dotted name, in the order of their names.

    Raises:
        FileNotFoundError: there is no Python file under `root/src`.
    """
    modules = []
    for path in (root / "src").rglob("*.py"):
        parts = path.relative_to(root / "src").with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        stub = path.with_suffix(".pyi")
        stub_text = stub.read_text(encoding="utf-8") if stub.is_file() else None
        modules.append(Module(name, path.relative_to(root), path.read_text(encoding="utf-8"), stub_text))
    if not modules:
        raise FileNotFoundError(f"{root / 'src'} holds no Python files; give the root of a checkout")
    return {module.name: module for module in sorted(modules, key=lambda module: module.name)}


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string that stands alone as a statement.

    These are the docstrings of modules, classes and functions, and those under a constant or a field.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def functions(tree: ast.Module) -> Iterator[tuple[Function, tuple[ast.AST, ...]]]:
    """Yield every function, methods and inner ones too, with the classes and functions around it, outermost first."""
    todo: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(tree, ())]
    while todo:
        node, around = todo.pop()
        if isinstance(node, Function):
            yield node, around
        if isinstance(node, Function | ast.ClassDef):
            around = (*around, node)
        todo += [(child, around) for child in reversed(list(ast.iter_child_nodes(node)))]


def is_typing_only(node: ast.AST) -> bool:
    """Tell whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")

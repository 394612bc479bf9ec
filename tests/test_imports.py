"""Every module imports with the core dependencies alone, imports point one way, and the light ones stay light."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

import visavox

PACKAGE = Path(visavox.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

OPTIONAL = ("huggingface_hub", "lightning", "matplotlib", "mediapipe", "skimage", "tensorboard", "transformers")
"""Packages of the extras: the core must do without."""

HEAVY = ("av", "cv2", "mediapipe", "numpy", "scipy", "torch", "tyro")
"""Packages that `import visavox` and `visavox --help` must not load."""

LAYERS = (
    ("constants", "types", "errors", "progress", "demo"),
    ("runtime",),
    ("face", "audio", "media"),
    ("models",),
    ("weights",),
    ("speech",),
    ("data", "metrics", "losses"),
    ("dubbing", "training", "adaptation", "evaluation", "motion", "avatar"),
    ("cli",),
)
"""From the bottom up: a module imports from its own layer and from those below."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def module_name(path: Path) -> str:
    parts = ("visavox", *path.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported_parts(path: Path) -> set[str]:
    """Return the parts of visavox (`media`, `face` ...) that a file imports, at its head or inside a function."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            assert not node.level, f"{path}:{node.lineno} imports relatively"
            names = [f"visavox.{alias.name}" for alias in node.names] if base == "visavox" else [base]
        found |= {name.split(".")[1] for name in names if name.startswith("visavox.")}
    return found


def test_every_module_imports_with_the_core_dependencies() -> None:
    names = [module_name(path) for path in MODULES if path.name != "__main__.py"]
    code = f"""
import importlib, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Missing())
for name in {names!r}:
    importlib.import_module(name)
print(len({names!r}))
"""
    assert int(run_python(code)) == len(names)


@pytest.mark.parametrize("module", ["visavox", "visavox.cli.main", "visavox.cli.common", "visavox.errors"])
def test_light_modules_load_nothing_heavy(module: str) -> None:
    loaded = run_python(f"import sys, {module}; print(*sys.modules)").split()
    assert not set(HEAVY) & set(loaded)


@pytest.mark.parametrize("path", [path for path in MODULES if len(path.parts) > 1], ids=str)
def test_imports_point_down(path: Path) -> None:
    own = path.parts[0]
    above = {part for part in imported_parts(path) if LEVEL.get(part, 0) > LEVEL[own]}
    assert not above, f"{path} is in layer {LEVEL[own]} ({own}) and imports {above} from above"


def test_packages_do_not_import_in_circles() -> None:
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        if len(path.parts) > 1:
            own = path.parts[0]
            graph.setdefault(own, set()).update(imported_parts(path) - {own})
    assert list(TopologicalSorter(graph).static_order())


def test_every_part_has_a_layer() -> None:
    parts = {path.parts[0] for path in MODULES if len(path.parts) > 1}
    assert parts <= set(LEVEL)


@pytest.mark.parametrize("name", visavox.__all__)
def test_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(visavox, name).__doc__


def test_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="No visavox attribute dubb"):
        _ = visavox.dubb  # type: ignore[attr-defined]


@pytest.mark.parametrize("front", sorted(PACKAGE.rglob("__init__.pyi")), ids=lambda path: path.parent.name)
def test_a_package_has_what_its_front_names_and_no_module_of_the_same_name(front: Path) -> None:
    package = importlib.import_module(module_name(front.relative_to(PACKAGE).with_suffix(".py")))
    assert package.__all__ == sorted(package.__all__)
    modules = [name for name in package.__all__ if isinstance(getattr(package, name), ModuleType)]
    assert not modules


def test_fronts_of_packages_load_no_network() -> None:
    names = [module_name(front.relative_to(PACKAGE).with_suffix(".py")) for front in PACKAGE.rglob("__init__.pyi")]
    assert "torch" not in run_python(f"import sys, {', '.join(names)}; print(*sys.modules)").split()

"""What imports mediapipe is freed afterwards, with all that it held."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from visavox.face.detect.mediapipe_models import import_apart

JOB = """
import weakref

class Landmarks:
    pass

def job():
    held = Landmarks()
    {opens}
    return weakref.ref(held)

print(job()() is None)
"""


def frees(opens: str, path: str = "") -> bool:
    """Tell whether a function that runs `opens` in a fresh process lets go of what it held."""
    code = f"import sys; sys.path.insert(0, {path!r})\n" + JOB.format(opens=opens)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip() == "True"


@pytest.fixture
def grudge(tmp_path: Path) -> str:
    """Folder of a module that keeps the exception of an import, as mediapipe does."""
    (tmp_path / "grudge.py").write_text(
        "try:\n    import no_such_module_anywhere\nexcept ImportError as error:\n    kept = error\n"
    )
    return str(tmp_path)


def test_a_module_that_keeps_an_exception_keeps_its_importer(grudge: str) -> None:
    assert not frees("import grudge", grudge)
    assert frees("from visavox.face.detect.mediapipe_models import import_apart; import_apart('grudge')", grudge)


def test_opening_a_tracker_keeps_nothing() -> None:
    assert frees("from visavox.face.track.tracker import open_tracker; open_tracker().close()")


def test_a_missing_module_is_said_as_ever() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        import_apart("no_such_module_anywhere")

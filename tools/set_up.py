"""Makes the virtual environment and installs the tested set in it; `make` calls it, and needs only Python.

    python3 tools/set_up.py .venv

torch comes first, then everything else by pip's ordinary resolver under constraints.txt, so that the same commands
work where the index's torch is a CUDA build with libraries of its own. Only mediapipe is installed without its
dependencies: 0.10.21 is the last wheel that carries the face models, and its metadata asks for numpy<2, protobuf<5
and jax, although it runs beside numpy 2 and protobuf 6.33.0. What it does need at run time is named here.
"""

from __future__ import annotations

import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
TORCH = "torch==2.13.0"
EXTRAS = "train,metrics,plot,hub,hubert,docs,dev"
MEDIAPIPE = "mediapipe==0.10.21"
MEDIAPIPE_NEEDS = ("absl-py", "attrs", "flatbuffers", "matplotlib", "opencv-python-headless", "protobuf")
STAMP = ".tested-set"
"""Written into the environment when it is whole; the Makefile compares its age with that of pyproject.toml."""


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment, on Windows too."""
    windows = environment / "Scripts" / "python.exe"
    return windows if windows.exists() else environment / "bin" / "python"


def check_python() -> None:
    """Say what is wrong with this interpreter before anything is downloaded."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever runs this may have an older one)
        sys.exit(f"set_up: this is Python {version}; visavox needs 3.11 or later. Try: make PYTHON=python3.12 demo")
    if sys.version_info >= (3, 13):
        sys.exit(
            f"set_up: this is Python {version}; {MEDIAPIPE} (the face tracker of the tested set, whose wheel carries "
            "its models) exists for 3.11 and 3.12. Try: make PYTHON=python3.12 demo"
        )


def create(environment: Path) -> None:
    """Make an empty virtual environment, unless there is one."""
    if python_of(environment).exists():
        return
    try:
        venv.create(environment, with_pip=True)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"set_up: no virtual environment could be made ({error}); on Debian: apt-get install python3-venv")


def install(environment: Path) -> None:
    """Install the tested set; stop with pip's own message where pip fails."""
    pip = [str(python_of(environment)), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    constrained = ["--constraint", str(CONSTRAINTS)]
    steps = {
        f"{TORCH}": [*constrained, TORCH],
        "visavox and what it needs": [*constrained, *MEDIAPIPE_NEEDS, "--editable", f"{ROOT}[{EXTRAS}]"],
        f"{MEDIAPIPE}, without the dependencies that it only claims to need": ["--no-deps", MEDIAPIPE],
    }
    for what, arguments in steps.items():
        print(f"set_up: installing {what}", flush=True)
        code = subprocess.run([*pip, *arguments], cwd=ROOT, check=False).returncode
        if code:
            sys.exit(f"set_up: pip could not install {what}; its message is above (is the package index reachable?)")


def main() -> None:
    """Make the environment that the first argument names, and mark it as whole."""
    if len(sys.argv) != 2:
        sys.exit("usage: python3 tools/set_up.py FOLDER")
    start = time.monotonic()
    environment = Path(sys.argv[1]).resolve()
    check_python()
    create(environment)
    install(environment)
    (environment / STAMP).write_text(CONSTRAINTS.read_text())
    print(f"set_up: {environment} is ready ({time.monotonic() - start:.0f} s)")


if __name__ == "__main__":
    main()

"""Rewrite weights files in the present format: the same tensors in the same precision under their present names.

    python tools/rewrite_weights.py src/visavox/weights/shipped/*.safetensors

The basis of the mouth motion, which lay in NAME.motion.npz beside files of version 1, comes into the file, and the file
beside it goes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from visavox.weights import FORMAT_VERSION, edited, read_info, read_tensors, version_1, write_weights


def rewrite(path: Path) -> bool:
    """Rewrite a file; return whether there was anything to do."""
    info = read_info(path)
    if info.version == FORMAT_VERSION:
        return False
    write_weights(path, read_tensors(info), edited(info, info.card))
    version_1.basis_path(path).unlink(missing_ok=True)
    return True


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, "rewritten" if rewrite(Path(name)) else "is of the present format")

"""Checks of the file that weights are to be written to."""

from __future__ import annotations

import os
from pathlib import Path

from visavox.errors import InputError


def check_weights_output(output: Path, *sources: Path, overwrite: bool) -> None:
    """See that a weights file can be written, before the work begins.

    Raises:
        InputError: it cannot, or it is one of the files that are read.
    """
    if output.suffix != ".safetensors":
        raise InputError(f"the output {output} must end in .safetensors")
    if output.is_dir():
        raise InputError(f"the output {output} is a directory; give the name of a file")
    if not output.absolute().parent.is_dir():
        raise InputError(f"the folder of the output {output} does not exist; create it first")
    if not os.access(output.absolute().parent, os.W_OK):
        raise InputError(f"the folder of the output {output} may not be written to; choose another")
    if output.exists() and any(source.exists() and output.samefile(source) for source in sources):
        raise InputError(f"the output {output} is the input itself; choose another name")
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists; choose another name or add --overwrite")

"""Runs visavox commands, one after another in one process, as on a processor that knows no bfloat16.

    python tools/run_in_float32.py '[["dub", "face.mp4", "speech.wav", "-o", "out.mp4"], ["models", "list"]]'

Networks run in bfloat16 where the processor multiplies it, and a value between two levels is then rounded another way
than in float32. Here every processor computes nearly the same. Nothing inside visavox is touched, only what torch and
the libraries below it take the processor for.
"""

from __future__ import annotations

import json
import os
import runpy
import sys

ENVIRONMENT = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # neither AVX-512 nor bfloat16 in convolutions
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "COMPATIBLE",  # one order of sums in products of matrices, whatever the processor
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
"""Variables that the libraries read when they are loaded."""


def main(arguments: list[str]) -> None:
    """Run the commands until one fails; its exit code is that of the process."""
    commands = json.loads(arguments[0])
    os.environ.update(ENVIRONMENT)  # before torch is imported
    hide_reduced_precision()
    for command in commands:
        sys.argv = ["visavox", *command]
        try:
            runpy.run_module("visavox", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            if end.code:
                raise


def hide_reduced_precision() -> None:
    """Make torch report a processor without bfloat16, and autocast keep float32 where it is entered all the same."""
    try:
        import torch
    except ImportError:  # an installation without torch computes in float32 anyway
        return
    if hasattr(torch.cpu, "get_capabilities"):  # torch 2.8
        capabilities = {name: value for name, value in torch.cpu.get_capabilities().items() if "bf16" not in name}
        torch.cpu.get_capabilities = lambda: capabilities  # type: ignore[assignment]
    start = torch.autocast.__init__

    def start_disabled(
        self: torch.autocast,
        device_type: str,
        dtype: torch.dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        start(self, device_type, dtype, False, cache_enabled)

    torch.autocast.__init__ = start_disabled  # type: ignore[method-assign]


if __name__ == "__main__":
    main(sys.argv[1:])

"""Device on which networks run, and the number formats in which it is fast."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from visavox.errors import InputError

if TYPE_CHECKING:
    import torch

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
"""Device as it is asked for; `auto` is a CUDA device where there is one, else the processor."""


def choose_device(name: str, count: int = 1) -> torch.device:
    """Return the device for `auto`, `cpu` or `cuda`.

    Args:
        name: what is asked for.
        count: devices of this machine that will work together.

    Raises:
        InputError: CUDA devices are asked for where there are none, or not as many.
    """
    import torch

    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cuda" and not available:
        raise InputError("device is cuda, and this machine has no usable CUDA device; use --device auto or cpu")
    kind = name if name != "auto" else "cuda" if available else "cpu"
    if kind == "cuda" and count > available:
        raise InputError(f"devices is {count}, and this machine has {available} CUDA devices; give no more than that")
    return torch.device(kind)


def reduced_precision(device: torch.device) -> torch.dtype | None:
    """Return the number format in which `device` is faster than in float32, or None.

    bfloat16 pays where the processor multiplies it; elsewhere it is emulated and slower.
    """
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if not hasattr(torch.cpu, "get_capabilities"):  # older than torch 2.8
        return None
    found: Mapping[str, Any] = torch.cpu.get_capabilities()
    return torch.bfloat16 if found.get("avx512_bf16") or found.get("amx_bf16") else None


@lru_cache(maxsize=1)
def multiplies_bfloat16() -> bool:
    """Tell whether the processor has instructions for bfloat16; without them it is several times slower."""
    import torch

    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

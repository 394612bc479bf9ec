"""Which numbers a processor multiplies fast."""

from __future__ import annotations

from functools import lru_cache

import torch


@lru_cache(maxsize=1)
def multiplies_bfloat16() -> bool:
    """Tell whether the processor has instructions for bfloat16; without them it is several times slower."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

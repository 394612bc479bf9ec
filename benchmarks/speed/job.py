"""One dub in a process of its own, which says how long each stage took and how much memory it needed.

python -m benchmarks.speed.job VIDEO AUDIO OUTPUT MODEL THREADS
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path


def main(argv: list[str]) -> int:
    """Dub once and print the values as JSON."""
    begin = time.perf_counter()
    video, audio, output, model, threads = argv
    import torch

    torch.set_num_threads(int(threads))
    from visavox.dubbing import Dubber

    dubber = Dubber(model)
    start_up = time.perf_counter() - begin
    loaded = peak_memory()
    result = dubber.dub(video, audio, output, overwrite=True)
    print(
        json.dumps(
            {
                "start_up_s": round(start_up, 3),
                "video_s": result.seconds,
                "num_frames": result.num_frames,
                "num_repainted": result.num_repainted,
                "stages_s": result.timings,
                "peak_memory_mb": round(peak_memory(), 1),
                "memory_after_loading_mb": round(loaded, 1),
            }
        )
    )
    return 0


def peak_memory() -> float:
    """Largest resident size of this process so far, MB (2^20 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        # What `getrusage` says begins, on Linux, with the size of the process that started this one.
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(lines["VmHWM"].split()[0]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

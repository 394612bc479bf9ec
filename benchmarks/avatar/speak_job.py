"""An avatar says a recording in a process of its own, which tells how long it took and how much memory it needed.

python -m benchmarks.avatar.speak_job AVATAR AUDIO OUTPUT DEVICE
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.speed.job import peak_memory


def main(argv: list[str]) -> int:
    """Speak once and print the values as JSON."""
    folder, sound, output, device = argv
    from visavox.avatar.speak.job import Avatar

    avatar = Avatar.load(folder, device=device)
    begin = time.perf_counter()
    result = avatar.speak(sound, output)
    values = {
        "seconds": time.perf_counter() - begin,
        "video_seconds": result.seconds,
        "frames": result.num_frames,
        "peak_memory_mb": round(peak_memory(), 1),
    }
    print(json.dumps(values))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

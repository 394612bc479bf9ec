"""An avatar says a recording: motion, pose, rendering and compositing.

| module | holds |
|---|---|
| `job` | `Avatar`, loaded once, and the job of one recording |
| `settings` | what can be chosen |
| `checks` | what is refused before the work |
| `motion_range` | landmarks clamped to what the person's video shows |
| `pose_track` | endless head pose |
| `source_plan` | endless plan of source frames that a head is pasted into |
| `source_frames` | these frames, read and morphed into one another |
| `renderer` | head and torso without what is behind them |
| `compositing` | before a background, or pasted into the video |
| `speed` | frames a second on this machine |
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

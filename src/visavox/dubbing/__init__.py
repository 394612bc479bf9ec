"""Any face, no training: a video or an image and a recording in, the face saying it out.

`check` looks at everything that can be known before anything heavy is loaded and gives a job to run; `dub` does both;
`Dubber` keeps the generator for several jobs;
`LipSyncStream` is the core of both, frame by frame, for live sessions.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Metrics: one a file, each a class of the metric protocol with the pure functions on arrays that it is made of.

`METRICS` (`table`) is the table of them; `visavox.evaluation` measures videos with it. `metric` is the protocol,
`pair` what a metric is given; `curves`, `frechet` and `sync` are computations that several share; `motion` and
`motion_sync` compare generated landmarks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

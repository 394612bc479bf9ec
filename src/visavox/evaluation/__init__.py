"""Evaluation: pairs of videos measured, reported and put side by side, and whole test sets.

`evaluate` reads two videos once, feeds the metrics of `visavox.metrics.METRICS`, and returns a `Report`;
`check_evaluation` gives a job for any number of pairs, and `protocol` dubs whole test sets before it measures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Whole test sets: every pair of a list dubbed, measured and reported, as papers do it.

`check_protocol` gives a job that works through a list in the format of Wav2Lip's evaluation (Prajwal et al., "A Lip
Sync Expert Is All You Need for Speech to Lip Generation In the Wild", 2020, section 4) in parallel, goes on where it
was interrupted, and writes a row for each pair, a table, and two reports.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

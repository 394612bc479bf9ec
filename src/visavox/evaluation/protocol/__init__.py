"""Whole test sets: every pair of a list dubbed, measured and reported, as papers do it.

`run_protocol` works through a list in the format of Wav2Lip's evaluation (Prajwal et al., "A Lip Sync Expert Is
All You Need for Speech to Lip Generation In the Wild", 2020, section 4) in parallel, goes on where it was
interrupted, and writes a row for each pair, a table, and two reports.
"""

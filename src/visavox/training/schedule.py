"""How many updates a training makes: as many as a time allows, or as many as were asked for."""

from __future__ import annotations

import math
from dataclasses import replace

from visavox.training.loop import LoopSettings

FEWEST_STEPS = 8
"""Updates that are made even where the time would not allow as many."""


def steps_within(seconds: float, per_step: float) -> int:
    """How many steps a time allows; never fewer than `FEWEST_STEPS`."""
    return max(FEWEST_STEPS, int(seconds / max(per_step, 1e-6)))


def loop_of_steps(loop: LoopSettings, steps: int) -> LoopSettings:
    """Give a schedule another length: as many validations as before, and a warm-up that fits.

    A run that is drawn out is saved as often as before, in steps.
    """
    share = steps / loop.steps
    return replace(
        loop,
        steps=steps,
        warmup=min(loop.warmup, math.ceil(loop.warmup * share)),
        validate_every=math.ceil(loop.validate_every * share),
        save_every=min(loop.save_every, math.ceil(loop.save_every * share)),
        log_every=min(loop.log_every, steps),
    )

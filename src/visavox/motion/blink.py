"""Blinks: measured in a motion, drawn at random in the same style, and given to a motion.

Speech does not say when eyes blink, so a motion made from speech needs blinks of its own. Lids are described by their
closure: 0 at rest, 1 when upper and lower lid meet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import maximum_filter1d, percentile_filter
from scipy.signal import find_peaks, peak_widths

from visavox.errors import InputError
from visavox.face.geometry import canonical_68
from visavox.types import Motion

EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))
"""Right and left eye: a corner, two points of the upper lid, the other corner, two points of the lower lid."""
LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
"""Upper point and lower point that meet when the eye shuts."""
EYE_POINTS = slice(36, 48)
MEETING_PLACE = 0.15
"""Height at which the lids meet, from the lower (0) to the upper (1): it is the upper lid that moves."""

USUAL_RATE = 26.0
"""Blinks a minute in conversation (Bentivoglio et al., "Analysis of Blink Rate Patterns in Normal Subjects",
Movement Disorders 12, 1997)."""
USUAL_DEPTH = 0.85
"""Closure at the deepest: what the tracker makes of eyes that are shut keeps a little of the gap."""
USUAL_SHAPE = (0.0, 0.08, 0.70, 1.0, 0.82, 0.42, 0.26, 0.18, 0.12, 0.07, 0.03, 0.0)
"""Closure, of the deepest, in steps of 40 ms: shut in two, open in eight. The median of 493 blinks in speech."""
SHAPE_STEP = 0.04
DEEPEST = 3
"""Place of the deepest closure in a shape."""

_LEAST_CLOSURE = 0.4  # of a blink
_LONGEST = 0.5  # seconds at half the depth; longer, the eyes were shut or looked down
_REST_SECONDS = 4.0  # over which eyes at rest are looked for
_ENOUGH = 8  # blinks to learn a shape from
_PRIOR_MINUTES = 0.3  # of usual blinking: a few seconds of video prove little
_INTERVAL_SPREAD = 0.6  # of the logarithm of the time between blinks
_SPEED_SPREAD = 0.12  # of the logarithm of a blink's duration
_SHORTEST_REST = 0.3  # seconds from the deepest of one blink to that of the next


@dataclass(frozen=True)
class BlinkStyle:
    """Blinks of one person: how often, how deep, and their shape over time."""

    rate: float = USUAL_RATE
    """Blinks a minute."""
    depth: float = USUAL_DEPTH
    """Closure at the deepest."""
    shape: tuple[float, ...] = USUAL_SHAPE
    """Closure over time, in steps of 40 ms, 1 at place 3."""


def parse_blink(text: str) -> str | float:
    """Read what a user gave for `--blink`.

    Returns:
        `own`, `natural`, `none`, or a number of blinks a minute.

    Raises:
        InputError: it is none of these.
    """
    if text in ("own", "natural", "none"):
        return text
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 120:
        raise InputError(
            f"--blink {text} is not known; give natural, none, own (the eyes as they are), or blinks a minute from 0 "
            "to 120"
        )
    return rate


def eye_opening(displacements: np.ndarray) -> np.ndarray:
    """Measure the gap between the lids over the width of the eye, seen from the front: the mean of both eyes.

    Args:
        displacements: (T, 68, 3), centimetres from the canonical face.

    Returns:
        float64 (T,), about 0.3 for eyes at rest.
    """
    points = (canonical_68() + displacements)[..., :2]
    openings = []
    for corner, upper, upper2, other, lower2, lower in EYES:
        gap = np.linalg.norm(points[:, upper] - points[:, lower], axis=-1)
        gap2 = np.linalg.norm(points[:, upper2] - points[:, lower2], axis=-1)
        openings.append((gap + gap2) / 2 / np.linalg.norm(points[:, corner] - points[:, other], axis=-1))
    return np.asarray(np.mean(openings, axis=0))


def eye_closure(motion: Motion) -> np.ndarray:
    """Measure the closure of the eyes against their rest around that time: float64 (T,), 0 at rest, 1 shut."""
    opening = eye_opening(motion.displacements)
    window = min(len(opening), round(_REST_SECONDS * motion.rate))
    rest = percentile_filter(opening, 80, size=max(1, window), mode="nearest")
    return np.asarray(np.clip(1 - opening / rest, 0, 1))


def find_blinks(motion: Motion) -> np.ndarray:
    """Find the frames in which a blink is deepest: int64 (number of blinks,), ascending."""
    # A border of open eyes, so that a blink at the very end counts.
    closure = np.concatenate([[0.0], eye_closure(motion), [0.0]])
    peaks, _ = find_peaks(closure, height=_LEAST_CLOSURE, prominence=_LEAST_CLOSURE * 0.75)
    widths = peak_widths(closure, peaks, rel_height=0.5)[0]
    short = widths <= _LONGEST * float(motion.rate)
    seen = motion.confidence[peaks - 1] > 0
    return np.asarray(peaks[short & seen] - 1)


def learn_blink_style(motions: Sequence[Motion]) -> BlinkStyle:
    """Learn how a person blinks from their motions; the usual values stand in for what these do not show."""
    minutes = sum(float((motion.confidence > 0).sum() / motion.rate) / 60 for motion in motions)
    depths: list[float] = []
    shapes: list[np.ndarray] = []
    for motion in motions:
        closure, rate = eye_closure(motion), float(motion.rate)
        for peak in find_blinks(motion):
            depths.append(float(closure[peak]))
            times = peak + (np.arange(len(USUAL_SHAPE)) - DEEPEST) * SHAPE_STEP * rate
            if times[0] >= 0 and times[-1] <= len(closure) - 1:
                shapes.append(np.interp(times, np.arange(len(closure)), closure / closure[peak]))
    rate = (len(depths) + USUAL_RATE * _PRIOR_MINUTES) / (minutes + _PRIOR_MINUTES)
    # At 25 frames a second the deepest moment is often missed: the upper quartile is nearer to it than the mean.
    depth = float(np.quantile(depths, 0.75)) if len(depths) >= 3 else USUAL_DEPTH
    return BlinkStyle(rate, max(depth, 0.7), _typical(shapes) if len(shapes) >= _ENOUGH else USUAL_SHAPE)


def draw_blinks(num_frames: int, rate: float, *, style: BlinkStyle | None = None, seed: int = 0) -> np.ndarray:
    """Draw the times at which eyes blink, and how far they are shut in each frame.

    The times between blinks are log-normal, as those of people are, and the first blink can come at any moment.

    Args:
        num_frames: T.
        rate: frames a second.
        style: how the person blinks.
        seed: same seed, same blinks.

    Returns:
        float32 (T,) closure in [0, 1].
    """
    style = style or BlinkStyle()
    closure = np.zeros(num_frames)
    if style.rate <= 0:
        return closure.astype(np.float32)
    rng = np.random.default_rng(seed)
    mean = max(60 / style.rate, _SHORTEST_REST * 1.1)
    # Mean of a log-normal: exp(m + s^2 / 2).
    center = math.log(mean - _SHORTEST_REST) - _INTERVAL_SPREAD**2 / 2
    lid = PchipInterpolator((np.arange(len(style.shape)) - DEEPEST) * SHAPE_STEP, style.shape, extrapolate=False)
    times = np.arange(num_frames) / rate
    moment = -mean * rng.uniform()
    while moment < times[-1] + 1:
        speed = math.exp(rng.normal(0, _SPEED_SPREAD))
        # On a frame: a blink whose deepest moment fell between two of them would not shut the eyes.
        deepest = round(moment * rate) / rate
        closure = np.maximum(closure, style.depth * np.nan_to_num(lid((times - deepest) * speed)))
        moment += _SHORTEST_REST + rng.lognormal(center, _INTERVAL_SPREAD)
    return closure.astype(np.float32)


def apply_blinks(motion: Motion, closure: np.ndarray, *, person: Motion | None = None) -> Motion:
    """Move the lids of a motion as a closure says; the eyes' own movement stops.

    Args:
        motion: T frames.
        closure: (T,) in [0, 1]; at 1 upper and lower lid touch.
        person: motion of the person, which shows their eyes at rest; None: the motion itself does.
    """
    if len(closure) != motion.num_frames:
        raise ValueError(f"a closure of {len(closure)} frames does not belong to a motion of {motion.num_frames}")
    rest = eyes_at_rest(person or motion)
    eyes, way = canonical_68() + rest, np.zeros((68, 3))
    for upper, lower in LIDS:
        meeting = eyes[lower] + MEETING_PLACE * (eyes[upper] - eyes[lower])
        way[upper], way[lower] = meeting - eyes[upper], meeting - eyes[lower]
    displacements = motion.displacements.copy()
    shut = np.clip(closure, 0, 1)[:, None, None]
    displacements[:, EYE_POINTS] = rest[EYE_POINTS] + shut * way[EYE_POINTS]
    return replace(motion, displacements=displacements)


def eyes_at_rest(motion: Motion) -> np.ndarray:
    """Return the person's mean displacements with their eyes as they are between blinks: float64 (68, 3)."""
    rest = motion.neutral.astype(np.float64)
    awake = eye_closure(motion) < 0.15
    if awake.any():
        rest[EYE_POINTS] = np.median(motion.displacements[awake][:, EYE_POINTS], axis=0)
    return rest


def with_blinks(motion: Motion, blink: str | float, *, person: Motion | None = None, seed: int = 0) -> Motion:
    """Give a motion blinks.

    Args:
        motion: T frames.
        blink: as `parse_blink` returns it: `own` changes nothing, `none` keeps the eyes open, `natural` blinks as the
            person does, a number so many times a minute.
        person: motion of the person, which shows how they blink and their eyes at rest; None: as usual.
        seed: same seed, same blinks.
    """
    if blink == "own":
        return motion
    closure = draw_blinks(motion.num_frames, float(motion.rate), style=blink_style_of(blink, person), seed=seed)
    return apply_blinks(motion, closure, person=person)


def blink_style_of(blink: str | float, person: Motion | None) -> BlinkStyle:
    """Return the blinks that a user asked for by `natural`, `none`, or a number of blinks a minute.

    Args:
        blink: as `parse_blink` returns it, but not `own`.
        person: motion of theirs, which shows how they blink; None: as usual.
    """
    style = BlinkStyle() if person is None else learn_blink_style([person])
    return style if blink == "natural" else replace(style, rate=0.0 if blink == "none" else float(blink))


def _typical(shapes: Sequence[np.ndarray]) -> tuple[float, ...]:
    """Return the median of a person's blinks, 0 at both ends, 1 at the deepest, falling to both sides."""
    median = np.median(shapes, axis=0)
    resting = min(median[0], median[-1])
    shape = np.clip((median - resting) / (1 - resting), 0, 1)
    shape[0] = shape[-1] = 0
    shape[: DEEPEST + 1] = np.maximum.accumulate(shape[: DEEPEST + 1])
    shape[DEEPEST:] = np.minimum.accumulate(shape[DEEPEST:])
    shape[DEEPEST] = 1
    return tuple(float(value) for value in shape)


DEEPER = 1.12
"""Factor by which lids shut deeper than the tracker sees them: of eyes that are shut it keeps a little of the gap."""
SHUT = 2
"""Frames for which they stay at the deepest. A head is drawn by the landmarks of several frames (the attention window),
and eyes that are shut in one of them alone would be drawn half open."""


def with_rendered_blinks(motion: Motion, blink: str | float, person: Motion, seed: int) -> Motion:
    """Give a motion blinks that a radiance field draws as such.

    Args:
        motion: T frames.
        blink: natural, none, or blinks a minute.
        person: whose eyes they are.
        seed: same seed, same blinks.
    """
    closure = draw_blinks(motion.num_frames, float(motion.rate), style=blink_style_of(blink, person), seed=seed)
    return apply_blinks(motion, rendered_closure(closure), person=person)


def rendered_closure(closure: np.ndarray) -> np.ndarray:
    """Closure (T,) of eyes as a tracker sees it to that of eyes that are drawn: float32 (T,) in [0, 1]."""
    return np.asarray(np.clip(DEEPER * maximum_filter1d(closure, SHUT), 0, 1), np.float32)

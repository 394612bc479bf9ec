"""The face at rest has shut lips, and what is counted from it keeps the gap absolute."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import InputError
from visavox.face.geometry.resting_face import fit_opening_mode, lip_gap, resting_face


def footage(seed: int = 0, frames: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Displacements of a face whose jaw follows its lips, and the mode by which it opens."""
    rng = np.random.default_rng(seed)
    mode = np.zeros((68, 3))
    mode[62, 1], mode[66, 1], mode[8, 1], mode[8, 2] = 0.25, -0.75, -0.6, -0.2
    identity = rng.normal(size=(68, 3)) * 0.2
    identity -= mode * lip_gap(identity)
    return (identity + rng.uniform(0.0, 1.5, frames)[:, None, None] * mode).astype(np.float32), mode


def test_the_mode_is_found_whoever_it_is() -> None:
    clips = [footage(seed)[0] for seed in range(3)]
    fitted = fit_opening_mode(clips)
    np.testing.assert_allclose(fitted, footage()[1], atol=1e-5)
    assert fitted[62, 1] - fitted[66, 1] == pytest.approx(1.0, abs=1e-5)


def test_the_rest_is_shut_and_the_gap_stays_absolute() -> None:
    displacements, mode = footage()
    rest = resting_face(displacements, mode)
    assert float(lip_gap(rest)) == pytest.approx(0.0, abs=1e-5)
    motion = displacements - rest
    np.testing.assert_allclose(motion[:, 62, 1] - motion[:, 66, 1], lip_gap(displacements), atol=1e-5)


def test_a_speaker_who_never_shuts_their_mouth_has_the_same_rest() -> None:
    displacements, mode = footage()
    wide = displacements[lip_gap(displacements) > 0.7]
    np.testing.assert_allclose(resting_face(wide, mode), resting_face(displacements, mode), atol=1e-4)


def test_a_still_face_teaches_no_opening() -> None:
    still, _ = footage()
    with pytest.raises(InputError, match="do not move"):
        fit_opening_mode([np.repeat(still[:1], 20, axis=0)])

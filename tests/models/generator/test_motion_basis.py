"""The motion of a mouth says what lips and chin do, wherever the head is and however it is turned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from visavox.errors import InputError
from visavox.face.geometry.landmarks import EYE_OUTER_LEFT, EYE_OUTER_RIGHT, LIP_LOWER, LIP_UPPER
from visavox.face.geometry.pose import canonical_face, mirror_indices
from visavox.models.generator.motion_basis import (
    MOUTH_POINTS,
    MotionBasis,
    StoredBasis,
    fit_motion_basis,
    frontal_mouths,
    lip_opening,
    load_basis,
    save_basis,
)

T = 40


@pytest.fixture(scope="module")
def mirror() -> np.ndarray:
    return mirror_indices()


@pytest.fixture(scope="module")
def clip(mirror: np.ndarray) -> np.ndarray:
    """A canonical face, 200 pixels wide, whose mouth moves at random and alike on both sides: (T, 478, 3)."""
    face = canonical_face().astype(np.float64) * np.array([1, -1, -1]) * 12 + np.array([300.0, 200, 0])
    rng = np.random.default_rng(1)
    moved = np.tile(face, (T, 1, 1))
    points = np.array(MOUTH_POINTS)
    shift = rng.normal(scale=3, size=(T, 478, 3))
    shift = (shift + shift[:, mirror] * np.array([-1, 1, 1])) / 2
    moved[:, points] += shift[:, points]
    return moved


@pytest.fixture(scope="module")
def basis(clip: np.ndarray) -> MotionBasis:
    return fit_motion_basis([clip], 5)


def test_the_motion_of_training_clips_has_unit_variance(clip: np.ndarray, basis: MotionBasis) -> None:
    motion = basis.motion(clip)
    assert motion.shape == (T, 5)
    assert motion.dtype == np.float32
    np.testing.assert_allclose(motion.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(motion.std(axis=0), 1, atol=1e-4)
    correlation = np.corrcoef(motion[:, 1:].T)
    np.testing.assert_allclose(correlation, np.eye(4), atol=1e-4)


def test_shift_and_scale_change_nothing(clip: np.ndarray, basis: MotionBasis) -> None:
    for moved in (clip + np.array([50.0, -80, 10]), clip * 2.5):
        np.testing.assert_allclose(basis.motion(moved), basis.motion(clip), atol=1e-4)


def test_a_head_that_turns_changes_nothing(clip: np.ndarray, basis: MotionBasis) -> None:
    angles = np.random.default_rng(2).uniform(-20, 20, (T, 3))
    turned = np.einsum("tij,tpj->tpi", Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), clip)
    np.testing.assert_allclose(basis.motion(turned), basis.motion(clip), atol=0.02)


def test_a_tilted_camera_changes_nothing(clip: np.ndarray, basis: MotionBasis) -> None:
    tilted = clip @ Rotation.from_euler("z", 25, degrees=True).as_matrix().T
    np.testing.assert_allclose(basis.motion(tilted), basis.motion(clip), atol=0.01)


def test_a_mirrored_face_moves_the_same(clip: np.ndarray, basis: MotionBasis, mirror: np.ndarray) -> None:
    mirrored = clip[:, mirror] * np.array([-1.0, 1, 1])
    np.testing.assert_allclose(basis.motion(mirrored), basis.motion(clip), atol=0.01)


def test_opening_is_the_gap_between_the_lips(clip: np.ndarray) -> None:
    shut = clip.copy()
    shut[:, LIP_LOWER] = shut[:, LIP_UPPER]
    assert lip_opening(frontal_mouths(shut)).max() < 1e-6
    gaped = shut.copy()
    eyes = np.linalg.norm(shut[0, EYE_OUTER_LEFT] - shut[0, EYE_OUTER_RIGHT])
    gaped[:, LIP_LOWER, 1] += 0.2 * eyes
    # Forehead above nose is a few degrees from upright in head space.
    np.testing.assert_allclose(lip_opening(frontal_mouths(gaped)), 0.2, rtol=0.05)


def test_the_opening_is_absolute_so_that_shut_is_shut_for_everybody(clip: np.ndarray, basis: MotionBasis) -> None:
    """The components are counted from the clip's own mean; the opening is not."""
    shut = clip.copy()
    shut[:, LIP_LOWER] = shut[:, LIP_UPPER]
    expected = -basis.opening_mean / basis.opening_scale
    np.testing.assert_allclose(basis.motion(shut)[:, 0], expected, atol=1e-5)


def test_a_fit_gives_the_same_numbers_again(clip: np.ndarray, basis: MotionBasis) -> None:
    again = fit_motion_basis([clip], 5)
    assert np.array_equal(again.components, basis.components)
    assert (again.opening_mean, again.opening_scale) == (basis.opening_mean, basis.opening_scale)


def test_mouths_that_stand_still_are_refused(clip: np.ndarray) -> None:
    still = np.repeat(clip[:1], T, axis=0)
    with pytest.raises(InputError, match="hardly move"):
        fit_motion_basis([still], 5)
    with pytest.raises(InputError, match="hardly move"):
        fit_motion_basis([clip[:3]], 5)


def test_a_basis_is_saved_and_loaded(clip: np.ndarray, basis: MotionBasis, tmp_path: Path) -> None:
    save_basis(basis, tmp_path / "a.motion.npz")
    loaded = load_basis(tmp_path / "a.motion.npz")
    assert loaded == basis
    assert np.array_equal(loaded.motion(clip), basis.motion(clip))
    assert [path.name for path in tmp_path.iterdir()] == ["a.motion.npz"]


def test_files_that_are_no_basis(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.npz is not a motion basis"):
        load_basis(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(InputError, match="is not a motion basis"):
        load_basis(tmp_path / "text.npz")
    save_basis(MotionBasis(0.0, 1.0, np.zeros((3, 4))), tmp_path / "other.npz")
    with pytest.raises(InputError, match="describes other mouth points"):
        load_basis(tmp_path / "other.npz")


def test_a_network_holds_the_basis_that_was_fitted(basis: MotionBasis) -> None:
    stored, other = StoredBasis(5), StoredBasis(5)
    assert stored.basis is None
    stored.set(basis)
    other.load_state_dict(stored.state_dict())
    assert other.basis == basis
    assert hash(other.basis) == hash(basis)


def test_bases_of_other_numbers_differ(basis: MotionBasis) -> None:
    assert replace(basis, opening_mean=basis.opening_mean + 1e-3) != basis
    assert replace(basis, components=basis.components * 1.001) != basis
    assert basis != "a basis"

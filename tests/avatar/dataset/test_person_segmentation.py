"""Scene, outline and torso of pictures that are known to the pixel."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.avatar.dataset.background import Plate, clean_plate, fill_unknown, matte
from visavox.avatar.dataset.segmentation import inpaint_torso, steady
from visavox.progress import QUIET

SIDE = 96


def disk(x: float, y: float, radius: float, softness: float = 1.0) -> np.ndarray:
    """A soft disk: float32 (SIDE, SIDE) in [0, 1]."""
    rows, columns = np.indices((SIDE, SIDE), dtype=np.float32)
    return np.asarray(np.clip((radius - np.hypot(columns - x, rows - y)) / softness + 0.5, 0, 1), np.float32)


def wall() -> np.ndarray:
    """A scene of slow changes: float32 (SIDE, SIDE, 3)."""
    rows, columns = np.indices((SIDE, SIDE), dtype=np.float32)
    return np.stack([60 + rows, 200 - columns, 150 + 0.3 * columns], axis=-1)


def walker(frames: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """A disk that walks by before the wall: frames uint8 (T, ...) and masks uint8 (T, ...)."""
    generator = np.random.default_rng(0)
    pictures, masks = [], []
    for index in range(frames):
        alpha = disk(20 + index, 50, 14)
        clean = wall() * (1 - alpha[..., None]) + np.array([220, 40, 40]) * alpha[..., None]
        pictures.append(np.clip(clean + generator.normal(0, 2, clean.shape), 0, 255).astype(np.uint8))
        masks.append((255 * alpha).astype(np.uint8))
    return np.stack(pictures), np.stack(masks)


def test_filling_keeps_what_is_known_and_goes_on_smoothly() -> None:
    image = wall()
    weight = 1 - disk(48, 48, 20)
    filled = fill_unknown(np.where(weight[..., None] > 0.5, image, 0), (weight > 0.5).astype(np.float32))
    assert filled[weight > 0.5] == pytest.approx(image[weight > 0.5])
    assert np.abs(filled - image).max() < 25
    assert np.abs(filled - image).mean() < 2


def test_filling_of_nothing_known_is_finite() -> None:
    assert np.isfinite(fill_unknown(np.zeros((7, 5, 3), np.float32), np.zeros((7, 5), np.float32))).all()


def test_scene_is_found_behind_a_walker() -> None:
    frames, masks = walker()
    plate = clean_plate(frames, masks, np.ones(len(frames), bool), QUIET)
    assert plate.seen.mean() > 0.98
    assert np.abs(plate.image - wall()).max() < 6
    assert 0.5 < plate.noise < 3


def test_scene_behind_one_who_stands_is_guessed_and_given_less_credit() -> None:
    frames, masks = walker(8)
    plate = clean_plate(frames, masks, np.ones(8, bool), QUIET)
    assert not plate.seen[50, 24]
    assert np.abs(plate.image - wall())[50, 24].max() < 25
    assert plate.credit[50, 24] < 0.2
    assert plate.credit[5, 5] == 1


def test_frames_that_failed_do_not_spoil_the_scene() -> None:
    frames, masks = walker()
    frames[::3] = 0
    masks[::3] = 0
    usable = np.arange(len(frames)) % 3 != 0
    assert np.abs(clean_plate(frames, masks, usable, QUIET).image - wall()).max() < 6


def test_hair_outside_the_mask_does_not_stay_in_the_scene() -> None:
    frames, masks = walker(60)
    still = disk(48, 48, 16)
    hair = disk(48, 48, 18) - still  # a rim of two pixels that the mask does not know of
    picture = wall() * (1 - (still + hair)[..., None]) + 20 * (still + hair)[..., None]
    frames[:] = picture.astype(np.uint8)
    masks[:] = (255 * still).astype(np.uint8)
    plate = clean_plate(frames, masks, np.ones(60, bool), QUIET)
    assert np.abs(plate.image - wall())[hair > 0.5].max() < 30


def test_colour_sharpens_a_rough_outline() -> None:
    true = disk(48, 48, 20, softness=2)
    own = np.array([220.0, 40.0, 40.0])
    picture = (wall() * (1 - true[..., None]) + own * true[..., None]).astype(np.uint8)
    rough = disk(47.5, 48, 21, softness=6)
    plate = Plate(wall().astype(np.uint8), np.ones((SIDE, SIDE), bool), 1.0)
    found = matte(picture, rough, plate)
    assert np.abs(found.person - true).max() < 0.15
    assert np.abs(found.person - true).mean() < 0.2 * np.abs(rough - true).mean()
    edge = (true > 0.3) & (true < 0.9)
    assert np.abs(found.color[edge] - own).max() < 25  # nothing of the scene is left in the colour


def test_without_contrast_the_network_decides() -> None:
    picture = wall().astype(np.uint8)
    rough = disk(48, 48, 20, softness=4)
    found = matte(picture, rough, Plate(picture, np.ones((SIDE, SIDE), bool), 1.0))
    assert np.abs(found.person - rough).max() < 0.02


def test_outline_is_averaged_over_time_but_not_over_a_cut_nor_with_what_is_unknown() -> None:
    person = np.zeros((4, 2, 2), np.uint8)
    person[1] = person[3] = 255
    stretch, known = np.array([0, 0, 0, 1]), np.ones(4, bool)
    assert steady(person, 1, stretch, known)[0, 0] == pytest.approx(0.5)
    assert steady(person, 0, stretch, known)[0, 0] == pytest.approx(1 / 3)
    assert steady(person, 2, stretch, known)[0, 0] == pytest.approx(1 / 3)
    known[[0, 2]] = False
    assert steady(person, 1, stretch, known)[0, 0] == 1


def bust(brightness: float = 180.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A head on a neck on shoulders: colour, person and head."""
    rows, columns = np.indices((SIDE, SIDE))
    head = disk(48, 35, 20)
    neck = ((np.abs(columns - 48) < 10) & (rows > 40)).astype(np.float32)
    shoulders = ((rows > 66) & (np.abs(columns - 48) < 40)).astype(np.float32)
    person = np.maximum(np.maximum(head, neck), shoulders)
    color = np.where(head[..., None] > 0.5, [200.0, 0.0, 0.0], [brightness, brightness, 0.0]).astype(np.float32)
    return color, person, np.minimum(head, person)


def test_neck_goes_up_behind_the_head_and_ends() -> None:
    color, person, head = bust()
    torso = inpaint_torso(color, person, head)
    assert torso.dtype == np.uint8
    assert torso.shape == (SIDE, SIDE, 4)
    assert (torso[54:, 48, 3] == 255).all()  # under the head and a little behind it
    assert torso[:30, :, 3].max() == 0
    assert torso[35, 30, 3] == 0  # nothing where neither neck nor shoulders are


def test_neck_is_drawn_in_its_own_colour_and_gets_darker() -> None:
    color, person, head = bust()
    torso = inpaint_torso(color, person, head)
    column = torso[:, 48].astype(int)
    drawn = column[49:53]
    assert (np.abs(drawn[:, 0] - drawn[:, 1]) < 12).all()  # yellow like the neck, not red like the head
    assert (np.diff(column[49:56, 0]) >= 0).all()
    assert column[53:56, 0].min() > 170  # what shines through the head's border is not dark
    assert 60 < column[50, 0] < 160


def test_alpha_is_never_less_than_the_torso() -> None:
    color, person, head = bust()
    assert (inpaint_torso(color, person, head)[..., 3] >= np.floor(255 * (person - head))).all()


def test_head_alone_has_no_torso() -> None:
    color, _, head = bust()
    assert inpaint_torso(color, head, head)[..., 3].max() == 0


def test_steady_neighbours_have_steady_necks() -> None:
    first = inpaint_torso(*bust(180.0)).astype(int)
    second = inpaint_torso(*bust(182.0)).astype(int)
    assert np.abs(first[..., 3] - second[..., 3]).max() == 0
    assert np.abs(first - second)[40:60].max() <= 3

"""Persons before backgrounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavox.avatar.speak.backdrop import GREEN, open_backdrop, resized
from visavox.avatar.speak.renderer import Layers

SIDE = 64
SCENE = np.full((SIDE, SIDE, 3), (20, 120, 220), dtype=np.uint8)
SKIN = np.array([200.0, 150.0, 120.0])


def a_person(*, fringed: bool) -> Layers:
    """A disc of skin, as a field learns it: the pixels of its edge opaque, of a colour between skin and scene."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    distance = np.hypot(rows - 31.5, columns - 31.5)
    share = np.clip(21 - distance, 0, 1)[..., None]
    color = share * SKIN + (1 - share) * SCENE
    opacity = (distance < 21).astype(np.float32)
    if not fringed:
        color, opacity = np.broadcast_to(SKIN, color.shape), share[..., 0].astype(np.float32)
    return Layers((opacity[..., None] * color / 255).astype(np.float32), opacity, opacity)


def test_before_their_own_scene_they_are_as_drawn() -> None:
    layers = a_person(fringed=True)
    picture = open_backdrop("original", SCENE, SIDE).put(layers)
    expected = 255 * layers.color + (1 - layers.opacity[..., None]) * SCENE
    assert np.abs(picture - expected).max() <= 0.5


@pytest.mark.parametrize("fringed", [True, False])
def test_before_green_their_own_scene_does_not_shine_through(fringed: bool) -> None:
    picture = open_backdrop("green", SCENE, SIDE).put(a_person(fringed=fringed)).astype(float)
    # On the way from skin to green there is no more blue than in either, and the edge is soft.
    assert picture[..., 2].max() <= SKIN[2] + 12
    assert np.allclose(picture[31, 31], SKIN, atol=1)
    assert np.allclose(picture[2, 2], GREEN, atol=1)
    row = picture[31, :, 0]
    assert ((row > 20) & (row < 180)).any()


def test_transparent_pictures_hold_the_persons_own_colour() -> None:
    picture = open_backdrop("transparent", SCENE, SIDE).put(a_person(fringed=True))
    assert picture.shape == (SIDE, SIDE, 4)
    assert picture[2, 2].tolist() == [0, 0, 0, 0]
    assert picture[31, 31, 3] == 255
    edge = (picture[..., 3] > 60) & (picture[..., 3] < 250)
    assert edge.any()
    assert np.abs(picture[edge][:, :3] - SKIN).max() < 40


def test_the_middle_of_a_picture_is_taken(tmp_path: Path) -> None:
    wide = np.zeros((50, 150, 3), np.uint8)
    wide[:, 50:100] = (10, 200, 30)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    nobody = Layers(np.zeros((SIDE, SIDE, 3), np.float32), *np.zeros((2, SIDE, SIDE), np.float32))
    picture = open_backdrop(str(tmp_path / "wide.png"), SCENE, SIDE).put(nobody)
    assert (picture == (10, 200, 30)).all()


def test_scaling_keeps_the_edges() -> None:
    picture = np.tile(np.linspace(0, 250, 16, dtype=np.float32)[None, :, None], (16, 1, 3))
    assert np.abs(resized(resized(picture, 64), 16)[:, 2:-2] - picture[:, 2:-2]).max() < 2
    assert resized(picture, 16) is picture

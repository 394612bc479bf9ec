"""A rendered person before a background, and pasted into the frames of the video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.small_person import make_person

from visavox.avatar.format.avatar_folder import AvatarSource, SourceCrop, SourceVideo
from visavox.avatar.speak.compositing import GREEN, Paster, TrueFace, open_backdrop, resized
from visavox.avatar.speak.renderer import Layers
from visavox.data.radiance.person_data import PersonData
from visavox.face.geometry.motion import canonical_68

SIZE = 64
SCENE = np.full((SIZE, SIZE, 3), (20, 120, 220), dtype=np.uint8)
SKIN = np.array([200.0, 150.0, 120.0])


def a_person(*, fringed: bool) -> Layers:
    """A disc of skin, as a field learns it: the pixels of its edge opaque, of a colour between skin and scene."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    distance = np.hypot(rows - 31.5, columns - 31.5)
    share = np.clip(21 - distance, 0, 1)[..., None]
    color = share * SKIN + (1 - share) * SCENE
    opacity = (distance < 21).astype(np.float32)
    if not fringed:
        color, opacity = np.broadcast_to(SKIN, color.shape), share[..., 0].astype(np.float32)
    return Layers((opacity[..., None] * color / 255).astype(np.float32), opacity, opacity)


def test_before_their_own_scene_they_are_as_drawn() -> None:
    layers = a_person(fringed=True)
    picture = open_backdrop("original", SCENE, SIZE).put(layers)
    expected = 255 * layers.color + (1 - layers.opacity[..., None]) * SCENE
    assert np.abs(picture - expected).max() <= 0.5


@pytest.mark.parametrize("fringed", [True, False])
def test_before_green_their_own_scene_does_not_shine_through(fringed: bool) -> None:
    picture = open_backdrop("green", SCENE, SIZE).put(a_person(fringed=fringed)).astype(float)
    # On the way from skin to green there is no more blue than in either, and the edge is soft.
    assert picture[..., 2].max() <= SKIN[2] + 12
    assert np.allclose(picture[31, 31], SKIN, atol=1)
    assert np.allclose(picture[2, 2], GREEN, atol=1)
    row = picture[31, :, 0]
    assert ((row > 20) & (row < 180)).any()


def test_transparent_pictures_hold_the_persons_own_colour() -> None:
    picture = open_backdrop("transparent", SCENE, SIZE).put(a_person(fringed=True))
    assert picture.shape == (SIZE, SIZE, 4)
    assert picture[2, 2].tolist() == [0, 0, 0, 0]
    assert picture[31, 31, 3] == 255
    edge = (picture[..., 3] > 60) & (picture[..., 3] < 250)
    assert edge.any()
    assert np.abs(picture[edge][:, :3] - SKIN).max() < 40


def test_the_middle_of_a_picture_is_taken(tmp_path: Path) -> None:
    wide = np.zeros((50, 150, 3), np.uint8)
    wide[:, 50:100] = (10, 200, 30)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    nobody = Layers(np.zeros((SIZE, SIZE, 3), np.float32), *np.zeros((2, SIZE, SIZE), np.float32))
    picture = open_backdrop(str(tmp_path / "wide.png"), SCENE, SIZE).put(nobody)
    assert (picture == (10, 200, 30)).all()


def test_scaling_keeps_the_edges() -> None:
    picture = np.tile(np.linspace(0, 250, 16, dtype=np.float32)[None, :, None], (16, 1, 3))
    assert np.abs(resized(resized(picture, 64), 16)[:, 2:-2] - picture[:, 2:-2]).max() < 2
    assert resized(picture, 16) is picture


SIDE = 96
FRAME = (160, 120)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> PersonData:
    return PersonData.load(make_person(tmp_path_factory.mktemp("person") / "data", size=64))


def a_paster(person: PersonData, crop: SourceCrop, frame_size: tuple[int, int] = FRAME) -> Paster:
    source = AvatarSource((SourceVideo("footage.mkv", person.num_frames),), crop, frame_size)
    return Paster(source, person.camera, person.motion, np.full((64, 64, 3), 250, np.uint8))


def face(person: PersonData, frame: int, *others: int) -> TrueFace:
    """The true face of a frame, or of several in the pose of the first."""
    return TrueFace((frame, *others), person.rotations[frame], person.translations[frame])


def nothing() -> Layers:
    return Layers(np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32))


def places(person: PersonData, crop: SourceCrop, frame: int) -> np.ndarray:
    """Pixels of the frame (68, 2) at which the true landmarks lie."""
    points = canonical_68() + person.displacements[frame]
    one = slice(frame, frame + 1)
    seen: np.ndarray = person.camera.project(points, person.rotations[one], person.translations[one])[0]
    return (seen + 0.5) * (crop.side / 64) - 0.5 + [crop.x, crop.y]


def test_the_true_face_is_covered_wherever_it_is_even_where_nothing_was_drawn(person: PersonData) -> None:
    crop = SourceCrop(30, 12, SIDE)
    image = np.zeros((FRAME[1], FRAME[0], 3), np.uint8)
    for frame in (0, 20, 40):
        pasted = a_paster(person, crop).paste(image, nothing(), face(person, frame))
        columns, rows = np.rint(places(person, crop, frame)).astype(int).T
        assert (pasted[rows, columns] == 250).all()  # the jaw, too, is the scene now
    assert not image.any()  # what was decoded is not changed


def test_between_two_frames_both_faces_are_covered(person: PersonData) -> None:
    """The faces of two frames, in the pose between them."""
    crop = SourceCrop(30, 12, SIDE)
    image = np.zeros((FRAME[1], FRAME[0], 3), np.uint8)
    paster = a_paster(person, crop)
    covered = [paster.paste(image, nothing(), face(person, 20, *more)) == 250 for more in ((), (33,))]
    other = TrueFace((33,), person.rotations[20], person.translations[20])
    assert covered[1][covered[0]].all()
    assert covered[1][paster.paste(image, nothing(), other) == 250].all()


def test_outside_everything_is_as_decoded_and_the_border_is_soft(person: PersonData) -> None:
    crop = SourceCrop(30, 12, SIDE)
    image = np.random.default_rng(0).integers(0, 100, (FRAME[1], FRAME[0], 3), dtype=np.uint8)
    pasted = a_paster(person, crop).paste(image, nothing(), face(person, 5))
    changed = (pasted != image).any(axis=-1)
    inside = np.zeros_like(changed)
    inside[12 : 12 + SIDE, 30 : 30 + SIDE] = True
    assert changed.any()
    assert not changed[~inside].any()
    share = (pasted.astype(float) - image).mean(axis=2) / (250 - image.astype(float)).mean(axis=2)
    assert np.abs(np.diff(share, axis=0)).max() < 0.45
    assert np.abs(np.diff(share, axis=1)).max() < 0.45


def test_at_the_edge_of_the_frame_nothing_fades_out(person: PersonData) -> None:
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    everything = Layers(
        np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32), np.ones((64, 64), np.float32)
    )
    whole = a_paster(person, SourceCrop(0, 0, SIDE), (SIDE, SIDE)).paste(image, everything, face(person, 0))
    assert (whole == 250).all()
    inner = a_paster(person, SourceCrop(0, 0, SIDE)).paste(
        np.zeros((FRAME[1], FRAME[0], 3), np.uint8), everything, face(person, 0)
    )
    assert (inner[:80, 0] == 250).all()
    assert inner[:, SIDE - 1].max() < 60
    assert not inner[:, SIDE:].any()


def test_fine_detail_is_kept_where_both_show_the_same(person: PersonData) -> None:
    """Grain that no drawn picture holds stays on the skin, and goes where something else was drawn."""
    crop = SourceCrop(0, 0, 128)
    rng = np.random.default_rng(0)
    image = (120 + 8 * rng.standard_normal((128, 128, 3))).clip(0, 255).astype(np.uint8)
    color = np.full((64, 64, 3), 120 / 255, np.float32)
    color[40:] = 220 / 255
    whole = np.ones((64, 64), np.float32)
    pasted = a_paster(person, crop, (128, 128)).paste(image, Layers(color, whole, whole), face(person, 0)).astype(float)
    fine = image - 120.0
    same, other = slice(8, 64), slice(90, 120)
    assert np.corrcoef(pasted[same].ravel(), fine[same].ravel())[0, 1] > 0.7
    assert np.ptp(pasted[other]) <= 1
    assert abs(pasted[same].mean() - 120) < 1

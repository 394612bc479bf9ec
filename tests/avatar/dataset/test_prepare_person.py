"""From the bundled clip to a data set: what it holds, how it goes on, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.acting_progress import ActingProgress, Killed, kill
from tests.avatar.conftest import SETTINGS
from tests.data.footage import demo_pictures, demo_sound, make_film

from visavox.avatar.dataset.prepare import DATA_FILE, REPORT_FILE, Prepared, prepare_person
from visavox.avatar.dataset.report import composed, telling_frames
from visavox.avatar.dataset.settings import DataSettings
from visavox.data.radiance.person_data import FILES, PersonData
from visavox.demo import FACE
from visavox.errors import InputError
from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.motion import canonical_68
from visavox.metrics.mouth_image import psnr

CHIN, NOSE_TIP = 8, 30
"""Of the 68 landmarks."""


def kill_after(stage: str, frames: int) -> ActingProgress:
    """End the work when so many frames of a stage are done."""
    return ActingProgress(frames, kill, lambda event: event.stage == stage)


def landmarks_in_crop(data: PersonData) -> np.ndarray:
    """The 68 points of all frames by motion, pose and camera: (T, 68, 2)."""
    return data.camera.project(canonical_68() + data.displacements, data.rotations, data.translations)


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_all_frames_of_the_clip_are_there_and_usable(prepared: Prepared) -> None:
    data = prepared.data
    assert data.num_frames == 75
    assert data.size == 128
    assert data.usable.sum() >= 73
    assert prepared.values["frames"]["usable"] == data.usable.sum()
    assert data.split == {"train": ((0, 60),), "test": ((60, 75),)}


def test_head_torso_and_scene_share_every_pixel(prepared: Prepared) -> None:
    data = prepared.data
    head, torso = data.head_mask.astype(int), data.torso_mask.astype(int)
    assert (head + torso).max() == 255
    for index in np.flatnonzero(data.usable)[::20]:
        person = head[index] + torso[index]
        hard = (person < 8) | (person > 247)
        assert hard.mean() > 0.9
        assert 0.15 < (head[index] > 128).mean() < 0.45
        assert 0.05 < (torso[index] > 128).mean() < 0.4


def test_face_lies_in_the_head_and_the_chin_on_its_border(prepared: Prepared) -> None:
    data = prepared.data
    points = landmarks_in_crop(data)
    for index in np.flatnonzero(data.usable)[::10]:
        x, y = np.round(points[index, NOSE_TIP]).astype(int)
        assert data.head_mask[index, y, x] == 255
        x, y = np.round(points[index, CHIN]).astype(int)
        assert data.head_mask[index, y - 4, x] > 230
        assert data.torso_mask[index, y + 6, x] > 230


def test_motion_pose_and_camera_lead_to_the_tracked_pixels(prepared: Prepared) -> None:
    data = prepared.data
    from visavox.face.track.tracking import track_video

    track = track_video(FACE)[0]
    crop = prepared.values["crop"]
    scale = crop["size"] / crop["side"]
    seen = (track.landmarks[:, list(IBUG_68), :2] + 0.5 - [crop["x"], crop["y"]]) * scale - 0.5
    error = np.linalg.norm(landmarks_in_crop(data) - seen, axis=-1)[data.usable]
    # The pose is smoothed and the displacements are not: what trembles is left, a fifth of a pixel.
    assert np.median(error) < 0.4
    assert np.percentile(error, 99) < 1.5


def test_layers_put_together_are_the_frame(prepared: Prepared) -> None:
    data = prepared.data
    for index in telling_frames(data):
        difference = composed(data, index).astype(float) - data.frames[index]
        assert psnr(float((difference**2).mean())) > 33


def test_neck_goes_on_behind_the_chin(prepared: Prepared) -> None:
    data = prepared.data
    points = landmarks_in_crop(data)
    for index in np.flatnonzero(data.usable)[::15]:
        x, y = np.round(points[index, CHIN]).astype(int)
        column = data.torso[index, :, x]
        assert (column[y - 2 : y + 10, 3] > 250).all()  # no gap where the head ends
        assert column[: y - 30, 3].max() == 0  # and nothing of it above
        # The chin's own colour is gone: what is drawn is as dark as the shadow below it, or darker.
        assert column[y - 2, :3].mean() < column[y + 6, :3].mean() + 5
    assert (data.torso[..., 3] >= data.torso_mask).all()


def test_scene_is_what_lies_beside_the_person(prepared: Prepared) -> None:
    data = prepared.data
    for index in (0, 40, 74):
        person = data.head_mask[index].astype(int) + data.torso_mask[index]
        far = cv2.erode((person == 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        assert np.abs(data.frames[index][far].astype(int) - data.background[far]).mean() < 4
    # Where the person is, the scene goes on as it is around: a wall of one colour.
    assert np.abs(data.background[64, 64].astype(int) - data.background[10, 64]).max() < 60


def test_speech_is_that_of_the_clip(prepared: Prepared) -> None:
    speech = prepared.data.speech.astype(np.float32) / 32767
    assert np.corrcoef(speech, demo_sound())[0, 1] > 0.99


def test_pose_is_smooth_and_made_of_rotations(prepared: Prepared) -> None:
    data = prepared.data
    products = data.rotations @ data.rotations.swapaxes(1, 2)
    assert np.abs(products - np.eye(3)).max() < 1e-4
    assert np.linalg.det(data.rotations) == pytest.approx(np.ones(75), abs=1e-4)
    depth = -data.translations[:, 2]
    assert data.camera.near < depth.min()
    assert depth.max() < data.camera.far


def test_report_and_figures_are_written(prepared: Prepared) -> None:
    page = (prepared.data.folder / REPORT_FILE).read_text()
    assert page.count("<img") >= 5
    assert 'src="http' not in page
    stored = json.loads((prepared.data.folder / DATA_FILE).read_text())
    assert stored == json.loads(json.dumps(prepared.values))
    assert {one["name"] for one in stored["findings"]} >= {"length", "camera", "cuts", "faces", "pose", "audio", "sync"}


def test_run_that_is_killed_in_every_stage_goes_on_to_the_same_bytes(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavox.avatar.dataset.camera.BLOCK", 20)
    monkeypatch.setattr("visavox.avatar.dataset.segmentation.BLOCK", 20)
    for stage in ("following the face", "cutting and segmenting", "head and torso"):
        with pytest.raises(Killed):
            prepare_person(FACE, tmp_path / "data", SETTINGS, kill_after(stage, 50))
        with pytest.raises(InputError, match="not a finished one"):
            PersonData.load(tmp_path / "data")
    again = kill_after("head and torso", 1)
    with pytest.raises(Killed):
        prepare_person(FACE, tmp_path / "data", SETTINGS, again)
    assert 1 - again.left == 40  # what was noted is counted at once, and not done again
    prepare_person(FACE, tmp_path / "data", SETTINGS)
    assert content(tmp_path / "data") == content(prepared.data.folder)
    assert not list((tmp_path / "data").rglob(".*.part*"))


def test_second_run_does_nothing_anew(own_copy: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in own_copy.glob("*.npy")}
    prepare_person(FACE, own_copy, SETTINGS)
    assert {path: path.stat().st_mtime_ns for path in own_copy.glob("*.npy")} == before


def test_smoothing_redoes_the_motion_alone(own_copy: Path) -> None:
    pictures = (own_copy / "torso.npy").stat().st_mtime_ns
    motion = (own_copy / "motion.npz").read_bytes()
    prepare_person(FACE, own_copy, DataSettings(size=128, minimum_seconds=2.0, pose_smoothing=6))
    assert (own_copy / "torso.npy").stat().st_mtime_ns == pictures
    assert (own_copy / "motion.npz").read_bytes() != motion


def test_frames_without_the_face_are_masked_and_counted(tmp_path: Path) -> None:
    pictures = list(demo_pictures()[:60])
    wall = np.full_like(pictures[0], 140)
    film = make_film(tmp_path / "film.mkv", [*pictures[:25], *[wall] * 15, *pictures[40:60]], demo_sound()[:38400])
    done = prepare_person(film, tmp_path / "data", DataSettings(size=128, minimum_seconds=1.0))
    assert done.values["frames"]["without_face"] == 15
    assert not done.data.usable[25:40].any()
    assert done.data.usable.sum() >= 43
    assert done.data.head_mask[25:40].max() == 0
    assert len(done.data.split["train"]) >= 2  # no interval goes across the cuts
    assert "15 frames without the face" in (tmp_path / "data" / REPORT_FILE).read_text()


def test_many_short_videos_are_one_stretch_of_footage(tmp_path: Path) -> None:
    pictures, sound = demo_pictures(), demo_sound()
    for number in range(3):
        first = 25 * number
        make_film(
            tmp_path / "clips" / f"{number}.mkv", pictures[first : first + 25], sound[640 * first : 640 * (first + 25)]
        )
    done = prepare_person(tmp_path / "clips", tmp_path / "data", DataSettings(size=128, minimum_seconds=2.0))
    assert done.data.num_frames == 75
    assert done.values["footage"]["videos"] == 3
    assert done.data.split["train"] == ((0, 25), (25, 50), (50, 68))
    assert np.corrcoef(done.data.speech / 32767, sound)[0, 1] > 0.99


def test_masks_made_elsewhere_take_the_place_of_the_network(tmp_path: Path, prepared: Prepared) -> None:
    crop = prepared.values["crop"]
    masks = tmp_path / "masks"
    masks.mkdir()
    for index in range(75):
        if index == 30:
            continue
        mask = np.zeros((288, 360, 3), np.uint8)
        cv2.ellipse(mask, (177, 150), (62, 100), 0, 0, 360, (0, 0, 255), -1)
        mask[250:, 60:300, 1] = 255 - mask[250:, 60:300, 2]
        cv2.imwrite(str(masks / f"{index:06d}.png"), mask)
    settings = DataSettings(size=128, minimum_seconds=2.0, masks=masks)
    done = prepare_person(FACE, tmp_path / "data", settings)
    assert not done.data.usable[30]
    assert done.values["frames"]["not_segmented"] == 1
    x, y = (np.array([177, 60]) - [crop["x"], crop["y"]]) * 128 // crop["side"]
    assert done.data.head_mask[40, y, x] > 128  # the ellipse's own top
    assert done.data.torso_mask[40, -2, x] == 255
    # The mask that was missing is made after all: its frame counts when the build is called again.
    shutil.copy(masks / "000031.png", masks / "000030.png")
    assert prepare_person(FACE, tmp_path / "data", settings).data.usable[30]


def test_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something that visavox avatar build did not make"):
        prepare_person(FACE, tmp_path, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_footage_without_a_face(tmp_path: Path) -> None:
    film = make_film(tmp_path / "wall.mkv", [np.full((144, 176, 3), 120, np.uint8)] * 60, demo_sound()[: 60 * 640])
    with pytest.raises(InputError, match="no face was found"):
        prepare_person(film, tmp_path / "data", DataSettings(minimum_seconds=1.0))


def test_damaged_video_of_many_is_left_out_and_said(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy(FACE, clips / "good.mpg")
    (clips / "bad.mpg").write_bytes(b"nothing of use" * 100)
    done = prepare_person(clips, tmp_path / "data", SETTINGS)
    assert [name for name, _ in done.values["footage"]["left_out"]] == ["clips/bad.mpg"]
    assert done.data.num_frames == 75

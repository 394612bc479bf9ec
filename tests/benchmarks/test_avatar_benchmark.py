"""The benchmark of avatars: its values on pictures that are known, and a whole run on the small avatar."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.avatar.__main__ import main
from benchmarks.avatar.drives import held_out, open_drive
from benchmarks.avatar.speak_job import main as speak_job
from benchmarks.avatar.table import values_table
from benchmarks.avatar.values import TRACKED_SIDE, Tally, enlargement, track
from benchmarks.motion.model import write_wav
from PIL import Image
from tests.small_avatar import make_avatar
from tests.small_person import make_person

from visavox.avatar.speak.job import Avatar
from visavox.avatar.speak.settings import AvatarSpeakSettings
from visavox.data.radiance.person_data import PersonData
from visavox.demo import FACE
from visavox.errors import InputError
from visavox.face.geometry.landmarks import mouth_opening
from visavox.face.geometry.motion import lip_gap
from visavox.face.track.tracker import open_tracker
from visavox.media import VideoReader


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small avatar; its held-out part is one stretch of six frames."""
    return make_avatar(tmp_path_factory.mktemp("avatar"))


def test_a_whole_run(avatar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, sheet = tmp_path / "values.json", tmp_path / "sheet.png"
    options = ["--drives", "still", "landmarks", "--without-memory", "-o", str(target), "--sheet", str(sheet), "-q"]
    assert main([str(avatar), *options]) == 0
    printed = capsys.readouterr().out
    assert "6 held-out frames in 1 stretches; faces are tracked at 12 times their size" in printed
    assert "| true landmarks |" in printed
    stored = json.loads(target.read_text())
    true, still, landmarks = (stored["lines"][name] for name in ("true frames", "still face", "true landmarks"))
    assert true["ssim"] == 1
    assert true["flicker"] == 1
    assert true["mouth_distance"] == 0
    assert true["psnr"] > 70 > landmarks["psnr"] > 5
    assert landmarks["psnr"] != still["psnr"], "what drives a face is seen in it"
    assert landmarks["lmd"] is None, "an ellipsoid is no face"
    assert landmarks["tracked"] == 0
    assert landmarks["milliseconds"] > 0
    assert stored["stretches"] == [[54, 60]]
    assert stored["bytes"] > 1000
    assert stored["spoken"] is None
    with Image.open(sheet) as picture:
        assert picture.width == 6 * 32 + 5 * 4, "six frames beside one another"


def test_what_drives_a_face(avatar: Path) -> None:
    who, data = Avatar.load(avatar, device="cpu"), PersonData.load(avatar / "data")
    (stretch,) = held_out(data)
    assert stretch.num_frames == 6
    assert len(stretch.sound) == 6 * 640
    drives = {name: open_drive(name, who, AvatarSpeakSettings()) for name in ("still", "landmarks", "sound")}
    made = {name: drive(stretch) for name, drive in drives.items()}
    assert all(each.shape == (6, 68, 3) for each in made.values())
    np.testing.assert_array_equal(made["landmarks"], data.displacements[54:])
    assert np.ptp(made["still"], axis=0).max() == 0
    np.testing.assert_allclose(lip_gap(made["still"]), 0, atol=1e-3)


def test_speaking_tells_its_time_and_memory(avatar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(tmp_path / "speech.wav", np.zeros(1280, np.float32))
    assert speak_job([str(avatar), str(tmp_path / "speech.wav"), str(tmp_path / "out.mp4"), "cpu"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["frames"] == 2
    assert told["video_seconds"] == pytest.approx(0.08)
    assert told["seconds"] > 0
    assert 50 < told["peak_memory_mb"] < 16_000


def test_frames_that_do_not_count_leave_a_stretch(tmp_path: Path) -> None:
    folder = make_person(tmp_path / "data")
    with np.load(folder / "motion.npz") as stored:
        arrays = dict(stored)
    arrays["usable"][54:] = False
    np.savez(folder / "motion.npz", **arrays)
    assert held_out(PersonData.load(folder)) == []


def test_small_pictures_are_enlarged_for_the_tracker() -> None:
    assert enlargement(128) == 3
    assert enlargement(TRACKED_SIDE) == 1
    assert enlargement(200) == 2
    with VideoReader(FACE) as reader:
        images = [frame.image for frame in islice(reader, 2)]
    side = min(images[0].shape[:2])
    left = (images[0].shape[1] - side) // 2
    small = [cv2.resize(image[:side, left : left + side], (128, 128), interpolation=cv2.INTER_AREA) for image in images]
    with open_tracker(max_faces=1) as tracker:
        faces = track(tracker, [*small, np.zeros((128, 128, 3), np.uint8)])
    assert np.isfinite(faces[:2]).all()
    assert np.isnan(faces[2]).all()
    assert 0 <= mouth_opening(faces[0]) < 0.5
    assert 128 < faces[0, :, 0].max() < TRACKED_SIDE


def test_a_late_and_narrow_mouth_is_seen_as_such() -> None:
    true = np.random.default_rng(0).random(60)
    tally = Tally(openings=[(0.5 * np.roll(true, 2), true)], energies=[(1.0, 2.0), (1.0, 2.0)], distances=[0.1, 0.3])
    values = tally.values()
    assert values["opening_lag"] == 2
    assert values["opening_gain"] == pytest.approx(0.5)
    assert values["flicker"] == pytest.approx(0.5)
    assert values["lmd"] == pytest.approx(0.2)
    table = values_table({"late": values}).splitlines()
    assert len(table) == 3
    assert table[2].startswith("| late")
    shown = dict(zip(*([cell.strip() for cell in line.split("|")] for line in (table[0], table[2])), strict=True))
    assert (shown["best lag"], shown["gain"]) == ("2", "0.50")
    assert "  - |" in table[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stretches", "0"], "0 stretches are to be measured; give 1 or more"),
        (["-o", "values.txt"], "json"),
        (["--sheet-only"], "say which with --sheet"),
        (["--data", "elsewhere"], "elsewhere is not a folder"),
        (["--head", "nothing.safetensors"], "nothing.safetensors"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    avatar: Path, options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        main([str(avatar), *options])
    assert not list(tmp_path.iterdir())


def test_the_data_of_somebody_else_are_refused(avatar: Path, tmp_path: Path) -> None:
    other = make_person(tmp_path / "other", frames=20, size=24)
    with pytest.raises(InputError, match="is not that of the avatar"):
        main([str(avatar), "--data", str(other)])

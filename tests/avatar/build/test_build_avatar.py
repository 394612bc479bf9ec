"""From a data set to an avatar: what is built, how it goes on, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from tests.acting_progress import ActingProgress, Killed, kill
from tests.avatar.building import DATA, begin, build, shrink_recipes, small_recipes
from tests.narrow import present
from tests.training.tiny import log_lines

from visavox.avatar.build.job import BuildResult, build_avatar, check
from visavox.avatar.build.settings import BUILD_STEPS, BuildSettings
from visavox.avatar.build.steps import SHEET_FILE, TRAINING_FOLDER
from visavox.avatar.dataset.prepare import Prepared
from visavox.avatar.dataset.settings import DataSettings
from visavox.avatar.format.avatar_folder import NEEDED, AvatarInfo, read_avatar
from visavox.avatar.format.description import describe, gather
from visavox.demo import FACE
from visavox.errors import Cancelled, InputError
from visavox.models.radiance.head import Head
from visavox.models.radiance.torso import Torso
from visavox.progress import CancelToken, Event
from visavox.runtime.lock import locked
from visavox.training.motion.recipes import PERSON_POSTNET_RECIPES
from visavox.weights.checkpoint import load_model
from visavox.weights.weights_file import read_info

__all__ = ["small_recipes"]
pytestmark = pytest.mark.usefixtures("small_recipes")

TRAININGS = ("head", "torso", "postnet")


def kill_in(stage: str, unit: str, count: int) -> ActingProgress:
    """End the work in a stage, after so many units of a kind."""
    return ActingProgress(count, kill, lambda event: event.stage.startswith(f"{stage} (") and event.unit == unit)


@pytest.fixture(scope="module")
def whole(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    """An avatar that was built at one go; not to be changed."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink_recipes(monkeypatch)
        folder = begin(prepared, tmp_path_factory.mktemp("whole") / "avatar")
        return build(folder, licence="CC BY 4.0", attribution="the GRID corpus")


def weights(folder: Path) -> dict[str, bytes]:
    return {name: (folder / TRAINING_FOLDER / name / "best.safetensors").read_bytes() for name in TRAININGS}


def time_of(folder: Path, name: str) -> int:
    return (folder / name).stat().st_mtime_ns


def times(folder: Path) -> dict[str, int]:
    names = [f"{TRAINING_FOLDER}/{name}/best.safetensors" for name in TRAININGS]
    return {name: time_of(folder, name) for name in (*names, "avatar.json")}


def test_a_build_leaves_an_avatar_that_can_be_read(whole: BuildResult, prepared: Prepared) -> None:
    assert whole.steps == BUILD_STEPS
    assert whole.can_speak
    avatar = read_avatar(whole.folder)
    data = prepared.data
    assert avatar.info.size == data.size == 128
    assert avatar.info.preset == "cpu"
    assert (avatar.info.licence, avatar.info.attribution) == ("CC BY 4.0", "the GRID corpus")
    assert avatar.camera == data.camera
    assert avatar.stretches == ((0, 60),)
    np.testing.assert_array_equal(avatar.motion.displacements, data.displacements[:60])
    np.testing.assert_array_equal(avatar.pose.translations, data.translations[:60])
    np.testing.assert_array_equal(avatar.background, data.background)
    source = present(avatar.info.source)
    assert source.videos[0].path == str(FACE)
    assert source.videos[0].num_frames == 75
    assert source.crop.side == prepared.values["crop"]["side"]
    assert source.frame_size == tuple(prepared.values["footage"]["frame_size"])


def test_codes_of_single_frames_are_not_packed_and_pictures_stay(whole: BuildResult) -> None:
    kinds: dict[str, type[Head | Torso]] = {"head": Head, "torso": Torso}
    for name, kind in kinds.items():
        trained = load_model(whole.folder / TRAINING_FOLDER / name / "best.safetensors", kind)
        packed = load_model(whole.folder / f"{name}.safetensors", kind)
        assert (trained.config.num_frames, packed.config.num_frames) == (75, 1)
        mean = trained.appearance.mean(dim=0)
        assert torch.allclose(packed.appearance[0], mean, atol=1e-3)
        assert read_info(whole.folder / f"{name}.safetensors").card.licence == "CC BY 4.0"
        size = (whole.folder / f"{name}.safetensors").stat().st_size
        assert size < 0.6 * (whole.folder / TRAINING_FOLDER / name / "best.safetensors").stat().st_size


def test_the_held_out_frames_are_measured_and_shown(whole: BuildResult) -> None:
    figures = AvatarInfo.load(whole.folder).values
    assert figures == whole.values
    assert (figures["part"], figures["frames"]) == ("test", 4)
    assert 5 < figures["psnr_head"] < 60
    assert 5 < figures["psnr"] < 60
    assert -1 <= figures["ssim"] <= 1
    assert figures["mouth_distance"] > 0
    sheet = present(cv2.imread(str(whole.folder / SHEET_FILE)))
    assert sheet.shape == (4 * 128, 3 * 128, 3)
    # What is drawn differs from the truth, and the difference is shown.
    assert sheet[:, 256:].max() > 100


def test_the_avatar_has_a_postnet_or_says_why_not(whole: BuildResult) -> None:
    assert (whole.folder / "postnet.safetensors").is_file() != ("without_postnet" in whole.values)


def test_footage_too_short_for_a_postnet_goes_without_and_says_so(
    whole: BuildResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(shutil.copytree(whole.folder, tmp_path / "avatar"))
    compact = PERSON_POSTNET_RECIPES["compact"]
    longer = replace(compact, settings=replace(compact.settings, num_frames=40))
    monkeypatch.setitem(PERSON_POSTNET_RECIPES, "compact", longer)
    before = times(folder)
    built = build(folder)
    assert "give more video" in built.values["without_postnet"]
    assert "the avatar goes without a post-net" in caplog.text
    assert not (folder / "postnet.safetensors").exists()
    assert read_avatar(folder).adapter is None
    assert "without a post-net: a post-net is trained on some stretches" in describe(gather(folder))
    changed = {name for name, then in before.items() if (folder / name).is_file() and time_of(folder, name) != then}
    assert changed == {"avatar.json"}


def test_a_second_build_does_nothing_anew(whole: BuildResult) -> None:
    before = times(whole.folder)
    again = build(whole.folder, licence="CC BY 4.0", attribution="the GRID corpus")
    assert times(whole.folder) == before
    assert again.values == whole.values


def test_a_build_that_is_killed_in_every_stage_goes_on_to_the_same_avatar(
    whole: BuildResult, prepared: Prepared, tmp_path: Path
) -> None:
    folder = begin(prepared, tmp_path / "avatar")
    said: dict[str, Any] = {"licence": "CC BY 4.0", "attribution": "the GRID corpus"}
    for stage, unit in (("head", "step"), ("torso", "step"), ("postnet", "step"), ("measured", "frame")):
        with pytest.raises(Killed):
            build(folder, kill_in(stage, unit, 3), **said)
        with pytest.raises(InputError, match="not a finished one"):
            AvatarInfo.load(folder)
        # What a process leaves that is killed while it writes.
        run = folder / TRAINING_FOLDER / stage
        if run.is_dir():
            (run / ".last.ckpt.part").write_bytes(b"half")
    assert build(folder, **said).can_speak
    assert weights(folder) == weights(whole.folder)
    assert {name: (folder / name).read_bytes() for name in NEEDED} == {
        name: (whole.folder / name).read_bytes() for name in NEEDED
    }
    # Three steps were made before the end, and checkpoints after two: the third was made again.
    assert [line["step"] for line in log_lines(folder / TRAINING_FOLDER / "head", "losses")] == [1, 2, 3, 4]


@pytest.mark.parametrize(("stage", "unit"), [("head", "step"), ("torso", "step"), ("measured", "frame")])
def test_a_build_that_is_cancelled_goes_on_to_the_same_avatar(
    whole: BuildResult, prepared: Prepared, tmp_path: Path, stage: str, unit: str
) -> None:
    folder, token = begin(prepared, tmp_path / "avatar"), CancelToken()
    settings = BuildSettings(licence="CC BY 4.0", attribution="the GRID corpus")

    def cancel(event: Event) -> None:
        if event.stage.startswith(f"{stage} (") and (event.unit, event.done) == (unit, 2):
            token.cancel()

    with pytest.raises(Cancelled):
        check(FACE, folder, settings, DATA).run(cancel, token)
    assert not (folder / "avatar.json").exists()
    events = list((job := check(FACE, folder, settings, DATA)).events())
    assert job.result.can_speak
    assert {event.kind for event in events} >= {"begin", "advance", "end"}
    assert weights(folder) == weights(whole.folder)
    assert {name: (folder / name).read_bytes() for name in NEEDED} == {
        name: (whole.folder / name).read_bytes() for name in NEEDED
    }


def test_a_training_that_is_killed_before_its_first_checkpoint_is_begun_again(
    prepared: Prepared, tmp_path: Path
) -> None:
    folder = begin(prepared, tmp_path / "avatar")
    with pytest.raises(Killed):
        build(folder, kill_in("head", "step", 1), until="head")
    (folder / TRAINING_FOLDER / "head" / ".last.ckpt.part").write_bytes(b"half")
    built = build(folder, until="head")
    assert built.steps == ("data", "head")
    assert not built.can_speak


def test_a_changed_setting_redoes_what_it_touches(prepared: Prepared, tmp_path: Path) -> None:
    folder = begin(prepared, tmp_path / "avatar")
    build(folder)
    first, learned = times(folder), weights(folder)
    build(folder, licence="CC0")
    only_packed = times(folder)
    assert {name for name in first if first[name] != only_packed[name]} == {"avatar.json"}
    assert AvatarInfo.load(folder).licence == "CC0"
    build(folder, torso_steps=2, until="postnet")
    assert {name for name, now in weights(folder).items() if now != learned[name]} == {"torso"}
    build(folder, head_steps=2, seed=1, until="postnet")
    assert {name for name, now in weights(folder).items() if now != learned[name]} == set(TRAININGS)


def test_a_deleted_training_is_done_again(prepared: Prepared, tmp_path: Path) -> None:
    folder = begin(prepared, tmp_path / "avatar")
    build(folder, until="head")
    before = (folder / TRAINING_FOLDER / "head" / "best.safetensors").read_bytes()
    (folder / TRAINING_FOLDER / "head" / "best.safetensors").unlink()
    build(folder, until="head")
    assert (folder / TRAINING_FOLDER / "head" / "best.safetensors").read_bytes() == before


def test_a_time_is_divided_once(prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavox.training.radiance.recipes._UPDATES", 2)
    folder = begin(prepared, tmp_path / "avatar")
    with pytest.raises(Killed):
        build(folder, kill_in("head", "step", 1), minutes=0.001)
    stages = json.loads((folder / TRAINING_FOLDER / "stages.json").read_text())
    assert stages["schedule"]["figures"] == {"head": 8, "torso": 8}
    build(folder, minutes=0.001, until="torso")
    assert stages["schedule"] == json.loads((folder / TRAINING_FOLDER / "stages.json").read_text())["schedule"]
    assert [line["step"] for line in log_lines(folder / TRAINING_FOLDER / "torso", "losses")][-1] == 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"preset": "huge"}, "allowed are cpu, small, full"),
        ({"until": "never"}, "allowed are data, head"),
        ({"minutes": 0}, "such as 60"),
        ({"minutes": 5, "head_steps": 5}, "give one of them"),
        ({"head_steps": 0}, "head_steps is 0"),
        ({"torso_steps": -1}, "torso_steps is -1"),
        ({"postnet_steps": 0}, "postnet_steps is 0"),
        ({"workers": -1}, "workers is -1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_of_a_build_that_mean_nothing(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        BuildSettings(**change)


@pytest.mark.parametrize(
    ("settings", "data", "words"),
    [
        ({"preset": "small"}, {"size": 128}, "images of --preset small have 256 pixels; .* --preset cpu"),
        ({"dataset": "nowhere"}, {}, "is not a prepared data set"),
        ({"motion": "nothing"}, {}, "there is no model 'nothing'"),
        ({"motion": "wav2lip"}, {}, "what is needed here is a motion VAE"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(
    settings: dict[str, Any], data: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        build_avatar(FACE, tmp_path / "avatar", BuildSettings(**settings), DataSettings(minimum_seconds=2.0, **data))
    assert not (tmp_path / "avatar").exists()


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "background.png").write_bytes(b"mine")
    with pytest.raises(InputError, match="holds something that visavox avatar build did not make"):
        build_avatar(FACE, tmp_path)
    assert (tmp_path / "background.png").read_bytes() == b"mine"


def test_two_builds_at_a_time_are_refused(prepared: Prepared, tmp_path: Path) -> None:
    folder = begin(prepared, tmp_path / "avatar")
    with (
        locked(folder / TRAINING_FOLDER / "lock", "visavox avatar build", folder),
        pytest.raises(InputError, match="another visavox avatar build is at work"),
    ):
        build(folder)


def test_the_preset_sets_the_size() -> None:
    assert [BuildSettings(preset=preset).size for preset in ("cpu", "small", "full")] == [128, 256, 512]
    BuildSettings(preset="small").check_size(DataSettings(size=256))
    BuildSettings(preset="small").check_size(DATA)

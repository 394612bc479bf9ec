"""What cannot be adapted is refused in one line, before the work starts, and leaves nothing."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.adaptation.conftest import CARD, OPTIONS, Adapted, save_generator
from tests.data.footage import demo_pictures, demo_sound, make_film
from tests.narrow import part
from tests.training.tiny_recipes import EXPERT, PLAIN_GENERATOR

import visavox
from visavox.adaptation.checks import check_request
from visavox.adaptation.clips import prepare_clips
from visavox.adaptation.job import REQUEST_FILE
from visavox.cli.main import main
from visavox.demo import FACE, SPEECH
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.conditioners import SpeechBranch
from visavox.models.generator.generator import LipSyncGenerator
from visavox.models.sync.expert import Expert
from visavox.progress import QUIET
from visavox.weights.checkpoint import load_model, save_model


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command that must fail with exit code 2; returns the one line that it says."""
    monkeypatch.setattr(logging.getLogger("visavox"), "handlers", [])
    monkeypatch.setattr("visavox.runtime.native_libraries._owned", True)  # as in the process of the command line
    output = tmp_path / "person.safetensors"

    def refuse(*arguments: Path | float | str) -> str:
        assert main(["adapt", *map(str, arguments), "-o", str(output)]) == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1, said
        assert said[0].startswith("visavox: error: ")
        assert not list(tmp_path.glob("person*"))
        return said[0]

    return refuse


def test_no_such_video(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nobody.mp4")


def test_a_picture_and_a_sound(refused: Callable[..., str], tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(demo_pictures()[0]).save(tmp_path / "still.png")
    assert "is an image, not a video" in refused(tmp_path / "still.png")
    assert "speech.flac" in refused(SPEECH)


def test_a_video_without_sound(refused: Callable[..., str], tmp_path: Path) -> None:
    film = make_film(tmp_path / "mute.mkv", demo_pictures()[:30], None)
    assert "has no audio; give a video in which the person is seen" in refused(film)


def test_too_little_video(refused: Callable[..., str]) -> None:
    assert "3.0 s of video are not enough to learn a person from; give 20 s or more" in refused(FACE)


def test_a_video_without_a_face_that_speaks(refused: Callable[..., str], tmp_path: Path) -> None:
    picture = np.zeros((120, 160, 3), np.uint8)
    film = make_film(tmp_path / "wall.mkv", [picture] * 50, demo_sound())
    assert "none of the 1 videos gave a clip" in refused(film, "--minimum-seconds", 2)


def test_a_mouth_that_is_seen_too_briefly(refused: Callable[..., str], tmp_path: Path, start: Path) -> None:
    pictures = [*demo_pictures()[:40], *[np.zeros_like(demo_pictures()[0])] * 35]
    film = make_film(tmp_path / "brief.mkv", pictures, demo_sound())
    said = refused(film, "--model", start, "--minimum-seconds", 2.5)
    assert "s of the videos show one face that speaks (not used: " in said


def test_what_is_no_generator(refused: Callable[..., str], tmp_path: Path, start: Path) -> None:
    expert = tmp_path / "expert.safetensors"
    save_model(expert, Expert(EXPERT), CARD)
    assert "network of the kind 'expert', which cannot be adapted" in refused(FACE, "--model", expert)
    assert "there is no model 'nobody'" in refused(FACE, "--model", "nobody")
    assert "network of the kind 'wav2lip'; give an expert" in refused(FACE, "--model", start, "--expert", start)
    large = replace(EXPERT, resolution=128)
    save_model(expert, Expert(large), CARD)
    said = refused(FACE, "--model", start, "--expert", expert)
    assert "takes crops of 128 pixels and tiny generates 96" in said


def test_published_crops(refused: Callable[..., str], tmp_path: Path) -> None:
    spec = replace(PLAIN_GENERATOR.spec, crop=CropSpec(kind="box", size=96))
    boxes = save_generator(tmp_path / "boxes.safetensors", replace(PLAIN_GENERATOR, spec=spec))
    assert "sees faces in upright boxes" in refused(FACE, "--model", boxes)


def test_a_speech_branch_without_its_motion_basis(refused: Callable[..., str], tmp_path: Path, start: Path) -> None:
    lonely, generator = tmp_path / "lonely.safetensors", load_model(start, LipSyncGenerator)
    part(generator, "conditioner", SpeechBranch).motion_basis.components.zero_()
    save_model(lonely, generator, CARD)
    assert "has a speech branch and does not hold the basis of its mouth motion" in refused(FACE, "--model", lonely)


def test_an_output_that_is_there_is_kept(tmp_path: Path, start: Path) -> None:
    output = tmp_path / "person.safetensors"
    output.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        visavox.adapt(FACE, output, model=start, **OPTIONS)
    assert output.read_text() == "mine"
    with pytest.raises(InputError, match="ends in '.pt'; allowed are .safetensors"):
        visavox.adapt(FACE, tmp_path / "person.pt", model=start, **OPTIONS)


def test_a_work_folder_of_something_else(tmp_path: Path, start: Path, adapted: Adapted) -> None:
    work, output = tmp_path / "work", tmp_path / "person.safetensors"
    work.mkdir()
    (work / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something that visavox adapt did not make"):
        visavox.adapt(FACE, output, model=start, work=work, **OPTIONS)
    with pytest.raises(InputError, match="was begun with other seed, batch_size"):
        visavox.adapt(FACE, output, model=start, work=adapted.work, **OPTIONS | {"seed": 1, "batch_size": 3})
    (work / "notes.txt").unlink()
    (work / REQUEST_FILE).write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        visavox.adapt(FACE, output, model=start, work=work, **OPTIONS)
    with pytest.raises(InputError, match="is a file"):
        visavox.adapt(FACE, output, model=start, work=work / REQUEST_FILE, **OPTIONS)


@pytest.mark.parametrize(
    ("option", "value"),
    [("minutes", 0), ("batch_size", 1), ("steps", 0), ("learning_rate", 0), ("workers", -1), ("seed", -1)],
)
def test_values_that_mean_nothing(option: str, value: int) -> None:
    settings: dict[str, Any] = {option: value}
    with pytest.raises(InputError, match=option):
        visavox.AdaptSettings(**settings)


def test_an_unknown_option() -> None:
    with pytest.raises(InputError, match="unknown option hours; the options of an adaptation are minutes"):
        visavox.adapt(FACE, "person.safetensors", hours=1)


def test_videos_in_folders_of_folders_are_found_again(start: Path, tmp_path: Path) -> None:
    video = tmp_path / "all" / "person" / "one.mpg"
    video.parent.mkdir(parents=True)
    shutil.copy(FACE, video)
    request = check_request(
        tmp_path / "all", tmp_path / "none.safetensors", start, None, visavox.AdaptSettings(**OPTIONS)
    )
    clips = prepare_clips(request, tmp_path / "dataset", QUIET)
    assert {stretch.path for stretch in clips.held_out} == {video}

"""Dubbing by motion: whose it is, when it is shown, and which options go with it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.dubbing.tiny import MOTION_CONFIG, randomize_statistics
from tests.narrow import part

from visavox.cli.main import main
from visavox.demo import FACE, SPEECH
from visavox.dubbing import Dubber, DubSettings
from visavox.dubbing.drives import FittedMotion, fit_motion
from visavox.errors import InputError
from visavox.face.geometry.motion import motion_of_track
from visavox.face.track.track_file import save_track
from visavox.media import Encoding, VideoReader
from visavox.models.generator.generator import LipSyncGenerator
from visavox.models.generator.motion_basis import fit_motion_basis
from visavox.models.generator.mouth_code import MouthCode, fit_mouth_code
from visavox.models.generator.wav2lip import Wav2LipRenderer
from visavox.motion.motion_file import save_motion
from visavox.types import Motion, Track
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import ModelCard

LOSSLESS = Encoding(crf=0, preset="ultrafast")


@pytest.fixture(scope="module")
def painter(track: Track) -> LipSyncGenerator:
    """Reads mouths rightly, and paints differently what differs, but has not learned how mouths look."""
    torch.manual_seed(5)
    model = build_generator(MOTION_CONFIG).eval()
    randomize_statistics(model)
    for modulation in part(model, "renderer", Wav2LipRenderer).modulations:
        torch.nn.init.normal_(part(modulation, "affine", torch.nn.Linear).weight, 0, 0.5)
    basis = fit_motion_basis([track.landmarks], 4)
    code = fit_mouth_code([motion_of_track(track).displacements], [basis.motion(track.landmarks)], basis)
    code_of(model).load_state_dict(code.state_dict())
    return model


@pytest.fixture(scope="module")
def files(painter: LipSyncGenerator, track: Track, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Weights, track, and the motion of the first half of the bundled clip."""
    folder = tmp_path_factory.mktemp("motion-dub")
    weights, face, motion = folder / "by-motion.safetensors", folder / "track.npz", folder / "motion.npz"
    save_model(weights, painter, ModelCard("", "", ""))
    save_track(track, face)
    whole = motion_of_track(track)
    save_motion(Motion(whole.displacements[:30], whole.confidence[:30], whole.neutral, whole.rate), motion)
    return weights, face, motion


def code_of(generator: LipSyncGenerator) -> MouthCode:
    return part(generator, "conditioner.mouth_code", MouthCode)


def frames_of(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


def test_the_command_dubs_by_motion(
    files: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, face, motion = files
    options = ["--model", str(weights), "--track", str(face), "--motion", str(motion), "--openness", "1.1"]
    assert main(["dub", str(FACE), str(SPEECH), "-o", str(tmp_path / "a.mp4"), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_repainted"] > 30


def test_openness_widens_what_is_open_and_rest_stays_rest(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    weights, face, motion = files
    dubber, pictures = Dubber(weights), []
    for openness in (1.0, 1.2):
        output = tmp_path / f"{openness}.mkv"
        # Colour is matched over time, so what was painted before would show behind the motion's end.
        options: dict[str, Any] = {"openness": openness, "match_color": False, "keep_detail": 0.0, "extend": "stop"}
        dubber.dub(FACE, SPEECH, output, track=face, motion=motion, encoding=LOSSLESS, **options)
        pictures.append(frames_of(output))
    differences = [np.abs(one.astype(int) - other).mean() for one, other in zip(*pictures, strict=True)]
    assert max(differences[:30]) > 0
    assert max(differences[36:]) == 0


def test_numbers_are_those_of_the_moment(painter: LipSyncGenerator) -> None:
    rest = np.zeros(2, np.float32)
    wanted = FittedMotion(np.array([[0, 0], [1, 2], [3, 6]], np.float32), rest, Fraction(25))
    assert np.allclose(wanted.at(Fraction(1, 25)), [1, 2])
    assert np.allclose(wanted.at(Fraction(3, 50)), [2, 4])
    assert np.allclose(wanted.at(Fraction(-1)), [0, 0])
    assert np.allclose(wanted.at(Fraction(3, 25)), [3, 6])  # the end of the last frame
    assert np.allclose(wanted.at(Fraction(3, 25) + Fraction(6, 100)), [1.5, 3])
    assert np.allclose(wanted.at(Fraction(1)), rest)


def test_ones_own_motion_comes_back_as_it_was(painter: LipSyncGenerator, track: Track) -> None:
    motion = motion_of_track(track)
    wanted = fit_motion(motion, code_of(painter), track, DubSettings())
    read = code_of(painter).encode(motion.displacements)
    assert np.corrcoef(wanted.motion[:, 0], read[:, 0])[0, 1] > 0.999
    assert wanted.motion.std() == pytest.approx(read.std(), rel=0.05)


def test_a_performer_with_a_smaller_mouth_moves_this_one_as_widely_as_it_moves(
    painter: LipSyncGenerator, track: Track
) -> None:
    motion = motion_of_track(track)
    smaller = Motion(
        motion.neutral + 0.6 * (motion.displacements - motion.neutral), motion.confidence, motion.neutral, motion.rate
    )
    timid, own = (fit_motion(each, code_of(painter), track, DubSettings()) for each in (smaller, motion))
    assert timid.motion[:, 0].std() > 0.7 * own.motion[:, 0].std()
    asked = fit_motion(smaller, code_of(painter), track, DubSettings(expressiveness=1.0))
    assert asked.motion[:, 0].std() == pytest.approx(0.6 * own.motion[:, 0].std(), rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"openness": 1.5}, "openness is 1.5"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"motion": "there is none.npz", "seed": 1}, "leaves no chance"),
        ({"motion": "there is none.npz"}, "does not exist"),
        ({"close_in_silence": False}, "rests in pauses of itself"),
    ],
)
def test_what_cannot_work_by_motion_is_said_before_the_work(
    files: tuple[Path, Path, Path],
    tmp_path: Path,
    options: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("visavox.dubbing.pipeline.find_tracks", lambda *_: pytest.fail("the work began"))
    with pytest.raises(InputError, match=message):
        Dubber(files[0]).dub(FACE, SPEECH, tmp_path / "a.mp4", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"openness": 1.1}, {"seed": 3}, {"temperature": 0.5}])
def test_a_network_that_hears_is_not_told(
    weights: Path, tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavox.dubbing.pipeline.find_tracks", lambda *_: pytest.fail("the work began"))
    with pytest.raises(InputError, match="use the model motion-dub"):
        Dubber(weights).dub(FACE, SPEECH, tmp_path / "a.mp4", **options)

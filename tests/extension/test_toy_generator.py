"""One folder, one network row and one recipe row: a generator that nobody told the rest of the house about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.extension.toy_generator.recipe import CONFIG, NETWORK, RECIPE
from tests.extension.toy_generator.renderer import ToyRenderer
from tests.training.tiny import make_dataset
from tools.run_in_float32 import hide_reduced_precision

import visavox
from visavox.cli.main import main
from visavox.demo import FACE
from visavox.dubbing.backends.torch import TorchBackend
from visavox.dubbing.drives import AudioDrive
from visavox.dubbing.predictor import LipSyncPredictor
from visavox.dubbing.stream import FaceInFrame, LipSyncStream, RenderedFrame
from visavox.media import probe
from visavox.models.generator.generator import LipSyncGenerator
from visavox.speech import silent_row
from visavox.training.generator.recipes import WAV2LIP_RECIPES
from visavox.weights.checkpoint import load_model
from visavox.weights.networks import NETWORKS, build_generator

NUM_FRAMES = 7
CONTEXT = 2


@pytest.fixture(scope="module", autouse=True)
def rows() -> Iterator[None]:
    """The two rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "toy", NETWORK)
        patch.setitem(WAV2LIP_RECIPES, "toy", RECIPE)
        yield


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every processor computes as one without bfloat16."""
    monkeypatch.setattr(torch.autocast, "__init__", torch.autocast.__init__)  # put back after the test
    monkeypatch.setattr(torch.cpu, "get_capabilities", torch.cpu.get_capabilities)
    hide_reduced_precision()


@pytest.fixture(scope="module")
def weights(rows: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of three steps of `visavox train`."""
    folder = tmp_path_factory.mktemp("toy")
    data, run = make_dataset(folder / "data"), folder / "run"
    command = ["train", "wav2lip", str(data), "-o", str(run), "--recipe", "toy", "--device", "cpu", "--quiet"]
    assert main(command) == 0
    return run / "best.safetensors"


def test_its_weights_are_described_and_load(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "info", str(weights)]) == 0
    described = capsys.readouterr().out
    assert "toy generator trained with visavox" in described
    assert "aligned, 64 pixels" in described
    assert main(["models", "info", str(weights), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"] == "toy"
    loaded = load_model(weights, LipSyncGenerator)
    assert isinstance(loaded.renderer, ToyRenderer)
    assert loaded.config == CONFIG


def test_a_video_is_dubbed_with_its_weights(weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    command = ["dub", str(FACE), str(FACE), "-o", str(output), "--model", str(weights), "--device", "cpu", "--quiet"]
    assert main(command) == 0
    assert probe(output).num_frames == 75


def test_a_video_is_dubbed_with_a_generator_that_was_built_in_python(tmp_path: Path) -> None:
    generator = build_generator(CONFIG).eval()
    result = visavox.dub(FACE, FACE, tmp_path / "out.mp4", model=generator, device="cpu")
    assert result.num_repainted == result.num_frames == 75


def test_two_frames_and_two_references_are_rendered_together(float32: None) -> None:
    torch.manual_seed(1)
    spec = replace(CONFIG.spec, context=CONTEXT, references=2)
    generator = build_generator(replace(CONFIG, spec=spec)).eval()
    chance = np.random.default_rng(2)
    frames = chance.integers(0, 256, (NUM_FRAMES, 64, 64, 3), np.uint8)
    reference = chance.integers(0, 256, (64, 64, 3), np.uint8)
    rows = chance.normal(0, 1, (80, 40)).astype(np.float32)
    assert spec.audio is not None
    silence = silent_row(spec.audio)
    windows = np.stack([spec.audio.rows_at(rows, Fraction(number, 25), silence) for number in range(NUM_FRAMES)])

    rendered = _streamed(generator, frames, reference, rows)

    # Seven frames make four contexts, the last of which is filled up with its last frame.
    order = np.minimum(np.arange(8), NUM_FRAMES - 1)
    hidden = torch.from_numpy(spec.region.hide(frames[order])).permute(0, 3, 1, 2).float() / 255
    shown = (torch.from_numpy(reference).permute(2, 0, 1).float() / 255).repeat(4, 2, 1, 1)
    targets = hidden.reshape(4, 3 * CONTEXT, 64, 64)
    with torch.inference_mode():
        expected = generator(torch.from_numpy(windows[order]), torch.cat([targets, shown], dim=1))
        apart = generator(torch.from_numpy(windows[order[::-1].copy()]), torch.cat([targets, shown], dim=1))
    images = expected.permute(0, 2, 3, 1).numpy()[:NUM_FRAMES]
    assert np.allclose(np.stack([frame.mouths[0] for frame in rendered]), images, atol=1e-5)
    assert not torch.allclose(expected, apart, atol=1e-4)


def _streamed(
    generator: LipSyncGenerator, frames: np.ndarray, reference: np.ndarray, rows: np.ndarray
) -> list[RenderedFrame]:
    predictor = LipSyncPredictor(TorchBackend(generator, "cpu"))
    drive = AudioDrive(predictor.backend)
    drive.push(rows)
    drive.end()
    stream = LipSyncStream(predictor, drive, batch_size=4)
    face = FaceInFrame(0, np.eye(2, 3), np.zeros((3, 2)), reference)
    rendered: list[RenderedFrame] = []
    for number, image in enumerate(frames):
        rendered += stream.generate(image.copy(), Fraction(number, 25), [face])
    return rendered + stream.generate_rest()

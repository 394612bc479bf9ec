"""Head and torso learn a person who is an ellipsoid; what goes wrong is seen, and begun again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from tests.narrow import part
from tests.small_person import make_person
from tests.training.resuming import Trained, check_resuming
from tests.training.tiny import log_lines
from torch import nn

from visavox.data.radiance.person_data import PersonData
from visavox.data.radiance.ray_dataset import RayDataset, RaySampling, frame_geometry, landmark_window, scene
from visavox.errors import InputError, TrainingError
from visavox.models.radiance.frequency_field import FrequencyFieldConfig
from visavox.models.radiance.grid_field import GridFieldConfig
from visavox.models.radiance.head import Head, HeadConfig
from visavox.models.radiance.landmark_encoder import LandmarkEncoderConfig
from visavox.models.radiance.rays import project
from visavox.models.radiance.torso import DeformationConfig, Torso, TorsoConfig
from visavox.training.divergence import CollapseError, RadianceMonitor
from visavox.training.loop import Trainer
from visavox.training.radiance.head import HeadInputs, HeadLosses, HeadOutputs, HeadSettings, HeadTask
from visavox.training.radiance.person import camera_of
from visavox.training.radiance.recipes import HEAD_RECIPES, TORSO_RECIPES, HeadRecipe, TorsoRecipe
from visavox.training.radiance.torso import TorsoInputs, TorsoSettings, seam
from visavox.training.recipe import LoopSettings, Recipe, RunSettings
from visavox.training.run import train
from visavox.training.task import Batch
from visavox.weights.checkpoint import load_model

LANDMARKS = LandmarkEncoderConfig(width=32, size=16)
HEAD = HeadConfig(
    grid=GridFieldConfig(channels=8, resolution=32, motion_resolution=16, motion_width=16, width=32, shape=15),
    landmarks=LANDMARKS,
    step=0.8,
    cells=24,
    max_samples=12,
)
LOOP = LoopSettings(
    steps=200,
    batch_size=3,
    learning_rate=4e-3,
    warmup=20,
    average_decay=0.95,
    validate_every=200,
    save_every=200,
    workers=0,
    precision="32-true",
)
SHORT = replace(LOOP, steps=4, validate_every=2, save_every=2, log_every=1)
LEARNED = HeadRecipe("head", HeadSettings(HEAD, RaySampling(rays=160), occupancy_faces=4, validation_frames=4), LOOP)
EVERYTHING = HeadRecipe(
    "head",
    HeadSettings(
        HEAD,
        RaySampling(rays=40, patch=8),
        HeadLosses(patch=0.01),
        patch_after=1,
        occupancy_every=2,
        occupancy_faces=2,
        validation_frames=2,
    ),
    SHORT,
)
TORSO = TorsoRecipe(
    "torso",
    TorsoSettings(
        TorsoConfig(
            deformation=DeformationConfig(resolution=32, channels=4, width=16, color_width=16), landmarks=LANDMARKS
        ),
        RaySampling(rays=160, mouth=0.0),
        validation_frames=4,
    ),
    replace(LOOP, steps=100, validate_every=100, save_every=100),
)
FIELD = FrequencyFieldConfig(width=16, layers=2, color_width=8, color_layers=1, coarse_samples=8, fine_samples=8)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_person(tmp_path_factory.mktemp("person"))


@pytest.fixture(scope="module")
def data(person: Path) -> PersonData:
    return PersonData.load(person)


@pytest.fixture(scope="module")
def head_run(person: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    run = tmp_path_factory.mktemp("runs") / "head"
    return run, train(LEARNED, person, run).metrics


def test_a_head_is_learned(head_run: Trained) -> None:
    run, metrics = head_run
    assert metrics["psnr_head"] > 28
    assert metrics["psnr"] > 34
    assert metrics["occupied"] < 0.6
    assert metrics["samples_a_ray"] < 12
    head = load_model(run / "best.safetensors", Head)
    assert head.config.num_frames == 60


def test_the_mouth_follows_the_landmarks(head_run: Trained, data: PersonData) -> None:
    head = load_model(head_run[0] / "best.safetensors", Head)
    camera = camera_of(data)
    opening = -data.displacements[:, 57, 1]
    pose = (torch.from_numpy(data.rotations[0]), torch.from_numpy(data.translations[0]))
    x, y = project(camera, torch.tensor([0.0, -4.0, 0.3]), *pose).round().int().tolist()
    brightness = []
    for frame in (int(opening.argmin()), int(opening.argmax())):
        window = torch.from_numpy(landmark_window(data, frame, 5))
        picture = head.render_frame(camera, *pose, window, torch.ones(data.size, data.size, 3))
        brightness.append(float(picture.color[y - 1 : y + 2, x - 1 : x + 2].mean()))
    assert brightness[1] < brightness[0] - 0.01, brightness


def test_a_torso_is_learned_under_the_head(head_run: Trained, person: Path, tmp_path: Path) -> None:
    head = str(head_run[0] / "best.safetensors")
    metrics = train(TORSO, person, tmp_path / "torso", inputs=TorsoInputs(head=head)).metrics
    assert metrics["psnr"] > 27
    assert metrics["psnr_torso"] > 25
    assert load_model(tmp_path / "torso" / "best.safetensors", Torso).config.num_frames == 60


@pytest.mark.parametrize("kind", ["grid", "frequency"])
def test_the_torso_of_the_paper_trains_too(head_run: Trained, person: Path, tmp_path: Path, kind: str) -> None:
    if kind == "grid":
        settings = replace(TORSO.settings, torso=replace(TORSO.settings.torso, kind="radiance", radiance=FIELD))
        recipe = TorsoRecipe("torso", replace(settings, sampling=RaySampling(rays=16)), SHORT)
        inputs = TorsoInputs(head=str(head_run[0] / "best.safetensors"))
        train(recipe, person, tmp_path / "run", inputs=inputs)
    else:
        stage = HeadSettings(replace(HEAD, kind="frequency", frequency=FIELD), RaySampling(rays=16))
        train(HeadRecipe("head", stage, SHORT), person, tmp_path / "run")
    assert "coarse" in " ".join(log_lines(tmp_path / "run", "losses")[-1])


def test_the_patch_counts_after_the_warm_up(person: Path, tmp_path: Path) -> None:
    train(EVERYTHING, person, tmp_path / "run")
    patches = [line["head/patch"] for line in log_lines(tmp_path / "run", "losses")]
    assert patches[0] == 0
    assert min(patches[1:]) > 0


def test_a_resumed_run_gives_the_same_numbers(person: Path, tmp_path: Path) -> None:
    check_resuming(lambda path, **options: train(EVERYTHING, person, path, **options).metrics, tmp_path, step=3)


def test_a_collapse_is_seen() -> None:
    truth, mask = torch.rand(100, 3), torch.ones(100)
    fine, empty, black = RadianceMonitor("head", 50), RadianceMonitor("head", 50), RadianceMonitor("head", 50)
    for step in range(1, 50):
        fine.update(truth, torch.ones(100), truth, mask, step=step)
        empty.update(truth, torch.zeros(100), truth, mask, step=step)
        black.update(torch.zeros(100, 3), torch.ones(100), truth, mask, step=step)
    fine.update(truth, torch.ones(100), truth, mask, step=50)
    with pytest.raises(CollapseError, match="after 50 steps the head is empty"):
        empty.update(truth, torch.zeros(100), truth, mask, step=50)
    with pytest.raises(CollapseError, match="no better than one colour"):
        black.update(torch.zeros(100, 3), torch.ones(100), truth, mask, step=50)
    other = RadianceMonitor("head", 50)
    other.load(fine.state())
    assert other.state() == fine.state()


def test_a_collapsed_run_begins_again_with_another_seed_and_says_so(
    person: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seeds: list[int] = []

    def forward(
        stage: HeadTask, batch: Batch, plain: Callable[[HeadTask, Batch], HeadOutputs] = HeadTask._forward
    ) -> HeadOutputs:
        if stage.step == 4 and len(seeds) == 1:
            raise CollapseError("after 3 steps the head is empty")
        return plain(stage, batch)

    def begin(
        stage: HeadTask,
        *arguments: HeadSettings | PersonData,
        plain: Callable[..., Any] = HeadTask.__init__,
        **named: Any,
    ) -> None:
        seeds.append(named["seed"])
        plain(stage, *arguments, **named)

    monkeypatch.setattr(HeadTask, "_forward", forward)
    monkeypatch.setattr(HeadTask, "__init__", begin)
    with caplog.at_level(logging.WARNING):
        train(EVERYTHING, person, tmp_path / "run")
    assert seeds == [0, 1]
    assert "the head is empty; it begins again with seed 1" in caplog.text
    assert [line["step"] for line in log_lines(tmp_path / "run", "losses")] == [1, 2, 3, 4]


def test_a_run_that_collapses_again_and_again_ends(
    person: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeadTask, "restarts", 1)
    settings = replace(EVERYTHING.settings, head=replace(HEAD, low=(40.0, 40.0, 40.0), high=(50.0, 50.0, 50.0)))
    settings = replace(settings, collapse_after=1, sampling=RaySampling(rays=16), losses=HeadLosses())
    recipe = HeadRecipe("head", settings, replace(SHORT, steps=51, validate_every=51, save_every=51))
    with pytest.raises(TrainingError, match="2 runs with different seeds went the same way"):
        train(recipe, person, tmp_path / "run")


def test_a_patch_larger_than_the_picture_is_refused(person: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="squares of 64 pixels, and the images of .* have 32"):
        train(HEAD_RECIPES["small"], person, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("recipe", "inputs"),
    [(EVERYTHING, HeadInputs(compile=True)), (TORSO, TorsoInputs(head="head.safetensors", compile=True))],
    ids=["head", "torso"],
)
def test_nothing_is_compiled_for_a_cpu(
    person: Path, tmp_path: Path, recipe: Recipe[Any], inputs: HeadInputs | TorsoInputs
) -> None:
    with pytest.raises(InputError, match="--compile was given, and the device is cpu"):
        train(recipe, person, tmp_path / "run", inputs=inputs, settings=RunSettings(device="cpu"))
    assert not (tmp_path / "run").exists()


def test_pixels_are_what_the_files_say(data: PersonData) -> None:
    sampling = RaySampling(rays=300, patch=6)
    dataset = RayDataset(data, sampling, "head", seed=1, length=10)
    sample, again = dataset[3], RayDataset(data, sampling, "head", seed=1, length=99)[3]
    assert all(torch.equal(sample[name], again[name]) for name in sample)
    frame, (columns, rows) = int(sample["frame"]), sample["pixels"].numpy().T
    assert frame in data.indices("train")
    np.testing.assert_array_equal(sample["color"], data.frames[frame][rows, columns])
    np.testing.assert_array_equal(sample["head"], data.head_mask[frame][rows, columns])
    np.testing.assert_array_equal(sample["scene"], scene(data, frame, rows, columns))
    patch = sample["pixels"][300:].view(6, 6, 2)
    assert (patch[:, 1:, 0] - patch[:, :-1, 0] == 1).all()
    assert (patch[1:, :, 1] - patch[:-1, :, 1] == 1).all()
    x0, y0, x1, y1 = frame_geometry(data).mouth[frame]
    assert abs(float(patch[..., 0].float().mean()) - (x0 + x1) / 2) < 2
    assert abs(float(patch[..., 1].float().mean()) - (y0 + y1) / 2) < 2
    assert float((sample["head"] > 0).float().mean()) > 0.4


def test_windows_stand_still_at_the_ends_of_an_interval(data: PersonData) -> None:
    held_out = data.split["test"][0][0]
    window = landmark_window(data, held_out, 5)
    np.testing.assert_array_equal(window, data.displacements[[held_out] * 3 + [held_out + 1, held_out + 2]])


def test_the_seam_is_where_head_and_torso_meet() -> None:
    head, torso = torch.zeros(40, 40), torch.zeros(40, 40)
    head[:20], torso[20:] = 1, 1
    assert seam(head, torso).sum(dim=1).nonzero()[:, 0].tolist() == [19, 20]


@pytest.mark.parametrize("recipe", [*HEAD_RECIPES.values(), *TORSO_RECIPES.values()])
def test_recipes_are_plain_data_and_build(recipe: Recipe[Any]) -> None:
    import json
    from dataclasses import asdict

    from visavox.runtime.serialization import from_mapping
    from visavox.weights.networks import NETWORKS, network_of

    assert from_mapping(LoopSettings, json.loads(json.dumps(asdict(recipe.loop)))) == recipe.loop
    config = recipe.settings.head if isinstance(recipe.settings, HeadSettings) else recipe.settings.torso
    assert from_mapping(type(config), json.loads(json.dumps(asdict(config)))) == config
    with torch.device("meta"):
        NETWORKS[network_of(config)].build(config)
    assert recipe.settings.collapse_after <= recipe.loop.steps / 2


def test_nan_is_seen_by_the_loop(
    person: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: PersonData
) -> None:
    stage = HeadTask(EVERYTHING.settings, data, patch_loss=lambda a, b: a.sum() * 0, device=torch.device("cpu"), seed=0)
    with torch.no_grad():
        part(stage.head, "field.color_last", nn.Linear).bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no longer numbers"):
        Trainer(stage, SHORT, tmp_path / "run", Fabric(accelerator="cpu"), {"summary": ""}).fit()


def test_the_command_trains_and_resumes(
    person: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from visavox.cli.main import main

    monkeypatch.setitem(HEAD_RECIPES, "tiny", EVERYTHING)
    arguments = ["train", "head", str(person), "-o", str(tmp_path / "run"), "--recipe", "tiny"]
    assert main([*arguments, "--steps", "2"]) == 0
    assert main([*arguments, "--resume", "--steps", "4"]) == 0
    assert [line["step"] for line in log_lines(tmp_path / "run", "losses")] == [1, 2, 3, 4]
    assert main([*arguments[:-1], "huge"]) == 2
    assert (
        "there is no recipe 'huge'; the recipes of head are cpu, cpu-no-window, small, full, paper, tiny"
        in capsys.readouterr().err
    )
    assert main(["train", "head", str(tmp_path), "-o", str(tmp_path / "other")]) == 2
    assert "is not a person's data set" in capsys.readouterr().err
    assert main(["train", "torso", str(person), "-o", str(tmp_path / "other"), "--head", "face-features"]) == 2
    assert "what is needed here is a Head-NeRF" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()

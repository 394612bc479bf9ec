"""The motion VAE learns to open with the sound, and its run resumes and ends in a file that speaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.small_motion_vae import SMALL_VAE
from tests.training import tiny, tiny_recipes
from tests.training.motion_footage import make_motion_dataset
from tests.training.resuming import Trained, check_resuming

from visavox.data.generator.augmentation import MelAugmentation
from visavox.errors import InputError
from visavox.models.motion.motion_vae import MotionVae, MotionVaeConfig
from visavox.models.sync.motion_syncnet import MotionSyncNet, MotionSyncNetConfig
from visavox.speech import load_features
from visavox.training.motion.calibration import collection_of, pooled_deviation
from visavox.training.motion.motion_vae import MotionVaeInputs, MotionVaeLosses, MotionVaeSettings
from visavox.training.motion.recipes import MOTION_RECIPES, MotionVaeRecipe
from visavox.training.run import train
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.registry import model_info
from visavox.weights.weights_file import ModelCard

VAE = replace(SMALL_VAE, speech=replace(SMALL_VAE.speech, channels=12), hidden=12)
LOOP = replace(tiny_recipes.LOOP, validate_every=3)
RECIPE = MotionVaeRecipe("motion", MotionVaeSettings(VAE, calibration_speakers=1), LOOP)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_motion_dataset(tmp_path_factory.mktemp("motion") / "set")


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run of a few seconds, and its metrics."""
    path = tmp_path_factory.mktemp("runs") / "motion"
    gentle = MelAugmentation(level=1.0, tilt=0.5, speed=0.0, bands=0.5, noise=0.0, masks=0)
    recipe = replace(
        RECIPE,
        settings=replace(RECIPE.settings, augmentation=gentle, other_weight=0.0, chin_weight=0.0),
        loop=replace(LOOP, steps=80, batch_size=12, validate_every=80, save_every=80),
    )
    return path, train(recipe, dataset, path).metrics


def test_mouths_open_with_the_sound(trained: Trained) -> None:
    _, metrics = trained
    assert metrics["r_opening"] > 0.7
    assert 0.4 < metrics["gain"] < 2.0
    assert metrics["r_opening_sampled"] > 0.4


def test_the_file_says_what_it_is(trained: Trained) -> None:
    path, metrics = trained
    info = model_info(path / "best.safetensors")
    assert info.network == "motion_vae"
    assert info.config["features"] == "mel"
    assert set(info.card.quality) == set(metrics)
    loaded = load_model(path / "best.safetensors", MotionVae)
    assert loaded.config == VAE
    # How all points move with the lips: of itself it parts them by a centimetre.
    mode = loaded.opening_mode.reshape(68, 3)
    assert float(mode[62, 1] - mode[66, 1]) == pytest.approx(1.0, abs=1e-3)
    assert float(mode[8, 1]) == pytest.approx(-0.5 / 0.8, abs=0.1)


def test_an_interrupted_run_goes_on_to_the_numbers_of_an_uninterrupted_one(dataset: Path, tmp_path: Path) -> None:
    check_resuming(lambda path, **options: train(RECIPE, dataset, path, **options).metrics, tmp_path)


def test_a_recipe_for_other_features_is_refused(dataset: Path, tmp_path: Path) -> None:
    wrong = replace(VAE, speech=replace(VAE.speech, feature_size=81))
    with pytest.raises(InputError, match="80 numbers a row"):
        train(replace(RECIPE, settings=replace(RECIPE.settings, vae=wrong)), dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_recipes_fit_their_features() -> None:
    for name, features in (("compact", "mel"), ("compact-pitch", "mel-pitch")):
        vae = MOTION_RECIPES[name].settings.vae
        assert vae.features == features
        assert vae.speech.feature_size == load_features(features).size
    assert MOTION_RECIPES["geneface"].settings.vae == MotionVaeConfig()


def test_collections_and_deviations() -> None:
    assert collection_of("grid_s1") == collection_of("grid_s26") == "grid"
    assert collection_of("anna") == "anna"
    assert pooled_deviation([np.array([0.0, 2.0]), np.array([10.0, 12.0])]) == pytest.approx(1.0)


@pytest.fixture(scope="module")
def experts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Motion SyncNets that know nothing, by the features that they hear."""
    folder, paths = tmp_path_factory.mktemp("experts"), {}
    torch.manual_seed(0)
    for features, size in (("mel", 80), ("mel-pitch", 83)):
        config = MotionSyncNetConfig(
            features=features,
            feature_size=size,
            mouth_channels=(8, 16, 16, 32),
            speech_channels=(16, 16, 32),
            residuals=0,
        )
        paths[features] = str(folder / f"{features}.safetensors")
        card = ModelCard("a test", "untrained", "none")
        syncnet = MotionSyncNet(config)
        syncnet.mouth_scale.fill_(0.05)  # so that mouths move it
        save_model(paths[features], syncnet, card)
    return paths


def test_a_motion_syncnet_teaches_once_its_gate_is_open(dataset: Path, experts: dict[str, str], tmp_path: Path) -> None:
    recipe = replace(RECIPE, settings=replace(RECIPE.settings, sync_threshold=100.0, losses=MotionVaeLosses(sync=10.0)))
    metrics = train(recipe, dataset, tmp_path / "run", inputs=MotionVaeInputs(sync=experts["mel"])).metrics
    assert np.isfinite(metrics["sync"])
    losses = tiny.log_lines(tmp_path / "run", "losses")
    assert all(np.isfinite(line["vae/sync"]) for line in losses)
    plain = train(RECIPE, dataset, tmp_path / "plain").metrics
    assert "sync" not in plain
    # It was silent until the validation after step 3, and then changed what was learned.
    other = tiny.log_lines(tmp_path / "plain", "losses")
    assert losses[2]["vae/mode"] == other[2]["vae/mode"]
    assert losses[5]["vae/mode"] != other[5]["vae/mode"]


def test_a_motion_syncnet_of_other_features_is_refused(dataset: Path, experts: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="same features"):
        train(RECIPE, dataset, tmp_path / "run", inputs=MotionVaeInputs(sync=experts["mel-pitch"]))

"""Names of weights, and what is said when there is none of a name."""

from pathlib import Path

import pytest
from tests.models.small import CARD, save_small_generator

from visavox.errors import InputError
from visavox.weights.checkpoint import load_model
from visavox.weights.networks import NETWORKS, build_network, network_of
from visavox.weights.registry import card_text, find_model, list_models, model_info


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    save_small_generator(folder / "wav2lip.safetensors")
    save_small_generator(folder / "tiny.safetensors")
    (folder / "tiny.md").write_text("# tiny\nmade for tests: ä\n", encoding="utf-8")
    return folder


def test_shipped_weights_are_listed_by_name(folder: Path) -> None:
    models = list_models(folder)
    assert [model.name for model in models] == ["tiny", "wav2lip"]
    assert models[0].card == CARD
    assert card_text(models[0]) == "# tiny\nmade for tests: ä\n"
    assert card_text(models[1]) is None
    assert list_models(folder / "nowhere") == []


def test_every_shipped_file_loads_and_has_a_card() -> None:
    for model in list_models():
        assert load_model(model.name).config is not None
        assert card_text(model), f"{model.name} has no model card"


def test_names_and_paths_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model("tiny", folder) == folder / "tiny.safetensors"
    assert find_model(folder / "tiny.safetensors") == folder / "tiny.safetensors"
    monkeypatch.chdir(folder)
    assert model_info("tiny.safetensors").name == "tiny"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wav2lipp", "no model 'wav2lipp'; available are tiny, wav2lip, .* Did you mean 'wav2lip'"),
        ("zzz", "no model 'zzz'; available are tiny, wav2lip, .*OWNER/REPOSITORY/FILE.$"),
        ("some/where.safetensors", "no weights file some/where.safetensors"),
        ("wav2lip_gan.pth", "no weights file wav2lip_gan.pth"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(folder: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_model(name, folder)


def test_every_published_network_is_built() -> None:
    # These are this project's own, or their recipes hold the published dimensions.
    others = {"face_features", "head", "torso", "reduced_whisper"}
    assert {name for name, network in NETWORKS.items() if network.published is None} == others
    for name, network in NETWORKS.items():
        if network.published is not None:
            assert network_of(network.published.config) == name
            assert build_network(network.published.config).config == network.published.config

"""The published SyncNet is converted exactly, and its windows are independent of each other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.parity import SYNCNET_GOLDEN, published_shapes, published_weights, syncnet_inputs

from visavox.errors import InputError
from visavox.models.sync.expert import Expert
from visavox.models.sync.syncnet import SyncNet
from visavox.weights.checkpoint import load_model
from visavox.weights.importer import import_model
from visavox.weights.networks import NETWORKS
from visavox.weights.registry import model_info

Paths = tuple[Path, Path]
OLD = {"_use_new_zipfile_serialization": False}
"""The published file is a pickle of PyTorch 0.3."""


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    """Return where the published file is and where ours goes; they are large, and not kept."""
    files = tmp_path / "syncnet_v2.model", tmp_path / "syncnet.safetensors"
    yield files
    for file in files:
        file.unlink(missing_ok=True)


def test_the_published_embeddings_are_reproduced_from_rgb(paths: Paths) -> None:
    source, output = paths
    torch.save(published_weights("syncnet"), source, **OLD)
    info = import_model(source, output)
    assert info == model_info(output)
    assert (info.network, info.spec) == ("syncnet", None)
    assert info.crop is not None
    assert info.crop.size == 224
    network = load_model(output, SyncNet)
    mfcc, bgr = syncnet_inputs()
    with torch.inference_mode():
        sound, lips = network(mfcc, bgr.flip(1))
    golden = np.load(SYNCNET_GOLDEN)
    np.testing.assert_allclose(sound, golden["audio_embedding"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(lips, golden["lip_embedding"], rtol=0, atol=1e-4)


def test_its_keys_are_the_published_ones() -> None:
    published = NETWORKS["syncnet"].published
    assert published is not None
    with torch.device("meta"):
        network = SyncNet(published.config)
    state = network.state_dict()
    assert {key: tuple(tensor.shape) for key, tensor in state.items()} == published_shapes("syncnet")


def test_the_order_of_colours_matters_to_it(paths: Paths) -> None:
    source, output = paths
    torch.save(published_weights("syncnet"), source, **OLD)
    import_model(source, output)
    ours, theirs = load_model(output), SyncNet().eval()
    theirs.load_state_dict(published_weights("syncnet"))
    key = "netcnnlip.0.weight"
    assert torch.equal(ours.state_dict()[key], theirs.state_dict()[key].flip(1))
    others = {name for name in theirs.state_dict() if name != key}
    assert all(torch.equal(ours.state_dict()[name], theirs.state_dict()[name]) for name in others)


def test_the_card_says_what_is_known(paths: Paths) -> None:
    source, output = paths
    hollow = {key: torch.tensor(0.5).expand(shape) for key, shape in published_shapes("syncnet").items()}
    torch.save({key: tensor for key, tensor in hollow.items() if "num_batches" not in key}, source, **OLD)
    card = import_model(source, output).card
    assert card.description == "the SyncNet of Chung & Zisserman (2016) converted from syncnet_v2.model"
    assert "none of the files published with the paper" in card.training
    assert "joonson/syncnet_python" in card.licence
    assert "Wav2Lip" not in card.licence
    with pytest.raises(InputError, match="use it as it is: --sync-model"):
        import_model(output, source.with_suffix(".safetensors"))
    with pytest.raises(
        InputError, match=r"is the SyncNet of Chung & Zisserman \(2016\); what is needed here is an exp"
    ):
        load_model(output, Expert)


def test_another_syncnet_is_refused(paths: Paths) -> None:
    source, output = paths
    state = {key: torch.zeros(shape) for key, shape in published_shapes("syncnet").items() if "netfc" not in key}
    torch.save(state, source)
    with pytest.raises(InputError, match=r"looks like the SyncNet .* netfcaud.0.weight is missing \(and 15 more\)"):
        import_model(source, output)
    assert not output.exists()

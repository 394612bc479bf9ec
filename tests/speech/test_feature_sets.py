"""Sets of speech features by name."""

import pytest

from visavox.errors import InputError
from visavox.speech import check_feature_name, load_features


@pytest.mark.parametrize("name", ["mel_pitch", "hubert", "hubert:", "whisper:", "", "wav2vec"])
def test_names_that_mean_nothing_are_refused(name: str) -> None:
    with pytest.raises(
        InputError, match=f"no speech features '{name}'; choose mel-pitch, mel, whisper-base-3, or hubert:NAME or wh"
    ):
        load_features(name)


@pytest.mark.parametrize("name", ["mel", "hubert:facebook/hubert-large-ls960-ft", "whisper:openai/whisper-base"])
def test_names_are_checked_without_loading(name: str) -> None:
    check_feature_name(name)

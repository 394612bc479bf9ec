"""Who is kept for validation: never by chance of order, never someone who is trained on."""

import pytest

from visavox.data.preparation.settings import SplitSettings, speaker_rank, split_of, validation_speakers
from visavox.errors import InputError

NAMES = [f"speaker_{number}" for number in range(400)]


def test_the_draw_keeps_about_the_share_and_is_the_same_for_ever() -> None:
    kept = validation_speakers(NAMES, SplitSettings(share=0.1))
    assert 25 <= len(kept) <= 55
    assert kept == validation_speakers(reversed(NAMES), SplitSettings(share=0.1))
    assert speaker_rank("grid_s1", 0) == pytest.approx(0.0341, abs=1e-4)  # changes only if the draw does


def test_adding_speakers_moves_nobody() -> None:
    before = validation_speakers(NAMES[:200], SplitSettings())
    after = validation_speakers(NAMES, SplitSettings())
    assert before == after & set(NAMES[:200])


def test_another_seed_draws_others() -> None:
    assert validation_speakers(NAMES, SplitSettings(seed=0)) != validation_speakers(NAMES, SplitSettings(seed=1))


def test_few_speakers_still_leave_one_to_validate_with() -> None:
    names = [name for name in NAMES if speaker_rank(name, 0) > 0.5][:3]
    assert validation_speakers(names, SplitSettings()) == {min(names, key=lambda name: speaker_rank(name, 0))}
    assert validation_speakers(names[:1], SplitSettings()) == set()
    assert validation_speakers(names, SplitSettings(share=0)) == set()


def test_named_speakers_replace_the_draw() -> None:
    settings = SplitSettings(speakers=("speaker_3",))
    assert validation_speakers(NAMES, settings) == {"speaker_3"}
    with pytest.raises(InputError, match="no video has the speaker eve named for validation; there are: speaker_0"):
        validation_speakers(NAMES, SplitSettings(speakers=("eve", "speaker_1")))


def test_rules() -> None:
    held_out = {"ann"}
    assert split_of("ann", None, held_out, SplitSettings()) == "validation"
    assert split_of("bob", None, held_out, SplitSettings()) == "train"
    assert split_of("ann", "test", held_out, SplitSettings()) == "test"
    assert split_of("ann", "test", held_out, SplitSettings(rule="speaker")) == "validation"
    assert split_of("ann", "test", held_out, SplitSettings(rule="train")) == "train"
    assert split_of("bob", None, held_out, SplitSettings(rule="validation")) == "validation"
    assert split_of("ann", "train", held_out, SplitSettings(speakers=("ann",))) == "validation"


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_means_nothing(share: float) -> None:
    with pytest.raises(InputError, match="validation share"):
        SplitSettings(share=share)

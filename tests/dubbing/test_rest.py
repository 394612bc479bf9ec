import numpy as np
import pytest

from visavox.dubbing.rest import rest_shares

CENTER, WINDOW = 30, 64


def window(sounding: list[int] | range) -> np.ndarray:
    mel = np.full((1, 80, WINDOW), -4.0, np.float32)
    mel[:, 10, list(sounding)] = 1.0
    return mel


@pytest.mark.parametrize(
    ("sounding", "share"),
    [
        (range(WINDOW), 0.0),
        ([], 1.0),
        ([CENTER], 0.0),
        ([0], 1.0),  # the sound ended 0.36 s ago
        ([CENTER - 5], 4 / 80 / 0.12 + 1 / 80 / 0.12),  # five silent frames since, on the way to rest
        ([CENTER + 8], 7 / 80 / 0.14),  # seven silent frames to come: the lips are leaving rest
        ([CENTER - 10, CENTER + 10], 0.0),  # 0.24 s: the closure of a plosive, not a pause
    ],
)
def test_lips_rest_in_pauses_only(sounding: list[int] | range, share: float) -> None:
    assert rest_shares(window(sounding), CENTER)[0] == pytest.approx(share, abs=1e-6)


def test_each_window_of_a_batch_is_judged_alone() -> None:
    windows = np.concatenate([window([]), window(range(WINDOW)), window([CENTER + 8])])
    alone = [rest_shares(one[None], CENTER)[0] for one in windows]
    assert rest_shares(windows, CENTER).tolist() == alone

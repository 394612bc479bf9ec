"""Ways in which adversarial training goes wrong are seen and said."""

from __future__ import annotations

import pytest

from visavox.training.divergence import MotionMonitor

FINE = {
    "critic_accuracy": 0.6,
    "movement": 1.0,
    "movement_start": 0.8,
    "sync_kept": 0.95,
    "frechet": 1.0,
    "frechet_start": 4.0,
}


def test_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    watch = MotionMonitor()
    assert [watch.update(FINE) for _ in range(5)] == [[]] * 5
    assert not caplog.text


@pytest.mark.parametrize(
    ("changes", "sign", "words"),
    [
        ({"movement": 0.1}, "still", "the lips move 10 % as much as the person's"),
        ({"sync_kept": 0.2}, "sync lost", "20 % of the sync of the motion that came in is left"),
    ],
)
def test_stillness_and_lost_sync_count_at_once_and_are_said_once(
    changes: dict[str, float], sign: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    watch = MotionMonitor()
    assert watch.update(FINE | changes) == [sign]
    assert watch.update(FINE | changes) == [sign]
    assert caplog.text.count(words) == 1


def test_motion_that_came_in_small_is_no_stillness() -> None:
    assert MotionMonitor().update(FINE | {"movement": 0.3, "movement_start": 0.3}) == []


def test_a_critic_that_wins_is_believed_after_some_validations(caplog: pytest.LogCaptureFixture) -> None:
    watch = MotionMonitor()
    wins = FINE | {"critic_accuracy": 1.0}
    assert [watch.update(metrics) for metrics in (wins, wins, FINE, wins, wins)] == [[]] * 5
    assert watch.update(wins) == ["critic wins"]
    assert "100 % right" in caplog.text


def test_a_critic_at_chance_has_lost_only_where_the_distance_stays(caplog: pytest.LogCaptureFixture) -> None:
    watch = MotionMonitor()
    assert [watch.update(FINE | {"critic_accuracy": 0.5}) for _ in range(4)] == [[]] * 4
    far = FINE | {"critic_accuracy": 0.5, "frechet": 3.9}
    assert [watch.update(far) for _ in range(3)] == [[], [], ["critic loses"]]
    assert "finds no difference (50 % right)" in caplog.text

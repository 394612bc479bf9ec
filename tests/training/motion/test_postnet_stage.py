"""The post-net learns a person's manner, and a collapse is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from tests.training.motion.test_motion_sync_stage import NETWORK
from tests.training.motion_people import FEATURE_SIZE, make_store, opening_mode
from tests.training.resuming import check_resuming
from tests.training.tiny import log_lines
from tests.training.tiny_recipes import LOOP

from visavox.data.motion.motion_store import MotionStore
from visavox.errors import InputError
from visavox.face.geometry.motion import lip_gap
from visavox.models.motion.postnet import MotionCriticConfig, PostNet, PostNetConfig
from visavox.models.sync.motion_syncnet import MotionSyncNet
from visavox.training.loop import Trainer
from visavox.training.motion.postnet import COLLAPSED, PostNetTask
from visavox.training.motion.postnet_sources import PostNetSettings, drawn_motion, postnet_sources, true_motion
from visavox.training.recipe import LoopSettings
from visavox.weights.checkpoint import load_model

SETTINGS = PostNetSettings(
    PostNetConfig(channels=(12, 12)),
    MotionCriticConfig(channels=(24, 24), dropout=0.0),
    num_frames=16,
    num_windows=2,
    held_out=0.25,
)


def make_people() -> tuple[MotionStore, MotionStore]:
    """Three who speak alike, and `p`, who moves three times as much."""
    others, person = make_store("abc"), make_store("p", 8, scale=3.0)
    return MotionStore(others.clips + person.clips, "mel"), make_store("xy", seed=1)


def make_syncnet() -> MotionSyncNet:
    torch.manual_seed(3)
    syncnet = MotionSyncNet(NETWORK)
    syncnet.opening_mode.copy_(torch.from_numpy(opening_mode()))
    syncnet.mouth_scale.fill_(100.0)  # it has learned nothing: let it hardly look
    return syncnet.eval()


def make_task(settings: PostNetSettings = SETTINGS) -> PostNetTask:
    train, validation = make_people()
    sources = postnet_sources(train, validation, "p", true_motion(train), settings.held_out)
    return PostNetTask(settings, sources, make_syncnet(), device=torch.device("cpu"), seed=0)


def make_trainer(path: Path, loop: LoopSettings = LOOP, settings: PostNetSettings = SETTINGS) -> Trainer:
    fabric = Fabric(accelerator="cpu", devices=1)
    return Trainer(make_task(settings), loop, path, fabric, {"summary": "people made of numbers"})


def test_the_last_clips_of_the_person_are_held_out_and_the_person_is_nobody_else() -> None:
    sources = make_task().sources
    assert [clip.clip_id for clip in sources.person] == [f"p_{number}" for number in range(6)]
    assert [clip.clip_id for clip in sources.held_out] == ["p_6", "p_7"]
    assert {clip.speaker for clip in sources.everybody} == {"a", "b", "c"}
    assert {clip.speaker for clip in sources.unseen} == {"x", "y"}
    assert all(clip.truth is None for clip in sources.everybody)


def test_some_clips_of_others_are_spread_over_all_of_them() -> None:
    train, validation = make_people()
    sources = postnet_sources(train, validation, "p", true_motion(train), 0.25, num_clips=3)
    assert [clip.clip_id for clip in sources.everybody] == ["a_0", "b_1", "c_2"]


def test_true_motion_comes_in_on_one_face() -> None:
    train, _ = make_people()
    draw = true_motion(train)
    means = [draw(clip)[0].mean(axis=0) for clip in train.clips[:6]]
    still = [point for point in range(68) if not opening_mode()[point].any()]
    for mean in means[1:]:
        np.testing.assert_allclose(mean[still], means[0][still], atol=0.01)


def test_drawn_motion_stands_on_the_typical_face_and_every_draw_is_another() -> None:
    class Speaker:
        rest = torch.arange(204.0)

        def sample(self, features: torch.Tensor, *, seed: int, temperature: float) -> torch.Tensor:
            assert temperature == 0.5
            assert len(features) == 2
            return torch.arange(2.0)[:, None, None].expand(2, features.shape[1] // 2, 204)

    clip = make_store("a", 1).clips[0]
    drawn = drawn_motion(Speaker(), 2, 0.5)(clip)
    assert drawn.shape == (2, 40, 68, 3)
    np.testing.assert_array_equal(drawn[1] - drawn[0], 1)
    np.testing.assert_array_equal(drawn[0, 7].reshape(-1), np.arange(204))


@pytest.mark.parametrize(
    ("person", "speakers", "words"),
    [
        ("z", "ab", "'z' is no speaker of the training split; the speakers are a, b"),
        ("a", "a", "a is the only training speaker"),
    ],
)
def test_a_person_who_is_not_there_or_alone_is_refused(person: str, speakers: str, words: str) -> None:
    train = make_store(speakers)
    with pytest.raises(InputError, match=words):
        postnet_sources(train, make_store("xy"), person, true_motion(train), 0.25)


def test_an_untrained_one_is_measured_as_exchanging_the_means() -> None:
    task = make_task()
    task.postnet.eval()
    metrics = task.validate().metrics
    assert metrics["frechet"] == pytest.approx(metrics["frechet_start"])
    assert metrics["sync_kept"] == pytest.approx(1)
    assert metrics["opening_kept"] == pytest.approx(1)
    assert metrics["movement"] == pytest.approx(1 / 3, abs=0.1)
    assert metrics["frechet_floor"] < metrics["frechet_start"] < metrics["frechet_before"]


def test_it_brings_the_frames_to_the_person(tmp_path: Path) -> None:
    loop = replace(LOOP, steps=160, batch_size=8, validate_every=40, save_every=160, learning_rate=5e-3, log_every=40)
    make_trainer(tmp_path / "run", loop).fit()
    lines = log_lines(tmp_path / "run", "validation")
    best = min(lines, key=lambda line: line["score"])
    assert best["frechet"] < 0.75 * best["frechet_start"]
    assert best["movement"] > 1.3 * best["movement_start"]
    assert best["opening_kept"] > 0.6
    postnet = load_model(tmp_path / "run" / "best.safetensors", PostNet)
    assert postnet.config == SETTINGS.network


def test_a_resumed_run_gives_the_numbers_of_one_that_was_not_interrupted(tmp_path: Path) -> None:
    check_resuming(lambda path, **options: make_trainer(path).fit(**options), tmp_path)


def test_a_post_net_that_gives_up_movement_is_said_and_never_chosen(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task()
    fine = task.validate().score
    # Takes what moves the lips back again.
    monkeypatch.setattr(task.postnet, "forward", lambda motion: motion * 0 + task.postnet.neutral)
    found = task.validate()
    assert found.metrics["collapsed"] == 1
    assert found.score >= COLLAPSED > fine
    assert "the lips move 0 % as much as the person's" in caplog.text


def test_what_the_watch_has_counted_is_saved() -> None:
    task = make_task()
    task.monitor.in_a_row["critic wins"] = 2
    task.monitor.warned.append("still")
    other = make_task()
    other.load_extra_state(task.extra_state())
    assert other.monitor.in_a_row == {"critic wins": 2}
    assert other.monitor.warned == ["still"]


def test_the_syncnet_hears_the_features_that_it_knows() -> None:
    assert make_syncnet().config.feature_size == FEATURE_SIZE


def test_the_slope_of_the_critic_is_that_of_its_weights() -> None:
    """A critic without a hidden layer has the same slope everywhere."""
    task = make_task(replace(SETTINGS, critic=MotionCriticConfig(channels=(), dropout=0.0), critic_slope=0.5))
    data = task.dataset(0, 2)
    batch = {name: torch.stack([data[number][name] for number in (0, 1)]) for name in data[0]}
    _, losses = task.optimizer_steps()[1].compute(batch)
    assert list(losses) == ["real", "made", "slope"]
    slope = sum(float((p.detach() ** 2).sum()) for p in task.critic.layers[-1].parameters() if p.ndim == 2)
    assert float(losses["slope"].detach()) == pytest.approx(slope, rel=1e-4)


def test_components_are_those_of_the_motion_that_comes_in() -> None:
    """These people do nothing but open their mouths: the first component is by how much, at unit variance."""
    task = make_task(replace(SETTINGS, critic=MotionCriticConfig(components=1, channels=(4,))))
    source = np.concatenate([clip.draws[0] for clip in task.sources.everybody])
    seen = task.critic.normal(torch.from_numpy(source)).numpy()[:, 0]
    assert seen.std() == pytest.approx(1, rel=0.01)
    assert abs(np.corrcoef(seen, lip_gap(source))[0, 1]) > 0.99

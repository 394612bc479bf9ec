"""The motion SyncNet's samples, its losses, and that it learns what there is to learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from tests.training.motion_people import FEATURE_SIZE, make_store, opening_mode
from tests.training.resuming import check_resuming
from tests.training.tiny_recipes import LOOP

from visavox.data.motion.motion_store import MotionClip
from visavox.data.motion.motion_sync_dataset import (
    NEAR,
    NO_MOTION_AUGMENTATION,
    MotionAugmentation,
    MotionSyncDataset,
    MotionSyncSampling,
    motion_from_rest,
)
from visavox.errors import InputError
from visavox.losses.motion import Comparison
from visavox.models.sync.motion_syncnet import MotionSyncNet, MotionSyncNetConfig
from visavox.training.loop import Trainer
from visavox.training.motion.motion_syncnet import MotionSyncNetTask, MotionSyncSettings
from visavox.training.recipe import LoopSettings
from visavox.weights.checkpoint import load_model

NETWORK = MotionSyncNetConfig(
    features="mel",
    feature_size=FEATURE_SIZE,
    num_rows=14,
    lead_rows=2,
    mouth_channels=(8, 8, 12, 12),
    speech_channels=(8, 12, 12),
    residuals=0,
)
SETTINGS = MotionSyncSettings(NETWORK, validation_samples=16, offset_reach=3, num_motions=2, patience=10_000)


def make_task(settings: MotionSyncSettings = SETTINGS) -> MotionSyncNetTask:
    train, validation = make_store("abcd"), make_store("xy", seed=1)
    return MotionSyncNetTask(settings, train, validation, device=torch.device("cpu"), seed=0)


def make_trainer(path: Path, loop: LoopSettings = LOOP) -> Trainer:
    task = make_task()
    return Trainer(task, loop, path, Fabric(accelerator="cpu", devices=1), {"summary": "people made of numbers"})


def make_dataset(augmentation: MotionAugmentation = NO_MOTION_AUGMENTATION, seed: int = 0) -> MotionSyncDataset:
    sampling = MotionSyncSampling(5, 14, 2)
    return MotionSyncDataset(make_store(), sampling, augmentation, opening_mode=opening_mode(), seed=seed, length=40)


def test_a_sample_holds_windows_with_their_own_speech() -> None:
    data = make_dataset()
    assert len(data) == 40
    clips = make_store().clips
    for number in range(8):
        sample = data[number]
        (clip,) = [clip for clip in clips if _is_of(sample, clip)]
        motion = motion_from_rest(clip, opening_mode())
        for start, seen, heard in zip(sample["starts"].tolist(), sample["motion"], sample["speech"], strict=True):
            np.testing.assert_array_equal(seen.numpy(), motion[start : start + 5])
            rows = np.arange(2 * start - 2, 2 * start + 12).clip(0, len(clip.features) - 1)
            np.testing.assert_array_equal(heard.numpy(), clip.features[rows])
        half = len(sample["starts"]) // 2
        distance = (sample["starts"][half:] - sample["starts"][:half]).abs()
        assert ((distance >= NEAR[0]) & (distance <= NEAR[1])).all()


def _is_of(sample: dict[str, torch.Tensor], clip: MotionClip) -> bool:
    return bool((clip.features == sample["speech"][0, 5].numpy()).all(axis=1).any())


def test_samples_are_functions_of_seed_and_number() -> None:
    augmentation = MotionAugmentation()
    one, other, third = make_dataset(augmentation)[3], make_dataset(augmentation)[3], make_dataset(augmentation, 1)[3]
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["motion"], third["motion"])


def test_the_gap_between_the_lips_is_absolute() -> None:
    """Two speakers with other faces: what is seen at the lips is how far they are open."""
    for clip in make_store("ad", 1).clips:
        motion = motion_from_rest(clip, opening_mode())
        canonical_gap = clip.displacements[:, 62, 1] - clip.displacements[:, 66, 1]
        gap = motion[:, 62, 1] - motion[:, 66, 1]
        np.testing.assert_allclose(gap - gap.min(), canonical_gap - canonical_gap.min(), atol=1e-4)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="give an even number"):
        MotionSyncSampling(5, 14, 2, num_windows=3)
    sampling = MotionSyncSampling(40, 14, 2)
    with pytest.raises(InputError, match="no clip has the 51 frames"):
        MotionSyncDataset(make_store(), sampling, NO_MOTION_AUGMENTATION, opening_mode=opening_mode(), seed=0, length=1)


def test_wrong_speech_is_sorted_by_how_far_it_is_off() -> None:
    same, different = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    starts = torch.tensor([[0, 1, 3, 9], [0, 1, 3, 9]])
    faces = same.expand(8, 2)
    sounds = torch.stack([same, different, same, different]).repeat(2, 1)
    compared = Comparison(sounds, faces, starts, torch.tensor([0, 0]))
    masks = {kind: mask[0].nonzero().tolist() for kind, mask in compared.masks.items()}
    assert masks["near"] == [[0, 2], [1, 2], [2, 0], [2, 1]]
    assert masks["far"] == [[0, 3], [1, 3], [2, 3], [3, 0], [3, 1], [3, 2]]
    assert masks["other"] == []
    # Right pairs: mouths 0 and 2. Of the wrong ones that are near, 0-2 and 2-0 fit as well, 2-1 does not.
    assert compared.accuracies()["accuracy_near"] == pytest.approx(1 / 4)
    verdicts = compared.verdicts()
    assert verdicts["together"] == pytest.approx(13.8 / 2, abs=0.1)
    assert verdicts["apart"] == pytest.approx((13.8 * 3 / 4 + 13.8 * 2 / 6) / 2, abs=0.1)


def test_speech_of_the_same_speaker_is_not_called_anothers() -> None:
    torch.manual_seed(0)
    starts = torch.tensor([[0, 3], [0, 3], [0, 3]])
    compared = Comparison(torch.rand(6, 4), torch.rand(6, 4), starts, torch.tensor([5, 5, 7]))
    assert compared.masks["other"][:, 0].tolist() == [True, False, True]  # each against the one before
    assert torch.isfinite(compared.contrast())


def test_the_auxiliary_task_comes_first_where_that_is_asked_for() -> None:
    task = make_task(replace(SETTINGS, motion_first=2))
    (step,) = task.optimizer_steps()
    data = task.dataset(0, 4)
    samples = [data[number] for number in range(4)]
    batch = {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
    for number, counted in ((2, ["motion"]), (3, ["together", "apart", "contrast", "motion"])):
        task.step = number
        total, losses = step.compute(batch)
        weights = {"together": 1.0, "apart": 1.0, "contrast": SETTINGS.contrast, "motion": SETTINGS.motion}
        assert list(losses) == list(weights)
        assert float(total.detach()) == pytest.approx(
            sum(weights[name] * float(losses[name].detach()) for name in counted), rel=1e-5
        )


def test_it_learns(tmp_path: Path) -> None:
    loop = replace(LOOP, steps=150, batch_size=8, validate_every=150, save_every=150, log_every=25)
    metrics = make_trainer(tmp_path / "run", loop).fit()
    assert metrics["accuracy_far"] > 0.8
    assert metrics["accuracy_near"] > 0.7
    assert metrics["offset"] <= 0.5
    network = load_model(tmp_path / "run" / "best.safetensors", MotionSyncNet)
    assert network.config == NETWORK
    np.testing.assert_allclose(network.opening_mode[66], [0, -0.7, 0], atol=0.03)


def test_a_resumed_run_gives_the_numbers_of_one_that_was_not_interrupted(tmp_path: Path) -> None:
    check_resuming(lambda path, **options: make_trainer(path).fit(**options), tmp_path)

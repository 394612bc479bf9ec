"""Changed sounds and pictures stay what they are, and change by as much as the settings say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from visavox.data.generator.augmentation import (
    DECIBELS_PER_UNIT,
    NO_AUGMENTATION,
    CropAugmentation,
    MelAugmentation,
    augment_mels,
    change_matrix,
    changed_crop,
    draw_change,
    jittered,
)

NO_CHANGE = MelAugmentation(level=0, tilt=0, speed=0, bands=0, noise=0, masks=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def mels() -> torch.Tensor:
    """Windows of noise round a ridge that rises in time, as speech has them."""
    time, band = torch.meshgrid(torch.arange(32.0), torch.arange(80.0), indexing="xy")
    ridge = 3 * torch.exp(-(((band - 20 - time) / 6) ** 2)) - 2
    return ridge.expand(64, 80, 32) + 0.1 * torch.randn(64, 80, 32, generator=generator(9))


def test_without_settings_nothing_changes(mels: torch.Tensor) -> None:
    assert torch.allclose(augment_mels(mels, NO_CHANGE, generator()), mels, atol=1e-5)


def test_chance_comes_from_the_generator_or_from_the_default_one(mels: torch.Tensor) -> None:
    settings = MelAugmentation()
    one, again, other = (augment_mels(mels, settings, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    torch.manual_seed(1)
    assert torch.equal(augment_mels(mels, settings), one)


def test_windows_stay_in_range_and_are_not_changed_in_place(mels: torch.Tensor) -> None:
    before = mels.clone()
    changed = augment_mels(mels, MelAugmentation(level=40), generator())
    assert torch.equal(mels, before)
    assert changed.shape == mels.shape
    assert changed.min() >= -4
    assert changed.max() <= 4


def test_level_and_tilt_have_their_deviation() -> None:
    quiet = torch.zeros(4000, 80, 4)
    levels = augment_mels(quiet, replace(NO_CHANGE, level=5.0), generator())
    assert (levels * DECIBELS_PER_UNIT)[:, 0, 0].std() == pytest.approx(5, rel=0.05)
    assert torch.allclose(levels, levels[:, :1, :1].expand_as(levels))
    tilted = augment_mels(quiet, replace(NO_CHANGE, tilt=5.0), generator())
    assert tilted.mean(dim=1).abs().max() < 1e-5
    assert tilted[:, 0].std() > 3 / DECIBELS_PER_UNIT


def test_the_middle_of_a_window_stays_where_it_is() -> None:
    """Stretched or not, what was heard in the middle is heard in the middle."""
    mels = torch.full((200, 80, 32), -4.0)
    mels[:, :, 15:17] = 4.0
    changed = augment_mels(mels, replace(NO_CHANGE, speed=0.3), generator()).mean(dim=1) + 4
    center = (changed * torch.arange(32)).sum(dim=1) / changed.sum(dim=1)
    assert (center - 15.5).abs().max() < 0.1


def test_bands_move_by_no_more_than_they_may() -> None:
    mels = torch.full((400, 80, 8), -4.0)
    mels[:, 40] = 4.0
    changed = augment_mels(mels, replace(NO_CHANGE, bands=3.0), generator()).mean(dim=2) + 4
    center = (changed * torch.arange(80)).sum(dim=1) / changed.sum(dim=1) - 40
    assert center.abs().max() < 3.01
    assert center.min() < -2.5
    assert center.max() > 2.5


def test_background_is_added_to_as_many_windows_as_asked_for(mels: torch.Tensor) -> None:
    changed = augment_mels(mels.repeat(20, 1, 1), replace(NO_CHANGE, noise=0.25), generator())
    touched = ((changed - mels.repeat(20, 1, 1)).abs().amax(dim=(1, 2)) > 1e-4).float().mean()
    assert touched == pytest.approx(0.25, abs=0.04)


def test_background_only_adds_power_and_has_its_level(mels: torch.Tensor) -> None:
    at_level = replace(NO_CHANGE, noise=1.0, noise_level=(-10.0, -10.0))
    changed = augment_mels(mels, at_level, generator())
    assert (changed - mels).min() > -1e-4
    loud = torch.quantile(mels.flatten(1), 0.95, dim=1)
    # 10 dB below, the loudest moments gain 10 log10(1 + 0.1) = 0.4 dB, the quiet ones rise to the background.
    quietest = changed.amin(dim=(1, 2))
    assert (quietest > mels.amin(dim=(1, 2))).all()
    gain = (torch.quantile(changed.flatten(1), 0.95, dim=1) - loud) * DECIBELS_PER_UNIT
    assert gain.min() >= 0
    assert gain.max() < 3


def test_masks_cover_bands_and_stretches(mels: torch.Tensor) -> None:
    changed = augment_mels(mels, replace(NO_CHANGE, masks=2, mask_bands=12, mask_frames=6), generator())
    masked = (changed - mels).abs() > 1e-5
    whole_bands, whole_frames = masked.all(dim=2).sum(dim=1), masked.all(dim=1).sum(dim=1)
    assert whole_bands.max() <= 24
    assert whole_frames.max() <= 12
    assert whole_bands.float().mean() > 6
    covered = whole_bands * 32 + whole_frames * 80 - whole_bands * whole_frames
    assert (masked.sum(dim=(1, 2)) <= covered + 3).all()
    hidden = changed[masked.all(dim=2)]
    assert (hidden.std(dim=1) < 1e-5).all()


def test_pictures_without_augmentation_are_the_middle_of_the_stored_crop() -> None:
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 255, (160, 160, 3)).astype(np.uint8)
    change = draw_change(NO_AUGMENTATION, rng)
    assert np.array_equal(changed_crop(crop, change_matrix(160, 128, change), (128, 128), change), crop[16:144, 16:144])


def test_a_flipped_picture_is_the_mirror_image() -> None:
    rng = np.random.default_rng(0)
    crop = cv2.GaussianBlur(rng.integers(0, 255, (160, 160, 3)).astype(np.uint8), (0, 0), 3)
    change = draw_change(NO_AUGMENTATION, rng)
    flipped = replace(change, flip=True)
    plain, mirrored = (changed_crop(crop, change_matrix(160, 96, one), (96, 96), one) for one in (change, flipped))
    assert np.abs(plain[:, ::-1].astype(int) - mirrored).max() <= 2


def test_looks_stay_within_their_settings_and_use_them() -> None:
    settings = CropAugmentation()
    rng = np.random.default_rng(0)
    changes = [draw_change(settings, rng) for _ in range(2000)]
    for name in ("angle", "brightness"):
        values = np.abs([getattr(change, name) for change in changes])
        assert 0.95 * getattr(settings, name) < values.max() <= getattr(settings, name)
    for name in ("scale", "contrast", "saturation"):
        values = np.abs([getattr(change, name) - 1 for change in changes])
        assert 0.95 * getattr(settings, name) < values.max() <= getattr(settings, name)
    assert np.mean([change.flip for change in changes]) == pytest.approx(0.5, abs=0.05)


def test_two_crops_of_a_sample_differ_by_the_jitter_alone() -> None:
    settings = CropAugmentation()
    rng = np.random.default_rng(0)
    for _ in range(200):
        change = draw_change(settings, rng)
        other = jittered(change, settings, rng)
        assert abs(other.angle - change.angle) <= settings.jitter * settings.angle
        assert abs(other.scale / change.scale - 1) <= settings.jitter * settings.scale + 1e-12
        assert abs(other.shift[0] - change.shift[0]) <= settings.jitter * settings.shift
        colors = ("flip", "brightness", "contrast", "saturation")
        assert all(getattr(change, name) == getattr(other, name) for name in colors)
    change = draw_change(settings, rng)
    assert jittered(change, replace(settings, jitter=0.0), rng) == change


def test_colours_change_as_they_should() -> None:
    crop = np.zeros((160, 160, 3), np.uint8)
    crop[...] = (200, 100, 50)
    change = draw_change(NO_AUGMENTATION, np.random.default_rng(0))
    matrix = change_matrix(160, 32, change)

    def pixel(**changes: Any) -> np.ndarray:
        changed = replace(change, **changes)
        shown: np.ndarray = changed_crop(crop, matrix, (32, 32), changed)[16, 16]
        return shown.astype(int)

    assert pixel(brightness=0.1) == pytest.approx([225.5, 125.5, 75.5], abs=1)
    assert pixel(brightness=-0.5) == pytest.approx([72.5, 0, 0], abs=1)
    assert pixel(contrast=0.5) == pytest.approx([164, 114, 89], abs=1)
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert pixel(saturation=0.0) == pytest.approx([grey] * 3, abs=1)

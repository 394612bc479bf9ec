"""What is measured of a face."""

import cv2
import numpy as np
import pytest
from tests.data.hand_made_tracks import face_at

from visavox.data.preparation.quality import (
    blur,
    covered_share,
    face_size,
    loudness,
    mouth_in_image,
    mouth_patch,
)
from visavox.data.preparation.settings import ClipSettings, QualitySettings, describe_difference
from visavox.errors import InputError


def test_size_is_the_longer_side_in_pixels() -> None:
    assert face_size(np.stack([face_at(100, 100), face_at(100, 100, eyes=30)])) == pytest.approx([104.5, 52.2], abs=1)


def test_a_mouth_at_the_border() -> None:
    faces = np.stack([face_at(180, 100), face_at(180, 223), face_at(180, 230), face_at(180, 250), face_at(5, 100)])
    assert mouth_in_image(faces, (360, 288)).tolist() == [True, True, False, False, False]


def test_blur_grows_with_blur_and_not_with_contrast() -> None:
    sharp = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    sharp = cv2.resize(sharp, (192, 192), interpolation=cv2.INTER_NEAREST)
    soft = [blur(cv2.GaussianBlur(sharp, (0, 0), sigma)) for sigma in (1, 2, 4)]
    assert blur(sharp) < soft[0] < soft[1] < soft[2] <= 1
    assert blur((sharp.astype(np.float32) * 0.3 + 80).astype(np.uint8)) == pytest.approx(blur(sharp), abs=0.05)
    assert blur(np.full((64, 64, 3), 90, np.uint8)) == 1.0


def test_what_covers_the_mouth_for_a_while_is_seen_and_the_mouth_itself_is_not() -> None:
    landmarks = face_at(96, 60, eyes=85)
    picture = np.full((192, 192, 3), (205, 160, 140), np.uint8)
    draw = np.random.default_rng(0)
    patches = []
    for index in range(40):
        crop = picture.copy()
        cv2.ellipse(crop, (96, 124), (24, 3 + index % 10), 0, 0, 360, (90, 30, 30), -1)  # lips that open
        if 25 <= index < 32:
            cv2.rectangle(crop, (40, 100), (150, 191), (60, 60, 70), -1)  # a microphone in front of them
        crop = np.clip(crop + draw.normal(0, 3, crop.shape), 0, 255).astype(np.uint8)
        patches.append(mouth_patch(crop, landmarks))
    covered = covered_share(np.stack(patches)) > QualitySettings().maximum_covered
    assert np.flatnonzero(covered).tolist() == list(range(25, 32))


def test_a_patch_at_the_border_is_still_a_patch() -> None:
    assert mouth_patch(np.zeros((64, 64, 3), np.uint8), face_at(60, 60, eyes=40)).shape == (10, 14, 3)


def test_loudness_is_that_of_the_loud_moments() -> None:
    tone = 0.1 * np.sin(np.arange(16_000) * 0.3).astype(np.float32)
    assert loudness(tone) == pytest.approx(-23, abs=0.2)
    assert loudness(np.concatenate([tone, np.zeros(48_000, np.float32)])) == pytest.approx(-23, abs=0.5)
    assert loudness(np.zeros(16_000, np.float32)) == -120
    assert loudness(np.zeros(10, np.float32)) == -120


def test_settings_refuse_what_means_nothing() -> None:
    with pytest.raises(InputError, match=r"shortest clip is 0.1 s; give 0.2 s"):
        QualitySettings(minimum_seconds=0.1)
    with pytest.raises(InputError, match="longest must be at least twice the shortest"):
        QualitySettings(minimum_seconds=3, maximum_seconds=4)
    with pytest.raises(InputError, match="size of the crops is 4 pixels; give 32 to 1024 pixels"):
        ClipSettings(size=4)
    with pytest.raises(InputError, match="max_faces is 0; give 1 or more"):
        ClipSettings(max_faces=0)


def test_the_digest_changes_with_any_setting_and_the_difference_is_named() -> None:
    before, now = ClipSettings(), ClipSettings(size=128, quality=QualitySettings(minimum_face=80))
    assert before.digest == ClipSettings().digest != now.digest
    changes = describe_difference(before.as_dict(), now.as_dict())
    assert changes == ["quality.minimum_face: 64.0 -> 80", "size: 192 -> 128"]

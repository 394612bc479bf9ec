import cv2
import numpy as np
import pytest

from visavox.demo import FACE
from visavox.face.composite.composite import ColorMatch, CompositeSettings, Compositor, paste
from visavox.face.composite.mouth_mask import mask_points, mouth_mask
from visavox.face.geometry.crop import CropSpec, crop_transforms, invert, warp_crop
from visavox.face.geometry.landmarks import CHIN, LIPS_OUTER
from visavox.face.track.tracker import open_tracker
from visavox.media import VideoReader
from visavox.types import Frame, Track


def track_of(frames: list[Frame]) -> Track:
    with open_tracker(1) as tracker:
        landmarks = np.stack([tracker.observe(frame.image)[0].landmarks for frame in frames])
    count, (height, width) = len(frames), frames[0].image.shape[:2]
    return Track(
        landmarks,
        np.ones(count, np.uint8),
        np.zeros(count, np.int32),
        np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)),
        np.zeros((count, 3), np.float32),
        tuple(frame.time for frame in frames),
        (width, height),
    )


@pytest.fixture(scope="module")
def clip() -> tuple[list[Frame], Track]:
    with VideoReader(FACE) as reader:
        frames = [frame for frame, _ in zip(reader, range(40), strict=False)]
    return frames, track_of(frames)


@pytest.fixture(params=[("aligned", 96), ("aligned", 256), ("box", 96)], ids=lambda value: f"{value[0]}-{value[1]}")
def spec(request: pytest.FixtureRequest) -> CropSpec:
    kind, size = request.param
    return CropSpec(kind, size)


def scene(
    clip: tuple[list[Frame], Track], spec: CropSpec, index: int, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame, matrix and landmarks of one frame, enlarged by `scale`."""
    frames, track = clip
    image = cv2.resize(frames[index].image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    matrix = crop_transforms(track, spec)[index].copy()
    matrix[:, :2] /= scale
    matrix[:, 2] += matrix[:, :2] @ np.full(2, 0.5 - 0.5 * scale)  # pixel centres
    return image, matrix, track.landmarks[index] * scale


def repainted(clip: tuple[list[Frame], Track], spec: CropSpec, index: int) -> np.ndarray:
    """Source pixels that may change: those under the mask, bool (H, W)."""
    image, matrix, landmarks = scene(clip, spec, index)
    points = mask_points(landmarks) @ matrix[:, :2].T + matrix[:, 2]
    blend = mouth_mask(points, spec.size).blend
    return cv2.warpAffine(blend, invert(matrix), image.shape[1::-1], flags=cv2.INTER_LINEAR) > 0


def test_outside_of_the_mask_every_pixel_is_the_source(clip: tuple[list[Frame], Track], spec: CropSpec) -> None:
    image, matrix, landmarks = scene(clip, spec, 10)
    noise = np.random.default_rng(0).random((spec.size, spec.size, 3), dtype=np.float32)
    result = paste(image, noise, matrix, landmarks)
    outside = ~repainted(clip, spec, 10)
    assert np.array_equal(result[outside], image[outside])
    assert (result != image).any()
    assert outside.mean() > 0.8


def test_the_mask_stays_in_the_lower_half_and_covers_mouth_and_chin(
    clip: tuple[list[Frame], Track], spec: CropSpec
) -> None:
    _, matrix, landmarks = scene(clip, spec, 10)
    placed = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    blend = mouth_mask(mask_points(placed), spec.size).blend
    assert blend[: spec.size // 2].max() == 0
    assert blend[[-1]].max() == blend[:, [0, -1]].max() == 0
    columns, rows = np.rint(placed[list(LIPS_OUTER)]).astype(int).T
    assert blend[rows, columns].min() > 0.85
    column, row = np.rint(placed[CHIN]).astype(int)
    assert blend[row, column] > 0.7


def test_true_crop_is_invisible(clip: tuple[list[Frame], Track], spec: CropSpec) -> None:
    image, matrix, landmarks = scene(clip, spec, 10, scale=2.0)
    result = paste(image, warp_crop(image, matrix, spec.size), matrix, landmarks)
    inside = (result != image).any(axis=-1)
    difference = np.abs(result.astype(int) - image)
    assert difference[inside].mean() < 2.5
    assert np.percentile(difference.max(axis=-1), 99.5) < 8


def test_color_match_takes_a_cast_away(clip: tuple[list[Frame], Track], spec: CropSpec) -> None:
    image, matrix, landmarks = scene(clip, spec, 10)
    crop = warp_crop(image, matrix, spec.size).astype(np.float32)
    true = paste(image, crop / 255, matrix, landmarks)
    slope = np.linspace(-8, 8, spec.size, dtype=np.float32)[None, :, None]
    cast = np.clip((crop + np.array([24, -12, 16], np.float32) + slope) / 255, 0, 1)
    matched = paste(image, cast, matrix, landmarks).astype(int)
    unmatched = paste(image, cast, matrix, landmarks, CompositeSettings(match_color=False)).astype(int)
    inside = (np.abs(unmatched - true).max(axis=-1)) > 4
    assert np.abs(unmatched - true)[inside].mean() > 10
    assert np.abs(matched - true)[inside].mean() < 1.5


def test_another_mouth_leaves_no_edge_at_the_border(clip: tuple[list[Frame], Track]) -> None:
    """Under the border of the mask the gradient of the result must be that of the source."""
    spec = CropSpec(size=128)
    frames, track = clip
    matrices = crop_transforms(track, spec)
    image, matrix, landmarks = scene(clip, spec, 8)
    other = warp_crop(frames[24].image, matrices[24], spec.size)
    result = paste(image, np.clip(other + np.array([20.0, 0.0, -10.0]), 0, 255).astype(np.uint8), matrix, landmarks)
    points = mask_points(landmarks) @ matrix[:, :2].T + matrix[:, 2]
    blend = cv2.warpAffine(mouth_mask(points, spec.size).blend, invert(matrix), image.shape[1::-1])
    border = (blend > 0) & (blend < 0.3)
    change = result.astype(np.float32) - image
    step = np.hypot(cv2.Sobel(change, cv2.CV_32F, 1, 0), cv2.Sobel(change, cv2.CV_32F, 0, 1)).max(axis=-1) / 8
    assert np.percentile(step[border], 99) < 6


def test_color_match_does_not_flicker() -> None:
    generator = np.random.default_rng(1)
    skin = np.ones((64, 64), np.float32)
    match = ColorMatch(0.25)
    means = []
    for _ in range(50):
        cast = np.float32(10 + generator.normal(0, 4))
        means.append(match.update(np.full((64, 64, 3), cast), skin, 0.04).mean())
    assert np.std(means[10:]) < 1.6  # an estimate for each frame alone would have 4
    assert np.mean(means[10:]) == pytest.approx(10, abs=1.5)
    match.reset()
    assert match.update(np.full((64, 64, 3), np.float32(-30)), skin, 0.04).mean() == pytest.approx(-30, abs=0.5)


def test_color_match_ignores_what_is_no_skin() -> None:
    difference = np.full((64, 64, 3), np.float32(6))
    difference[20:44, 20:36] = -90  # a mouth that the other picture does not have
    correction = ColorMatch().update(difference, np.ones((64, 64), np.float32), 0.0)
    assert np.abs(correction[:10] - 6).max() < 3


def test_a_moving_crop_does_not_swim() -> None:
    """Moving the frame by a fraction of a pixel moves the pasted mouth by the same fraction."""
    generator = np.random.default_rng(2)
    painted = cv2.GaussianBlur(generator.random((96, 96, 3), dtype=np.float32), (0, 0), 3)
    painted = (painted - painted.min()) / np.ptp(painted)
    face = np.zeros((478, 2))
    angles = np.linspace(0, 2 * np.pi, 478)
    face[:] = 48 + np.stack([20 * np.cos(angles), 30 + 20 * np.sin(angles)], axis=1)
    settings = CompositeSettings(match_color=False, keep_detail=0)
    gray = np.full((200, 200, 3), 128, np.uint8)
    results = []
    for shift in (0.0, 0.5, 1.0):
        matrix = np.array([[0.7, 0, -20 - 0.7 * shift], [0, 0.7, -20.0]])
        landmarks = (face - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        results.append(paste(gray, painted, matrix, landmarks, settings).astype(np.float32))
    assert np.abs(results[2][:, 1:] - results[0][:, :-1]).max() <= 1
    halfway = (results[0][:, 1:-1] + results[0][:, :-2]) / 2
    assert np.abs(results[1][:, 1:-1] - halfway).mean() < 0.3
    assert (results[1] != results[0]).any()


def test_a_mouth_beyond_the_picture_is_cut_off_there(clip: tuple[list[Frame], Track]) -> None:
    spec = CropSpec(size=96)
    image, matrix, landmarks = scene(clip, spec, 10)
    bottom = int(landmarks[CHIN, 1])
    result = paste(image[:bottom], np.ones((96, 96, 3), np.float32), matrix, landmarks)
    assert result.shape == image[:bottom].shape
    away = matrix.copy()
    away[:, 2] -= away[:, :2] @ np.array([4000.0, 0.0])
    assert np.array_equal(paste(image, np.ones((96, 96, 3), np.float32), away, landmarks + 0), image)


def test_strength_mixes_old_and_new(clip: tuple[list[Frame], Track]) -> None:
    spec = CropSpec(size=96)
    image, matrix, landmarks = scene(clip, spec, 10)
    points = mask_points(landmarks)
    painted = np.zeros((96, 96, 3), np.float32)
    settings = CompositeSettings(match_color=False, keep_detail=0)
    full, half = (
        Compositor(settings).paste(image.copy(), painted, matrix, points, strength=strength) for strength in (1.0, 0.5)
    )
    expected = (image.astype(np.float32) + full) / 2
    assert np.abs(half - expected).max() <= 1

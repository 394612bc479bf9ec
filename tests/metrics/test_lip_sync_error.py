"""LSE of a real clip: equal to the published evaluation written out plainly, and printed beside the real video's."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.evaluation.conftest import DEMO, demo_frames, write_video
from tests.narrow import present
from tests.parity import published_weights

import visavox.metrics.syncnet_windows as module
from visavox.audio.features.mfcc import mfcc
from visavox.cli.main import main
from visavox.errors import InputError
from visavox.evaluation import EvaluationSettings, evaluate
from visavox.evaluation.videos import TrackCache
from visavox.media import VideoReader, read_audio
from visavox.metrics.lip_sync_error import LipSyncErrorMetric
from visavox.metrics.sync import LipSyncError
from visavox.metrics.syncnet_windows import SyncNetWindows, face_runs, load_syncnet, tracked_crop, whole_frame
from visavox.models.sync.syncnet import SyncNet
from visavox.types import NUM_LANDMARKS, FrameStatus, Track

NUM_FRAMES = 16


@pytest.fixture(scope="module")
def network() -> SyncNet:
    """The published network with numbers of no meaning, but not all alike."""
    network = SyncNet()
    network.load_state_dict(published_weights("syncnet"))
    return network.eval()


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So few frames that the large network is quick, and enough for the median over 13 of them."""
    return write_video(tmp_path_factory.mktemp("clips") / "short.mp4", iter(demo_frames(NUM_FRAMES)), sound=DEMO)


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> TrackCache:
    return TrackCache(tmp_path_factory.mktemp("tracks"))


def lip_sync_error(network: SyncNet, path: Path, track: Track, audio: np.ndarray) -> LipSyncError:
    windows = SyncNetWindows(network, track, audio)
    with VideoReader(path) as reader:
        for frame in reader:
            windows.add(frame)
    return windows.score()


def published_values(network: SyncNet, pictures: list[np.ndarray], sound: np.ndarray) -> tuple[float, float, int]:
    """LSE-D, LSE-C and offset of pictures (224, 224, 3) and their sound, everything in memory at once."""
    video = torch.from_numpy(np.stack(pictures)).permute(3, 0, 1, 2)[None].float()
    heard = torch.from_numpy(mfcc(sound))[None, None]
    num_windows = min(len(pictures), len(sound) // 640) - 5
    with torch.inference_mode():
        lips = torch.cat([network.embed_lips(video[:, :, i : i + 5]) for i in range(num_windows)])
        sounds = torch.cat([network.embed_audio(heard[..., 4 * i : 4 * i + 20]) for i in range(num_windows)])
    padded = F.pad(sounds, (0, 0, 15, 15))
    distances = torch.stack([F.pairwise_distance(lips, padded[s : s + num_windows]).mean() for s in range(31)])
    return float(distances.min()), float(distances.median() - distances.min()), 15 - int(distances.argmin())


@pytest.mark.parametrize("batch", [20, 3])
def test_both_crops_equal_the_published_evaluation(
    network: SyncNet, short_clip: Path, tracks: TrackCache, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(module, "_BATCH", batch)
    track, sound = tracks.track(short_clip), read_audio(short_clip)
    found = lip_sync_error(network, short_clip, track, sound)
    with VideoReader(short_clip) as reader:
        images = [frame.image for frame in reader]
    (run,) = face_runs(track, np.arange(NUM_FRAMES))
    whole = [cv2.resize(image, (224, 224)) for image in images]
    crops = [tracked_crop(image, square) for image, square in zip(images, run.squares, strict=True)]
    squeezed, followed = present(found.whole_frame), present(found.tracked_crop)
    for score, pictures in ((squeezed, whole), (followed, crops)):
        expected = published_values(network, pictures, sound)
        assert (score.distance, score.confidence, score.offset) == pytest.approx(expected, abs=1e-3)
        assert score.num_windows == min(NUM_FRAMES, len(sound) // 640) - 5
    assert squeezed.distance != pytest.approx(followed.distance, abs=1e-3)


def test_a_video_of_50_frames_a_second_is_judged_at_25(
    network: SyncNet, short_clip: Path, tracks: TrackCache, tmp_path: Path
) -> None:
    images = [image for image in demo_frames(NUM_FRAMES) for _ in range(2)]
    fast = write_video(tmp_path / "fast.mp4", iter(images), rate=50, sound=DEMO)
    sound = read_audio(short_clip)
    slow_score, fast_score = (
        present(lip_sync_error(network, each, tracks.track(each), sound).whole_frame) for each in (short_clip, fast)
    )
    assert fast_score.num_windows == slow_score.num_windows
    assert fast_score.distance == pytest.approx(slow_score.distance, rel=0.01)


def test_too_little_sound_or_no_sound_leaves_nothing_to_judge(
    network: SyncNet, short_clip: Path, tracks: TrackCache, tmp_path: Path
) -> None:
    found = lip_sync_error(network, short_clip, tracks.track(short_clip), np.zeros(5 * 640, np.float32))
    assert (found.whole_frame, found.tracked_crop) == (None, None)
    silent = write_video(tmp_path / "silent.mp4", iter(demo_frames(NUM_FRAMES)))
    metric = LipSyncErrorMetric()
    metric._network = network
    settings = EvaluationSettings(cache=tracks.folder)
    values = evaluate(silent, short_clip, metrics={"lip_sync_error": metric}, settings=settings).values
    assert values["true_lse.whole_frame.distance"] > 0
    assert not any(name.startswith("lse") for name in values)


def test_the_command_prints_both_crops_with_the_real_video_beside_them(
    short_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, converted = tmp_path / "syncnet_v2.model", tmp_path / "syncnet.safetensors"
    torch.save(published_weights("syncnet"), source, _use_new_zipfile_serialization=False)
    arguments = [
        str(short_clip),
        "--truth",
        str(short_clip),
        "--cache",
        str(tmp_path),
        "--metrics",
        "lip_sync_error",
        "--quiet",
    ]
    assert main(["evaluate", *arguments, "--sync-model", str(source)]) == 2
    assert "visavox models import" in capsys.readouterr().err
    assert main(["models", "import", str(source), "-o", str(converted)]) == 0
    capsys.readouterr()
    assert main(["evaluate", *arguments, "--sync-model", str(converted)]) == 0
    _, frame, crop = capsys.readouterr().out.split("\n\n")
    assert frame.startswith("whole frame  LSE-D frame ↓  real LSE-D frame  LSE-C frame ↑  real LSE-C frame")
    assert crop.startswith("tracked crop  LSE-D crop ↓  real LSE-D crop  LSE-C crop ↑  real LSE-C crop  offset crop")
    for table in (frame, crop):
        values = table.splitlines()[1].split()[1:]
        assert values[0::2] == values[1::2]  # the video is its own truth
        assert float(values[0]) > 0
    assert main(["evaluate", *arguments, "--sync-model", str(converted), "--json"]) == 0
    (video,) = json.loads(capsys.readouterr().out)["videos"]
    values = video["values"]
    assert all(value == values[f"true_{name}"] for name, value in values.items() if name.startswith("lse"))
    assert values["lse.tracked_crop.num_windows"] == NUM_FRAMES - 5
    assert "expert_sync.distance" not in values
    for file in (source, converted):
        file.unlink()


def test_an_expert_is_not_taken_for_syncnet(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a Wav2Lip generator; what is needed here is the SyncNet of Chung"):
        load_syncnet("wav2lip")


def make_track(boxes: np.ndarray, shots: np.ndarray | None = None) -> Track:
    """A face whose landmarks fill boxes (T, 4); rows of NaN are frames without it."""
    num = len(boxes)
    landmarks = np.zeros((num, NUM_LANDMARKS, 3), np.float32)
    landmarks[:, :, :2] = boxes[:, None, :2]
    landmarks[:, 1, :2] = boxes[:, 2:]
    landmarks[np.isnan(boxes).any(axis=1)] = np.nan
    status = np.where(np.isnan(boxes).any(axis=1), FrameStatus.ABSENT, FrameStatus.DETECTED).astype(np.uint8)
    return Track(
        landmarks=landmarks,
        status=status,
        shots=np.zeros(num, np.int32) if shots is None else shots.astype(np.int32),
        rotations=np.zeros((num, 3, 3), np.float32),
        translations=np.zeros((num, 3), np.float32),
        times=tuple(Fraction(index, 25) for index in range(num)),
        frame_size=(320, 240),
    )


def still(num: int) -> np.ndarray:
    return np.tile(np.array([100.0, 60, 160, 140]), (num, 1))


def bounds(track: Track) -> list[tuple[int, int]]:
    return [(run.start, run.stop) for run in face_runs(track, np.arange(track.num_frames))]


def published_crop(image: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    """The pipeline's own steps: a border of grey around the whole picture, then a slice of it."""
    border = int(half * 1.8)
    padded = np.pad(image, ((border, border), (border, border), (0, 0)), constant_values=110)
    row, column = y + border, x + border
    face = padded[int(row - half) : int(row + half * 1.8), int(column - half * 1.4) : int(column + half * 1.4)]
    return cv2.resize(face, (224, 224))


@pytest.mark.parametrize(
    "square", [(150.3, 110.8, 40.5), (12.0, 20.0, 33.3), (310.0, 235.0, 60.7), (160.0, 120.0, 150.0), (20.6, 100.2, 9)]
)
def test_the_crop_is_the_published_one(square: tuple[float, float, float]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    np.testing.assert_array_equal(tracked_crop(image, np.array(square)), published_crop(image, *square))


def test_a_face_out_of_the_picture_is_grey() -> None:
    assert (tracked_crop(np.zeros((50, 60, 3), np.uint8), np.array([400.0, 400.0, 20.0])) == 110).all()


def test_the_whole_frame_is_squeezed() -> None:
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[:, :200] = 255
    squeezed = whole_frame(picture)
    assert squeezed.shape == (224, 224, 3)
    assert (squeezed[:, :110] == 255).all()
    assert (squeezed[:, 114:] == 0).all()


def test_squares_are_smoothed_by_a_median() -> None:
    boxes = still(120)
    boxes[60] += 30  # one wrong detection
    boxes[80:] += [10, 0, 10, 8]
    (run,) = face_runs(make_track(boxes), np.arange(120))
    assert np.allclose(run.squares[20:80], [130, 100, 40])
    assert np.allclose(run.squares[80:], [140, 104, 44])


def test_cuts_and_long_gaps_end_a_run_and_short_gaps_are_filled() -> None:
    boxes = still(400)
    boxes[50:74] = np.nan  # the next face comes 25 frames after the last
    boxes[180:205] = np.nan  # and here 26
    assert bounds(make_track(boxes)) == [(0, 180), (205, 400)]
    shots = np.arange(400) >= 290
    assert bounds(make_track(boxes, shots)) == [(0, 180), (290, 400)]  # 85 frames between gap and cut are too few
    boxes[0:3] = boxes[397:] = np.nan
    assert bounds(make_track(boxes)) == [(3, 180), (205, 397)]


def test_a_gap_is_filled_in_a_straight_line() -> None:
    boxes = still(150)
    boxes += np.arange(150)[:, None]
    gap = boxes.copy()
    gap[70:90] = np.nan
    whole, filled = (face_runs(make_track(each), np.arange(150))[0].squares for each in (boxes, gap))
    np.testing.assert_allclose(filled, whole, atol=1e-4)


def test_of_short_runs_the_longest_is_judged() -> None:
    boxes = still(100)
    boxes[20:50] = np.nan
    assert bounds(make_track(boxes)) == [(50, 100)]
    assert bounds(make_track(still(12))) == []
    assert bounds(make_track(np.full((40, 4), np.nan))) == []


def test_positions_count_frames_at_25_a_second() -> None:
    chosen = np.repeat(np.arange(75), 2)  # a video of 12.5 frames a second
    (run,) = face_runs(make_track(still(75)), chosen)
    assert (run.start, run.stop) == (0, 150)

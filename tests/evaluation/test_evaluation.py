"""A real clip against itself, changed in known ways: each figure sees its own change."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.evaluation.conftest import DEMO, demo_frames, write_video

from visavox.cli.evaluate import main
from visavox.errors import InputError
from visavox.evaluation import EvaluationSettings, evaluate
from visavox.evaluation.expert_sync import embed_windows, load_expert
from visavox.evaluation.track_cache import TrackCache
from visavox.models.sync.expert import ExpertConfig
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import NETWORKS
from visavox.weights.weights_file import ModelCard

NUM_FRAMES = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def tracks(folder) -> TrackCache:
    return TrackCache(folder / "tracks")


@pytest.fixture(scope="module")
def truth(folder) -> Path:
    return write_video(folder / "truth.mp4", iter(demo_frames(NUM_FRAMES)), sound=DEMO)


def changed(folder: Path, truth: Path, tracks: TrackCache, name: str, change) -> Path:
    """Write the clip again, each frame changed by `change(image, mouth, index)`, mouth being the lips' centre."""
    track = tracks.track(truth)
    images = (
        change(image.copy(), track.landmarks[index, 13:15, :2].mean(axis=0).round().astype(int), index)
        for index, image in enumerate(demo_frames(NUM_FRAMES))
    )
    return write_video(folder / f"{name}.mp4", images, sound=DEMO)


def test_a_video_equals_itself(truth, tracks):
    report = evaluate(truth, truth, tracks=tracks)
    for agreement in (report.opening, report.width):
        assert agreement.correlation == pytest.approx(1)
        assert (agreement.best_lag, agreement.gain) == (0, pytest.approx(1))
    assert report.landmark_distance == pytest.approx(0, abs=1e-9)
    assert report.psnr == float("inf")
    assert (report.ssim, report.sharpness, report.flicker) == pytest.approx((1, 1, 1))
    assert not report.aligned
    assert report.outside is not None
    assert (report.outside.mean, report.outside.maximum) == (0, 0)
    assert 0 < report.outside.codec_mean < 2
    assert report.expert_sync is None
    assert report.lse is None
    assert report.num_compared == NUM_FRAMES
    assert report.frame_rate == pytest.approx(25)
    assert report.silence is not None
    assert report.silence.motion == pytest.approx(report.silence.true_motion, nan_ok=True)


def test_faces_are_aligned_where_that_is_asked_for(truth, tracks):
    report = evaluate(truth, truth, settings=EvaluationSettings(codec_loss=False, always_align=True), tracks=tracks)
    assert report.aligned
    assert report.ssim > 0.99


def test_a_late_mouth_is_found_late(folder, truth, tracks):
    frames = demo_frames(NUM_FRAMES)
    late = write_video(folder / "late.mp4", iter([frames[0]] * 3 + frames[:-3]), sound=DEMO)
    report = evaluate(late, truth, tracks=tracks, settings=EvaluationSettings(pictures=False))
    assert report.opening.best_lag == 3
    assert report.opening.best_correlation > 0.97
    assert report.opening.correlation < 0.9
    assert report.landmark_distance > 0.005
    assert np.isnan(report.psnr)


def test_a_blurred_mouth_is_not_sharp_and_the_rest_is_the_source(folder, truth, tracks):
    def blur(image, mouth, index):
        x, y = mouth
        region = image[y - 14 : y + 14, x - 22 : x + 22]
        region[:] = cv2.GaussianBlur(region, (0, 0), 2)
        return image

    report = evaluate(changed(folder, truth, tracks, "blurred", blur), truth, tracks=tracks)
    assert report.sharpness < 0.5
    assert 20 < report.psnr < 40
    assert report.ssim < 0.97
    # What changes outside is what a codec changes: the sixth of a grey level between two encoders is not a change.
    assert report.outside.mean < report.outside.codec_mean + 0.5


def test_a_change_outside_the_mouth_is_seen(folder, truth, tracks):
    def stain(image, mouth, index):
        image[:40, :40] = 255 - image[:40, :40]
        return image

    report = evaluate(changed(folder, truth, tracks, "stained", stain), truth, tracks=tracks)
    assert report.outside.maximum > 60
    assert report.outside.mean > report.outside.codec_mean + 0.5
    assert report.sharpness == pytest.approx(1, abs=0.2)


def test_a_trembling_mouth_flickers(folder, truth, tracks):
    def tremble(image, mouth, index):
        x, y = mouth
        region = image[y - 14 : y + 14, x - 22 : x + 22]
        region[:] = np.clip(region.astype(int) + (12 if index % 2 else -12), 0, 255)
        return image

    report = evaluate(changed(folder, truth, tracks, "trembling", tremble), truth, tracks=tracks)
    assert report.flicker > 1.5


def test_a_video_of_another_size_is_compared_too(folder, truth, tracks):
    larger = (cv2.resize(image, (720, 576), interpolation=cv2.INTER_CUBIC) for image in demo_frames(NUM_FRAMES))
    report = evaluate(write_video(folder / "large.mp4", larger, sound=DEMO), truth, tracks=tracks)
    assert report.aligned
    assert report.opening.correlation > 0.9
    assert report.landmark_distance < 0.02
    assert report.outside is None
    assert 0.5 < report.sharpness < 1.5


@pytest.fixture(scope="module")
def expert_file(folder) -> Path:
    """A small expert that was never trained."""
    import torch

    from visavox.face.geometry.crop import CropSpec

    torch.manual_seed(0)
    config = ExpertConfig(face_channels=(4, 4, 8, 8, 16, 16), audio_channels=(4, 4, 8, 8, 16))
    network = NETWORKS["expert"].build(config).eval()
    card = ModelCard(CropSpec(size=96), "untrained", "none", "Apache-2.0")
    path = folder / "expert.safetensors"
    save_model(path, network, network="expert", config=config, card=card)
    return path


def test_an_expert_judges_every_window(truth, tracks, expert_file):
    report = evaluate(truth, truth, tracks=tracks, expert=expert_file, settings=EvaluationSettings(pictures=False))
    assert report.expert_sync is not None
    assert report.expert_sync == report.true_expert_sync
    assert report.expert_sync.num_windows == NUM_FRAMES - 4
    assert 0 <= report.expert_sync.distance <= report.expert_sync.distance_at_zero <= 2**0.5


def test_windows_are_those_of_the_definition(truth, tracks, expert_file):
    import torch

    from visavox.audio.features.mel import mel_spectrogram, mel_window
    from visavox.face.geometry.crop import crop_transforms, warp_crop
    from visavox.media import VideoReader, read_audio

    expert = load_expert(expert_file)
    track, sound = tracks.track(truth), read_audio(truth)
    mouths, sounds = embed_windows(expert, truth, track, sound)
    matrices = crop_transforms(track, expert.crop)
    with VideoReader(truth) as reader:
        crops = [warp_crop(frame.image, matrices[frame.index], 96)[48:] for frame in reader]
    for index in (0, 13, NUM_FRAMES - 5):
        mel = mel_window(mel_spectrogram(sound), int(80 * index / 25))
        stacked = np.concatenate([crop.transpose(2, 0, 1) for crop in crops[index : index + 5]])
        with torch.inference_mode():
            audio, face = expert.network(mel[None, None], torch.from_numpy(stacked)[None].float() / 255)
        assert mouths[index] == pytest.approx(face[0].numpy(), abs=1e-5)
        assert sounds[index] == pytest.approx(audio[0].numpy(), abs=1e-5)


def test_the_command_prints_a_table_or_json_and_draws(folder, truth, capsys):
    arguments = [str(truth), "--truth", str(truth), "--cache", str(folder / "tracks"), "--without-codec", "--quiet"]
    assert main([*arguments, "--plot", str(folder / "plot.png")]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert "open r" in heading
    assert row.startswith("truth.mp4")
    assert (folder / "plot.png").stat().st_size > 10_000
    assert main([*arguments, "--json", "--curves"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["videos"][0]["opening"]["correlation"] == pytest.approx(1)
    assert len(values["videos"][0]["curves"]["opening"]) == NUM_FRAMES
    assert values["groups"]["truth.mp4"]["opening.best_lag"] == 0


def test_what_cannot_be_measured_is_said_at_once(folder, truth, tracks):
    photo = folder / "photo.png"
    cv2.imwrite(str(photo), demo_frames(1)[0][..., ::-1])
    with pytest.raises(InputError, match="still picture"):
        evaluate(photo, truth, tracks=tracks)
    nobody = write_video(folder / "nobody.mp4", (np.full((96, 96, 3), k, np.uint8) for k in range(10)))
    with pytest.raises(InputError, match="face"):
        evaluate(nobody, truth, tracks=tracks)
    with pytest.raises(InputError, match="no such file|does not exist|missing|not found|no file"):
        evaluate(folder / "missing.mp4", truth, tracks=tracks)

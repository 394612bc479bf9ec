"""A real clip against itself, changed in known ways: each figure sees its own change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.evaluation.conftest import DEMO, demo_frames, write_video

from visavox.cli.evaluate import main
from visavox.errors import Cancelled, InputError
from visavox.evaluation import EvaluationSettings, evaluate
from visavox.evaluation.job import check_evaluation
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.videos import TrackCache
from visavox.metrics import choose_metrics
from visavox.metrics.expert_sync import ExpertSync, ExpertSyncOptions, ExpertWindows, load_expert
from visavox.metrics.outside import OutsideOptions
from visavox.models.sync.expert import ExpertConfig
from visavox.progress import CancelToken, Event
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import NETWORKS
from visavox.weights.weights_file import ModelCard

NUM_FRAMES = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def tracks(folder: Path) -> TrackCache:
    return TrackCache(folder / "tracks")


@pytest.fixture(scope="module")
def truth(folder: Path) -> Path:
    return write_video(folder / "truth.mp4", iter(demo_frames(NUM_FRAMES)), sound=DEMO)


@pytest.fixture(scope="module")
def settings(tracks: TrackCache) -> EvaluationSettings:
    return EvaluationSettings(cache=tracks.folder)


def changed(folder: Path, truth: Path, tracks: TrackCache, name: str, change: Callable[..., np.ndarray]) -> Path:
    """Write the clip again, each frame changed by `change(image, mouth, index)`, mouth being the lips' centre."""
    track = tracks.track(truth)
    images = (
        change(image.copy(), track.landmarks[index, 13:15, :2].mean(axis=0).round().astype(int), index)
        for index, image in enumerate(demo_frames(NUM_FRAMES))
    )
    return write_video(folder / f"{name}.mp4", images, sound=DEMO)


def test_a_video_equals_itself(truth: Path, settings: EvaluationSettings) -> None:
    report = evaluate(truth, truth, settings=settings)
    values = report.values
    for curve in ("opening", "width"):
        assert values[f"{curve}.correlation"] == pytest.approx(1)
        assert [values[f"{curve}.best_lag"], values[f"{curve}.gain"]] == pytest.approx([0, 1])
    assert values["landmark_distance"] == pytest.approx(0, abs=1e-9)
    assert values["psnr"] == float("inf")
    assert [values[name] for name in ("ssim", "sharpness", "flicker")] == pytest.approx([1, 1, 1])
    assert not report.aligned
    assert (values["outside.mean"], values["outside.maximum"]) == (0, 0)
    assert 0 < values["outside.codec_mean"] < 2
    assert not any(name.startswith(("expert", "lse", "lpips")) for name in {*values, *report.missing})
    assert report.num_compared == NUM_FRAMES
    assert report.frame_rate == pytest.approx(25)
    assert values.get("silence.motion") == values.get("silence.true_motion")
    assert values.keys().isdisjoint(report.missing)


def test_faces_are_aligned_where_that_is_asked_for(truth: Path, settings: EvaluationSettings) -> None:
    report = evaluate(truth, truth, metrics=["ssim"], settings=replace(settings, always_align=True))
    assert report.aligned
    assert report.values["ssim"] > 0.99


def test_a_late_mouth_is_found_late(folder: Path, truth: Path, settings: EvaluationSettings) -> None:
    frames = demo_frames(NUM_FRAMES)
    late = write_video(folder / "late.mp4", iter([frames[0]] * 3 + frames[:-3]), sound=DEMO)
    values = evaluate(late, truth, metrics=["lip_motion", "landmark_distance"], settings=settings).values
    assert values["opening.best_lag"] == 3
    assert values["opening.best_correlation"] > 0.97
    assert values["opening.correlation"] < 0.9
    assert values["landmark_distance"] > 0.005
    assert "psnr" not in values


def test_a_blurred_mouth_is_not_sharp_and_the_rest_is_the_source(
    folder: Path, truth: Path, tracks: TrackCache, settings: EvaluationSettings
) -> None:
    def blur(image: np.ndarray, mouth: np.ndarray, index: int) -> np.ndarray:
        x, y = mouth
        region = image[y - 14 : y + 14, x - 22 : x + 22]
        region[:] = cv2.GaussianBlur(region, (0, 0), 2)
        return image

    values = evaluate(changed(folder, truth, tracks, "blurred", blur), truth, settings=settings).values
    assert values["sharpness"] < 0.5
    assert 20 < values["psnr"] < 40
    assert values["ssim"] < 0.97
    # What changes outside is what a codec changes: the sixth of a grey level between two encoders is not a change.
    assert values["outside.mean"] < values["outside.codec_mean"] + 0.5


def test_a_change_outside_the_mouth_is_seen(
    folder: Path, truth: Path, tracks: TrackCache, settings: EvaluationSettings
) -> None:
    def stain(image: np.ndarray, mouth: np.ndarray, index: int) -> np.ndarray:
        image[:40, :40] = 255 - image[:40, :40]
        return image

    stained = changed(folder, truth, tracks, "stained", stain)
    values = evaluate(stained, truth, metrics=["outside", "sharpness"], settings=settings).values
    assert values["outside.maximum"] > 60
    assert values["outside.mean"] > values["outside.codec_mean"] + 0.5
    assert values["sharpness"] == pytest.approx(1, abs=0.2)


def test_a_trembling_mouth_flickers(
    folder: Path, truth: Path, tracks: TrackCache, settings: EvaluationSettings
) -> None:
    def tremble(image: np.ndarray, mouth: np.ndarray, index: int) -> np.ndarray:
        x, y = mouth
        region = image[y - 14 : y + 14, x - 22 : x + 22]
        region[:] = np.clip(region.astype(int) + (12 if index % 2 else -12), 0, 255)
        return image

    trembling = changed(folder, truth, tracks, "trembling", tremble)
    assert evaluate(trembling, truth, metrics=["flicker"], settings=settings).values["flicker"] > 1.5


def test_a_video_of_another_size_is_compared_too(folder: Path, truth: Path, settings: EvaluationSettings) -> None:
    larger = (cv2.resize(image, (720, 576), interpolation=cv2.INTER_CUBIC) for image in demo_frames(NUM_FRAMES))
    report = evaluate(write_video(folder / "large.mp4", larger, sound=DEMO), truth, settings=settings)
    assert report.aligned
    assert report.values["opening.correlation"] > 0.9
    assert report.values["landmark_distance"] < 0.02
    assert "no source was given" in report.missing["outside.mean"]
    assert 0.5 < report.values["sharpness"] < 1.5


@pytest.fixture(scope="module")
def expert_file(folder: Path) -> Path:
    """A small expert that was never trained."""
    import torch

    from visavox.face.geometry.crop import CropSpec

    torch.manual_seed(0)
    config = ExpertConfig(face_channels=(4, 4, 8, 8, 16, 16), audio_channels=(4, 4, 8, 8, 16))
    network = NETWORKS["expert"].build(config).eval()
    card = ModelCard("untrained", "none", "Apache-2.0")
    path = folder / "expert.safetensors"
    save_model(path, network, card, crop=CropSpec(size=96))
    return path


def test_an_expert_scores_every_window(truth: Path, settings: EvaluationSettings, expert_file: Path) -> None:
    metric = ExpertSync(ExpertSyncOptions(expert=str(expert_file)))
    values = evaluate(truth, truth, metrics={"expert_sync": metric}, settings=settings).values
    assert all(values[name] == values[f"true_{name}"] for name in values if not name.startswith("true_"))
    assert values["expert_sync.num_windows"] == NUM_FRAMES - 4
    assert 0 <= values["expert_sync.distance"] <= values["expert_sync.distance_at_zero"] <= 2**0.5


def test_an_expert_that_does_not_say_what_it_sees_is_refused(tmp_path: Path) -> None:
    config = ExpertConfig(face_channels=(4, 4, 8, 8, 16, 16), audio_channels=(4, 4, 8, 8, 16))
    path = tmp_path / "expert.safetensors"
    save_model(path, NETWORKS["expert"].build(config), ModelCard("untrained", "none", "Apache-2.0"))
    with pytest.raises(InputError, match="does not say which part of the frame the expert sees"):
        load_expert(path)


def test_windows_are_those_of_the_definition(truth: Path, tracks: TrackCache, expert_file: Path) -> None:
    import torch

    from visavox.audio.features.mel import mel_spectrogram, mel_window
    from visavox.face.geometry.crop import crop_transforms, warp_crop
    from visavox.media import VideoReader, read_audio

    expert = load_expert(expert_file)
    track, sound = tracks.track(truth), read_audio(truth)
    windows = ExpertWindows(expert, track, sound)
    with VideoReader(truth) as reader:
        for frame in reader:
            windows.add(frame)
    mouths, sounds = windows.embeddings()
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


def test_the_command_prints_a_table_or_json_and_draws(
    folder: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(truth), "--truth", str(truth), "--cache", str(folder / "tracks"), "--without-codec", "--quiet"]
    assert main([*arguments, "--plot", str(folder / "plot.png")]) == 0
    heading, row = capsys.readouterr().out.splitlines()[:2]
    assert "open r" in heading
    assert row.startswith("truth.mp4")
    assert (folder / "plot.png").stat().st_size > 10_000
    assert main([*arguments, "--json", "--curves"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["videos"][0]["values"]["opening.correlation"] == pytest.approx(1)
    assert len(values["videos"][0]["curves"]["opening"]) == NUM_FRAMES
    assert values["groups"]["truth.mp4"]["values"]["opening.best_lag"] == 0


def test_what_cannot_be_measured_is_said_at_once(folder: Path, truth: Path, settings: EvaluationSettings) -> None:
    photo = folder / "photo.png"
    cv2.imwrite(str(photo), demo_frames(1)[0][..., ::-1])
    with pytest.raises(InputError, match="still image"):
        evaluate(photo, truth, settings=settings)
    nobody = write_video(folder / "nobody.mp4", (np.full((96, 96, 3), k, np.uint8) for k in range(10)))
    with pytest.raises(InputError, match="face"):
        evaluate(nobody, truth, settings=settings)
    with pytest.raises(InputError, match="no such file|does not exist|missing|not found|no file"):
        evaluate(folder / "missing.mp4", truth, settings=settings)


def test_options_of_a_metric_reach_it(truth: Path, settings: EvaluationSettings) -> None:
    metrics = choose_metrics(["outside"], {"outside": OutsideOptions(without_codec=True)})
    report = evaluate(truth, truth, metrics=metrics, settings=settings)
    assert set(report.values) == {"outside.mean", "outside.maximum", "outside.percentile_99"}
    assert not report.missing
    with pytest.raises(InputError, match="there is no metric 'beauty'; there are lip_motion, landmark_distance, psnr"):
        evaluate(truth, truth, metrics=["beauty"])


def test_the_command_measures_what_is_named_and_knows_earlier_names(
    folder: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(truth), "--truth", str(truth), "--cache", str(folder / "tracks"), "--quiet"]
    assert main([*arguments, "--metrics", "ssim", "landmark_distance"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["LMD", "↓", "SSIM", "↑"]
    assert row.split() == ["truth.mp4", "0.0000", "1.000"]
    assert main([*arguments, "--without-pictures", "--metrics", "ssim", "landmark_distance"]) == 0
    printed = capsys.readouterr()
    assert printed.err == "visavox: --without-pictures is now called --without-images\n"
    assert printed.out.splitlines()[0].split() == ["LMD", "↓"]


def test_a_cancelled_job_is_gone_on_with_to_the_same_reports(short_clip: Path, tmp_path: Path) -> None:
    pair = EvaluationPair(short_clip, short_clip)
    metrics = choose_metrics(["landmark_distance", "psnr"])
    settings = EvaluationSettings(cache=tmp_path / "tracks")
    token, seen = CancelToken(), []

    def cancel(event: Event) -> None:
        seen.append(event)
        if event.unit == "pair" and event.done == 1:
            token.cancel()

    job = check_evaluation([pair, replace(pair, group="again")], metrics, settings=settings)
    with pytest.raises(Cancelled):
        job.run(cancel, token)
    assert (seen[0].stage, seen[0].total) == ("evaluate", 2)
    assert list((tmp_path / "tracks").iterdir())
    reports = check_evaluation(job.pairs, metrics, settings=settings).run()
    assert reports[0] == reports[1]
    assert reports == check_evaluation(job.pairs, metrics).run()


def test_a_file_that_cannot_be_used_is_told_of_before_any_work(short_clip: Path, tmp_path: Path) -> None:
    metrics = choose_metrics(["landmark_distance"])
    last = EvaluationPair(short_clip, tmp_path / "nowhere.mp4")
    with pytest.raises(InputError, match="nowhere"):
        check_evaluation([EvaluationPair(short_clip, short_clip), last], metrics)
    with pytest.raises(InputError, match="nobody"):
        check_evaluation([replace(last, truth=short_clip, audio=tmp_path / "nobody.wav")], metrics)

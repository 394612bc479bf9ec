"""The benchmark of the mouth: its table, its thresholds, and a whole run on the bundled clip."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.backwards.__main__ import main
from benchmarks.backwards.job import ClipResult
from benchmarks.backwards.predicted_curves import score_curves
from benchmarks.backwards.recording_offset import REACH, RecordingScorer, offset_of
from benchmarks.backwards.table import check_groups, curve_rows, group_results, markdown
from benchmarks.clips import Clip, choose_clips, next_clip
from tests.evaluation.test_report import make_report

from visavox.demo import FACE
from visavox.errors import InputError
from visavox.evaluation.backwards import cut_audio
from visavox.evaluation.videos import TrackCache
from visavox.face.geometry.crop import CropSpec
from visavox.face.geometry.landmarks import mouth_opening
from visavox.metrics.pair import track_curve
from visavox.models.generator.conditioners import AudioEncoderConfig
from visavox.models.generator.generator import GeneratorConfig
from visavox.models.generator.spec import AudioSpec, GeneratorSpec
from visavox.models.generator.wav2lip import Wav2LipConfig
from visavox.motion.performance import motion_of
from visavox.progress import QUIET
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import ModelCard


def make_clip(name: str, group: str = "grid") -> Clip:
    return Clip(name, Path(f"{name}.mp4"), group, Fraction(0))


def make_result(seed: int, group: str = "grid", **values: Any) -> ClipResult:
    """A clip that meets every threshold unless a figure says otherwise."""
    dubbed = make_report(seed, {"sharpness": 0.8, "landmark_distance": 0.02, **values})
    worse = make_report(seed, {"sharpness": 1.0, "landmark_distance": 0.03}, noise=5.0)
    return ClipResult(make_clip(f"c{seed}", group), dubbed, worse, worse, None)


def agreement(offset: int) -> np.ndarray:
    """What a judge of a recording gives whose sound is best moved by so many frames."""
    cosines = -np.abs(np.arange(-REACH, REACH + 1) - offset) / 10
    return np.stack([20 * cosines, np.full(len(cosines), 20.0)])


def test_a_group_that_meets_all_thresholds_has_no_problem() -> None:
    groups = group_results([make_result(seed) for seed in range(3)])
    assert check_groups(groups) == []
    values = groups["grid"].values
    assert values["num_clips"] == 3
    assert values["best_lag"] == values["best_lag_pooled"] == 0
    assert values["sharpness_amplitude"] == pytest.approx(math.sqrt(0.8))
    assert values["opening_r"] > values["opening_r_left"]
    assert math.isnan(values["expert_d"])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sharpness": 0.5}, "sharpness 0.50"),
        ({"landmark_distance": 0.031}, "LMD 0.0310"),
    ],
)
def test_what_is_not_met_is_said(values: dict[str, Any], words: str) -> None:
    problems = check_groups(group_results([make_result(seed, **values) for seed in range(3)]))
    assert problems
    assert all(words in problem for problem in problems)


def test_what_was_not_measured_is_not_met() -> None:
    good = [make_result(seed) for seed in range(3)]
    for each in good:
        values = each.dubbed.values
        assert isinstance(values, dict)
        del values["sharpness"]
    (problem,) = check_groups(group_results(good))
    assert "sharpness nan" in problem


def test_a_still_or_late_mouth_does_not_pass() -> None:
    good = [make_result(seed) for seed in range(3)]
    gain: dict[str, Any] = {"opening.gain": 0.4}
    weak = [make_result(seed, **gain) for seed in range(3)]
    assert any("gain 0.40" in problem for problem in check_groups(group_results(weak)))
    late = []
    for result in good:
        arrays = dict(result.dubbed.arrays)
        arrays["opening.by_lag"] = np.roll(arrays["opening.by_lag"], 1)
        late.append(replace(result, dubbed=replace(result.dubbed, arrays=arrays)))
    assert any("best lag +1" in problem for problem in check_groups(group_results(late)))
    # A dub that is as late as the recording itself is in sync with its sound.
    for offset, is_late in ((1, False), (2, False), (-2, True)):
        heard = [replace(result, recording=agreement(offset)) for result in late]
        assert any("best lag" in problem for problem in check_groups(group_results(heard))) == is_late


def test_the_offset_of_a_recording_is_that_of_all_its_clips_together() -> None:
    assert offset_of([agreement(-2), agreement(-2), None]) == -2
    assert math.isnan(offset_of([None]))


def test_the_scorer_finds_by_how_much_a_recording_is_moved(tmp_path: Path) -> None:
    scorer, motion = RecordingScorer(), motion_of(FACE)
    moved = []
    for name, lag in (("given", Fraction(0)), ("moved", Fraction(-4, 25))):
        cut_audio(FACE, tmp_path / f"{name}.wav", lag, Fraction(3))
        moved.append(offset_of([scorer.score(motion, tmp_path / f"{name}.wav")]))
    assert moved[1] - moved[0] == -4  # the sound was advanced
    assert scorer.score(replace(motion, rate=Fraction(30)), tmp_path / "moved.wav") is None


def test_small_groups_need_not_meet_them_but_no_group_is_no_success() -> None:
    results = [make_result(seed) for seed in range(3)] + [make_result(9, "one", sharpness=0.1)]
    assert check_groups(group_results(results)) == []
    assert check_groups(group_results(results[-1:])) == ["no group has 3 clips, so none was held to them"]


def test_the_table_has_a_column_for_each_group() -> None:
    groups = group_results([make_result(1, "b"), make_result(2, "a")])
    lines = markdown([(name, group.values) for name, group in groups.items()]).splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[2:-1]] == ["a", "b"]
    assert len({len(line) for line in lines}) == 1
    assert not any("expert" in line for line in lines)


def test_the_wrong_sound_is_that_of_the_next_clip_of_the_group() -> None:
    clips = [make_clip("a"), make_clip("b"), make_clip("c", "one")]
    assert [next_clip(clip, clips) for clip in clips] == [clips[1], clips[0], clips[0]]
    assert next_clip(clips[0], clips[:1]) is None
    assert choose_clips(clips, ("grid",), 1) == clips[:1]
    with pytest.raises(InputError, match="groups are grid, one"):
        choose_clips(clips, ("news",), None)


@pytest.fixture(scope="module")
def clip_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "eval"
    (folder / "grid_x").mkdir(parents=True)
    shutil.copy(FACE, folder / "grid_x" / "one.mpg")
    return folder


def test_predicted_curves_are_judged_like_a_dub(clip_set: Path, tmp_path: Path) -> None:
    tracks = TrackCache(tmp_path / "tracks")
    clip = Clip("grid_x/one", clip_set / "grid_x/one.mpg", "grid", Fraction(0))
    true = track_curve(tracks.track(clip.path), mouth_opening)
    curves: dict[str, Any] = {clip.name: 0.5 * true[:-1]}
    np.savez(tmp_path / "curves.npz", **curves)
    ((name, figures),) = curve_rows(score_curves(tmp_path / "curves.npz", [clip], tracks, QUIET))
    assert name == "grid"
    assert (figures["opening_r"], figures["gain"]) == pytest.approx((1, 0.5))
    assert figures["best_lag"] == 0

    short: dict[str, Any] = {clip.name: true[:-10]}
    np.savez(tmp_path / "short.npz", **short)
    with pytest.raises(InputError, match="give one each"):
        score_curves(tmp_path / "short.npz", [clip], tracks, QUIET)
    np.savez(tmp_path / "other.npz", x=true)
    with pytest.raises(InputError, match="lacks 1 of 1 clips"):
        score_curves(tmp_path / "other.npz", [clip], tracks, QUIET)
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(InputError, match=r"no \.npz"):
        score_curves(tmp_path / "text.npz", [clip], tracks, QUIET)


@pytest.fixture(scope="module")
def generator_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generator that was never trained."""
    torch.manual_seed(0)
    renderer = Wav2LipConfig(
        encoder_channels=(4, 4, 8, 8, 8, 16, 16),
        encoder_residuals=(0,) * 6,
        decoder_channels=(16, 16, 8, 8, 8, 8, 8),
        decoder_residuals=(0,) * 7,
        output_channels=8,
    )
    spec = GeneratorSpec(CropSpec(size=96), AudioSpec())
    config = GeneratorConfig(spec, AudioEncoderConfig((4, 4, 8, 8, 16)), renderer)
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    card = ModelCard("untrained", "none", "Apache-2.0")
    save_model(path, build_generator(config).eval(), card)
    return path


@pytest.mark.slow
def test_a_whole_run_prints_a_table_and_fails_the_check(
    clip_set: Path, generator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work, output = tmp_path / "work", tmp_path / "result.json"
    arguments = [str(clip_set), "--model", str(generator_file), "--work", str(work), "-o", str(output), "--quiet"]
    assert main([*arguments, "--check"]) == 1
    printed = capsys.readouterr().out
    assert "| opening r" in printed
    assert "no group has 3 clips" in printed
    values = json.loads(output.read_text())
    (clip,) = values["clips"]
    assert clip["other_audio"] is None
    assert len(clip["dubbed"]["curves"]["opening"]) == 75
    dubbed = clip["dubbed"]["values"]
    assert dubbed["outside.mean"] == pytest.approx(dubbed["outside.codec_mean"], abs=0.3)
    assert clip["left"]["values"]["sharpness"] == pytest.approx(1, abs=0.1)
    assert values["groups"]["grid"]["num_clips"] == 1
    made = (work / "backwards/grid_x/one.mp4").stat().st_mtime_ns
    assert main(arguments) == 0
    assert (work / "backwards/grid_x/one.mp4").stat().st_mtime_ns == made

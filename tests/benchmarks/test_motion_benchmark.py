"""The benchmark of motion: its figures on motions that are known, its baselines, and a whole run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from benchmarks.motion.__main__ import fit_frames, main
from benchmarks.motion.baselines import convolution, gather, ridge
from benchmarks.motion.material import Material, group_of, load_material
from benchmarks.motion.table import opening_table, values_table
from benchmarks.motion.values import CLOSED, group_values, measure, opening, width
from benchmarks.motion_projection import main as measure_projection

from visavox.data.generator.feature_cache import FeatureCache
from visavox.errors import InputError
from visavox.face.geometry.motion import canonical_68
from visavox.speech import load_features


def face_with(gap: np.ndarray) -> np.ndarray:
    """Displacements (T, 68, 3) of a face whose lower inner lip is so far below the upper one, in eye distances."""
    points = canonical_68()
    eyes = np.linalg.norm(points[36, :2] - points[45, :2])
    motion = np.zeros((len(gap), 68, 3), np.float32)
    motion[:, 65:68, 1] = (points[62, 1] - points[66, 1] - gap * eyes)[:, None]
    motion[:, 66, 0] = points[62, 0] - points[66, 0]
    return motion


def talking(seed: int, seconds: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Sound, float32 (N,), of syllables between closures, and the lip gap (T,) that goes with it."""
    num_frames = round(25 * seconds)
    time = np.arange(640 * num_frames) / 16000
    rate = 1.5 + 0.5 * np.random.default_rng(seed).random()
    loud = np.maximum(0, np.sin(2 * np.pi * rate * time))
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.5 * time)) / 16000
    sound = (0.2 * (loud + 0.05) * sum(np.sin(k * phase) / k for k in range(1, 20))).astype(np.float32)
    return sound, 0.2 * loud[320::640] ** 0.7


def clip_of(seed: int, group: str = "a") -> Material:
    sound, gap = talking(seed)
    return Material(f"{group}_{seed}", group, f"s{seed}", sound, face_with(gap), np.ones(len(gap), bool))


def write_dataset(folder: Path, clips: list[tuple[Material, str]]) -> None:
    (folder / "clips").mkdir()
    lines = []
    for clip, split in clips:
        np.savez(
            folder / "clips" / f"{clip.clip_id}.npz",
            displacements=clip.displacements,
            confidence=clip.seen.astype(np.float32),
            audio=clip.sound_16_bits,
        )
        source = f"eval/{clip.group}/{clip.clip_id}.mp4"
        lines.append({"clip_id": clip.clip_id, "speaker": clip.speaker, "split": split, "source": source})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    train = [(clip_of(seed), "train") for seed in range(6)]
    held_out = [(clip_of(10), "validation"), (clip_of(11, "grid_s1"), "validation")]
    write_dataset(folder, train + held_out)
    return folder


def test_opening_and_width_are_those_of_the_face() -> None:
    gap = np.array([0.0, 0.05, 0.3])
    np.testing.assert_allclose(opening(face_with(gap)), gap, atol=1e-6)
    assert np.ptp(width(face_with(gap))) == 0
    assert 0.4 < width(face_with(gap))[0] < 0.8


def test_the_truth_itself_is_perfect() -> None:
    clip = clip_of(0)
    figures = measure(clip, [clip.displacements])
    assert figures.opening.correlation == pytest.approx(1)
    assert figures.opening.best_lag == 0
    assert figures.opening.gain == pytest.approx(1)
    assert figures.landmark_distance == 0
    assert figures.velocity == pytest.approx(1)
    assert figures.closures > 3
    assert figures.closures_met == figures.closures
    assert math.isnan(figures.diversity)
    assert 0.2 < figures.closed_anywhere < 0.8


def test_a_mouth_that_stands_still_half_open() -> None:
    clip = clip_of(0)
    figures = measure(clip, [face_with(np.full(clip.num_frames, 0.1))])
    assert math.isnan(figures.opening.correlation)
    assert figures.opening.gain == pytest.approx(0, abs=1e-6)
    assert (figures.velocity, figures.closures_met, figures.closed_anywhere) == (0, 0, 0)
    assert figures.landmark_distance > 0.005


def test_a_late_mouth_that_opens_half_as_far() -> None:
    clip = clip_of(0)
    late = 0.5 * np.roll(clip.displacements, 2, axis=0)
    figures = measure(clip, [late, late + np.float32(0.1)])
    assert figures.opening.best_lag == 2
    assert figures.diversity == pytest.approx(0.1 * 2**0.5 / np.ptp(canonical_68()[[36, 45], 0]), rel=1e-3)
    assert figures.velocity == pytest.approx(0.5, abs=0.02)


def test_pauses_are_told_from_speech() -> None:
    sound, gap = talking(0)
    sound[16000:32000] = 0
    gap[25:50] = 0
    clip = Material("a", "a", "s", sound, face_with(gap), np.ones(len(gap), bool))
    figures = measure(clip, [face_with(gap + 0.04)])
    assert clip.paused()[28:47].all()
    assert not clip.paused()[:24].any()
    assert figures.silence_opening == pytest.approx(0.04, abs=1e-3)
    assert figures.silence_opening_true == pytest.approx(0, abs=1e-3)
    assert figures.closures_met == 0
    assert CLOSED < 0.04


def test_frames_in_which_no_face_was_seen_count_for_nothing() -> None:
    clip = clip_of(0)
    wrong = clip.displacements.copy()
    wrong[30:40] += 5
    seen = np.ones(clip.num_frames, bool)
    seen[30:40] = False
    figures = measure(Material("a", "a", "s", clip.audio, wrong, seen), [clip.displacements])
    assert figures.opening.correlation == pytest.approx(1)
    assert figures.landmark_distance == pytest.approx(0, abs=1e-6)
    assert figures.velocity == pytest.approx(1)


def test_groups() -> None:
    assert [group_of(name) for name in ("eval/lrwar/1.mp4", "eval/grid_s26/b.mpg", "x.mp4")] == ["lrwar", "grid", "all"]
    clips = [clip_of(0, "a"), clip_of(1, "a"), clip_of(2, "b")]
    groups = group_values([measure(clip, [clip.displacements]) for clip in clips])
    assert list(groups) == ["a", "b", "mean"]
    assert groups["mean"]["opening_r"] == pytest.approx(1)
    assert (groups["a"]["clips"], groups["mean"]["clips"]) == (2, 3)
    assert "| opening r " in values_table(groups)
    assert opening_table({"truth": groups}).splitlines()[-1].replace(" ", "").split("|")[2:5] == ["1.000"] * 3


@pytest.mark.parametrize("features", ["mel", "mel-pitch"])
def test_baselines_learn_what_can_be_learnt(dataset: Path, features: str) -> None:
    hear = load_features(features)
    frames = gather(load_material(dataset, "train"), FeatureCache(dataset, hear))
    clip = clip_of(20)
    for predict in (ridge(frames, hear), convolution(frames, hear, steps=60)):
        figures = measure(clip, [predict(clip.audio)])
        assert figures.opening.correlation > 0.9
        assert abs(figures.opening.best_lag) <= 1
        assert 0.6 < figures.opening.gain < 1.2


def test_the_same_seed_trains_the_same_network(dataset: Path) -> None:
    hear = load_features("mel")
    frames = gather(load_material(dataset, "train"), FeatureCache(dataset, hear))
    sound = clip_of(20).audio
    first, again, other = (convolution(frames, hear, seed=seed, steps=3)(sound) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_whole_run(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.motion.baselines.STEPS", 20)
    output = tmp_path / "motion.json"
    assert main([str(dataset), "-o", str(output), "--quiet"]) == 0
    text = capsys.readouterr().out
    assert text.index("mean face") < text.index("ridge regression on mel") < text.index("convolution on mel")
    stored = json.loads(output.read_text())["predictors"]
    assert set(stored) == {"mean face", "ridge regression on mel", "convolution on mel"}
    assert set(stored["mean face"]["groups"]) == {"a", "grid", "mean"}
    assert stored["mean face"]["groups"]["a"]["opening_gain"] == pytest.approx(0, abs=1e-6)
    assert set(stored["ridge regression on mel"]["clips"]) == {"a_10", "grid_s1_11"}


def test_data_sets_without_motion(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no clip of 500 frames or more in its train split"):
        load_material(dataset, "train", minimum_frames=500)
    (tmp_path / "clips").mkdir()
    np.savez(tmp_path / "clips" / "a.npz", audio=np.zeros(9))
    (tmp_path / "manifest.jsonl").write_text('{"clip_id": "a", "speaker": "s", "split": "train"}\n')
    with pytest.raises(InputError, match="no prepared clip with motion"):
        load_material(tmp_path, "train")


def test_a_motion_is_fitted_to_the_frames_of_its_clip() -> None:
    motion = np.arange(3)[:, None, None] * np.ones((1, 68, 3))
    assert fit_frames(motion, 2)[:, 0, 0].tolist() == [0, 1]
    assert fit_frames(motion, 5)[:, 0, 0].tolist() == [0, 1, 2, 2, 2]


def test_projection_is_measured_on_the_last_clips_of_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [clip_of(seed, "p") for seed in range(3)]
    together = [Material(clip.clip_id, "p", "p", clip.audio, clip.displacements, clip.seen) for clip in clips]
    write_dataset(tmp_path, [(clip, "train") for clip in together])
    assert measure_projection([str(tmp_path), "p", "--shares", "0", "1", "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 clips of p; distance of their other clips: ")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[4:]]
    assert [row[1] for row in rows] == ["off", "1", "1, lips too"]
    assert float(rows[2][2]) <= float(rows[0][2])  # nearer to the person, lips and all
    with pytest.raises(InputError, match="has 0 clips"):
        measure_projection([str(tmp_path), "nobody", "-q"])

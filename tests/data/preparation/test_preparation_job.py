"""`visavox prepare` on real films: what comes out, and what an accident leaves behind."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.footage import RATE, demo_pictures, demo_sound, make_film, zoomed
from tests.narrow import present

from visavox.cli.main import main
from visavox.data.generator.clip_file import load_clip
from visavox.data.generator.clip_store import load_store, read_manifest
from visavox.data.preparation.frame_grid import nearest_frames
from visavox.data.preparation.job import PrepareSettings, check_preparation, prepare
from visavox.data.preparation.report import PreparationReport
from visavox.data.preparation.settings import ClipSettings, LagSettings, QualitySettings, SplitSettings
from visavox.demo import FACE
from visavox.errors import Cancelled, InputError
from visavox.face.geometry.landmarks import eye_distance, mouth_opening
from visavox.progress import CancelToken, Event

HERE = PrepareSettings(workers=0)
"""No other processes: most of these films are a second long."""


def film(path: Path, first: int = 0, last: int = 75, **options: Any) -> Path:
    """A part of the bundled clip with its own sound."""
    sound = demo_sound()[first * 640 : last * 640]
    return make_film(path, demo_pictures()[first:last], sound, **options)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PreparationReport]:
    """The bundled clip, prepared: its data set and the report."""
    folder = tmp_path_factory.mktemp("prepared") / "dataset"
    return folder, prepare([FACE], folder, HERE)


def test_the_bundled_clip(prepared: tuple[Path, PreparationReport]) -> None:
    folder, report = prepared
    (line,) = read_manifest(folder)
    assert line["clip_id"] == "demo_face_000"
    assert line["source"] == "demo/face.mpg"
    assert (line["num_frames"], line["shot"], line["start"], line["face"]) == (74, 0, 0.0, 0)  # its sound ends first
    assert line["quality"]["face"] == pytest.approx(140, abs=25)
    assert line["quality"]["agreement"] > 0.3
    assert report.num_clips == 1
    clip = load_clip(folder / "clips" / "demo_face_000.npz")
    assert clip.num_frames == 74
    assert clip.frame(0).shape == (192, 192, 3)
    assert clip.audio.shape == (74 * 640,)
    assert np.abs(clip.audio / 32768 - demo_sound()[: 74 * 640]).max() < 1e-4
    # the face fills the crop as the networks expect: eyes level, mouth in the lower half
    assert eye_distance(clip.landmarks) == pytest.approx(np.full(74, 192 / 2.25), rel=0.12)
    assert np.abs(clip.landmarks[:, 33, 1] - clip.landmarks[:, 263, 1]).max() < 10
    assert (clip.landmarks[:, 13, 1] > 96).all()
    assert (clip.landmarks[:, 152, 1] < 192).all()
    assert sorted(path.name for path in folder.iterdir()) == ["clips", "manifest.jsonl", "prepare", "report.json"]


def test_training_can_read_it(prepared: tuple[Path, PreparationReport]) -> None:
    store = load_store(prepared[0], "train")
    assert [stored.clip_id for stored in store.clips] == ["demo_face_000"]
    assert store.clips[0].mel.shape == (80, 1 + 74 * 640 // 200)


def test_30_frames_a_second_keep_their_moments(tmp_path: Path, prepared: tuple[Path, PreparationReport]) -> None:
    make_film(tmp_path / "films" / "fast.mkv", demo_pictures(), demo_sound()[: int(2.5 * RATE)], rate=30)
    prepare([tmp_path / "films"], tmp_path / "out", HERE)
    clip = load_clip(tmp_path / "out" / "clips" / "films_fast_000.npz")
    assert clip.num_frames == 62
    slow = mouth_opening(load_clip(prepared[0] / "clips" / "demo_face_000.npz").landmarks)
    chosen = nearest_frames([Fraction(index, 30) for index in range(75)], Fraction(30))[:62]
    fast = mouth_opening(clip.landmarks)
    agreement = {off: np.corrcoef(fast[2:-4], slow[chosen[2:-4] + off])[0, 1] for off in (-2, -1, 0, 1, 2)}
    assert max(agreement, key=agreement.__getitem__) == 0
    assert agreement[0] > 0.97
    assert np.abs(clip.audio / 32767 - demo_sound()[: 62 * 640]).max() < 1e-3  # the sound is not touched


def test_a_cut_in_the_middle_makes_two_clips(tmp_path: Path) -> None:
    pictures = [*demo_pictures()[:35], *map(zoomed, demo_pictures()[35:])]
    make_film(tmp_path / "films" / "cut.mkv", pictures, demo_sound())
    prepare([tmp_path / "films"], tmp_path / "out", HERE)
    lines = read_manifest(tmp_path / "out")
    assert [(line["start"], line["num_frames"], line["shot"]) for line in lines] == [(0.0, 35, 0), (1.4, 40, 1)]
    second = load_clip(tmp_path / "out" / "clips" / "films_cut_001.npz")
    assert np.abs(second.audio / 32767 - demo_sound()[35 * 640 :]).max() < 1e-3


def test_a_lag_from_a_table_is_corrected_and_another_table_is_noticed(tmp_path: Path) -> None:
    late = np.concatenate([np.zeros(RATE // 5, np.float32), demo_sound()])[: 3 * RATE]
    make_film(tmp_path / "films" / "late.mkv", demo_pictures(), late)
    table = tmp_path / "INDEX.csv"
    table.write_text("file,speaker,av_lag_s,av_best\nfilms/late.mkv,ann,-0.2,0.9\n")
    unmeasured = ClipSettings(lag=LagSettings(measure=False))
    settings = replace(HERE, clips=unmeasured, lags=str(table), speakers=str(table))
    prepare([tmp_path / "films"], tmp_path / "out", settings)
    (line,) = read_manifest(tmp_path / "out")
    assert (line["lag"], line["lag_source"], line["speaker"], line["num_frames"]) == (-0.2, "table", "ann", 70)
    clip = load_clip(tmp_path / "out" / "clips" / "films_late_000.npz")
    assert np.abs(clip.audio / 32767 - demo_sound()[: 70 * 640]).max() < 1e-3
    table.write_text("file,speaker,av_lag_s,av_best\nfilms/late.mkv,bob,-0.2,0.1\n")
    again = prepare([tmp_path / "films"], tmp_path / "out", settings)
    assert again.num_skipped == 0
    (line,) = read_manifest(tmp_path / "out")
    assert (line["lag_source"], line["speaker"], line["num_frames"]) == ("none", "bob", 75)


def test_a_lag_is_measured_where_there_is_enough_speech(tmp_path: Path) -> None:
    late = np.concatenate([np.zeros(RATE // 5, np.float32), np.tile(demo_sound(), 4)])[: 10 * RATE]
    make_film(tmp_path / "films" / "late.mkv", (demo_pictures() * 4)[:250], late, crf=20)
    settings = replace(HERE, clips=ClipSettings(size=64, lag=LagSettings(minimum_confidence=1.0)))
    prepare([tmp_path / "films"], tmp_path / "out", settings)
    line = read_manifest(tmp_path / "out")[0]
    assert line["lag_source"] == "measured"
    assert line["lag"] == pytest.approx(-0.2, abs=0.06)


def test_a_broken_file_never_stops_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = tmp_path / "my films"
    film(films / "good 1.mkv", 0, 40)
    film(films / "good 2.mkv", 30, 75)
    (films / "empty.mp4").touch()
    (films / "page.mp4").write_text("<!DOCTYPE html><html>not found</html>")
    (films / "noise.avi").write_bytes(np.random.default_rng(0).bytes(50_000))
    whole = film(tmp_path / "whole.mkv", crf=0).read_bytes()
    (films / "truncated.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    make_film(films / "silent.mkv", demo_pictures()[:30], None)
    make_film(films / "nobody.mkv", [np.full((120, 160, 3), 90, np.uint8)] * 30, demo_sound()[: 30 * 640])
    make_film(films / "slow.mkv", demo_pictures()[:30], demo_sound(), rate=10)
    code = main(["prepare", str(films), "-o", str(tmp_path / "out"), "--workers", "0", "--size", "64", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    sources = {entry["source"].removeprefix("my films/"): entry for entry in report["sources"]}
    assert {name: entry["clips"] for name, entry in sources.items() if entry["clips"]} == {
        "good 1.mkv": ["my-films_good-1_000"],
        "good 2.mkv": ["my-films_good-2_000"],
        "truncated.mkv": ["my-films_truncated_000"],
    }
    assert {name for name, entry in sources.items() if entry["status"] == "broken"} == {
        "empty.mp4", "noise.avi", "page.mp4",
    }  # fmt: skip
    messages = {entry["source"].removeprefix("my films/"): entry["message"] for entry in report["broken"]}
    assert "0 bytes" in messages["empty.mp4"]
    assert "web page" in messages["page.mp4"]
    reasons = {name: [drop["reason"] for drop in entry["dropped"]] for name, entry in sources.items()}
    assert reasons["silent.mkv"] == ["no sound"]
    assert reasons["nobody.mkv"] == ["no face"]
    assert reasons["slow.mkv"] == ["too few frames a second"]
    assert len(read_manifest(tmp_path / "out")) == 3


@pytest.fixture
def two_films(tmp_path: Path) -> Path:
    films = tmp_path / "films"
    film(films / "ann" / "a.mkv", 0, 30)
    film(films / "bob" / "b.mkv", 40, 75)
    return films


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "clips").iterdir()}


def test_what_is_finished_is_not_done_again(tmp_path: Path, two_films: Path) -> None:
    out = tmp_path / "out"
    settings = replace(HERE, clips=ClipSettings(size=64))
    prepare([two_films], out, settings)
    before, manifest = stamps(out), (out / "manifest.jsonl").read_bytes()
    assert prepare([two_films], out, settings).num_skipped == 2
    assert stamps(out) == before
    assert (out / "manifest.jsonl").read_bytes() == manifest
    # a clip that is missing, and what a killed process left half written
    (out / "clips" / "films_ann_a_000.npz").unlink()
    (out / "clips" / ".films_ann_a_000.99.part.npz").write_bytes(b"half")
    assert prepare([two_films], out, settings).num_skipped == 1
    assert set(stamps(out)) == set(before)
    assert stamps(out)["films_bob_b_000.npz"] == before["films_bob_b_000.npz"]
    # a film that was replaced
    film(two_films / "bob" / "b.mkv", 35, 75)
    assert prepare([two_films], out, settings).num_skipped == 1
    assert [line["num_frames"] for line in read_manifest(out)] == [30, 40]
    # a copy of the footage elsewhere is the same footage
    os.utime(two_films / "bob" / "b.mkv", (0, 0))
    assert prepare([two_films], out, settings).num_skipped == 2


def test_more_footage_is_added_and_the_split_may_change(tmp_path: Path, two_films: Path) -> None:
    out = tmp_path / "out"
    settings = replace(HERE, clips=ClipSettings(size=64), split=SplitSettings(rule="train"))
    prepare([two_films / "ann"], out, settings)
    kept_for_validation = replace(settings, split=SplitSettings(rule="validation"))
    report = prepare([two_films / "bob"], out, kept_for_validation)
    assert [(line["clip_id"], line["split"]) for line in read_manifest(out)] == [
        ("ann_a_000", "train"),
        ("bob_b_000", "validation"),
    ]
    assert report.num_clips == 2
    before = stamps(out)
    prepare([two_films / "ann"], out, kept_for_validation)
    assert {line["split"] for line in read_manifest(out)} == {"validation"}
    assert stamps(out) == before


def test_named_validation_speakers(tmp_path: Path, two_films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["prepare", str(two_films), "-o", str(tmp_path / "out"), "--workers", "0", "--size", "64"]
    assert main([*options, "--validation-speakers", "bob"]) == 0
    assert {line["speaker"]: line["split"] for line in read_manifest(tmp_path / "out")} == {
        "ann": "train",
        "bob": "validation",
    }
    assert "validation" in capsys.readouterr().out
    assert main([*options, "--validation-speakers", "eve"]) == 2
    assert "no video has the speaker eve" in capsys.readouterr().err


def test_other_settings_are_noticed_and_redone_on_demand(tmp_path: Path, two_films: Path) -> None:
    out = tmp_path / "out"
    prepare([two_films], out, replace(HERE, clips=ClipSettings(size=64)))
    other = replace(HERE, clips=ClipSettings(size=96, quality=QualitySettings(minimum_seconds=1.3)))
    with pytest.raises(InputError, match=r"other settings \(quality.minimum_seconds: 1.0 -> 1.3; size: 64 -> 96\)"):
        prepare([two_films], out, other)
    assert load_clip(out / "clips" / "films_ann_a_000.npz").spec.size == 64
    prepare([two_films], out, replace(other, redo=True))
    assert [line["clip_id"] for line in read_manifest(out)] == ["films_bob_b_000"]
    assert load_clip(out / "clips" / "films_bob_b_000.npz").spec.size == 96
    assert set(stamps(out)) == {"films_bob_b_000.npz"}  # the clip that is no more is gone


def test_the_same_footage_gives_the_same_data_set_whoever_works(tmp_path: Path, two_films: Path) -> None:
    for name, workers in (("one", 0), ("two", 2)):
        prepare([two_films], tmp_path / name, replace(HERE, workers=workers, clips=ClipSettings(size=64)))
    files = ["manifest.jsonl", "clips/films_ann_a_000.npz", "clips/films_bob_b_000.npz"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)


def test_a_cancelled_job_is_gone_on_with_to_the_same_data_set(tmp_path: Path, two_films: Path) -> None:
    settings = replace(HERE, clips=ClipSettings(size=64))
    prepare([two_films], tmp_path / "whole", settings)
    out, token = tmp_path / "out", CancelToken()
    job = check_preparation([two_films], out, settings)
    assert not out.exists()

    def cancel_between(event: Event) -> None:
        if event.message == "1 of 2 videos":
            token.cancel()

    with pytest.raises(Cancelled):
        job.run(cancel_between, token)
    assert json.loads((out / "report.json").read_text())["complete"] is False
    assert len(read_manifest(out)) == 1
    report = check_preparation([two_films], out, settings).run()
    assert report.num_skipped == 1
    files = ["manifest.jsonl", "clips/films_ann_a_000.npz", "clips/films_bob_b_000.npz"]
    assert all((out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in files)


def test_a_video_that_is_cancelled_in_its_middle_is_not_called_broken(tmp_path: Path) -> None:
    source = film(tmp_path / "films" / "one.mkv", 0, 75)
    job = check_preparation([source], tmp_path / "out", HERE)
    begun, token = threading.Event(), CancelToken()

    def cancel_once_begun() -> None:
        begun.wait(60)
        token.cancel()

    thread = threading.Thread(target=cancel_once_begun)
    thread.start()
    with pytest.raises(Cancelled):
        job.run(lambda event: begun.set(), token)
    thread.join()
    assert not list((tmp_path / "out" / "prepare" / "sources").glob("*.json"))
    assert not list((tmp_path / "out").rglob("*.part*"))


def test_not_one_clip_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    make_film(tmp_path / "films" / "nobody.mkv", [np.full((120, 160, 3), 90, np.uint8)] * 30, demo_sound())
    with pytest.raises(InputError, match=r"none of the 1 videos gave a clip \(1 x no face\); .*report.json"):
        prepare([tmp_path / "films"], tmp_path / "out", HERE)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["dropped"]["no face"]["sources"] == 1


def command(tmp_path: Path, *options: Path | str) -> int:
    return main(["prepare", *map(str, options), "-o", str(tmp_path / "out")])


def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, two_films: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    table = tmp_path / "table.csv"
    table.write_text("name,lag\nx,1\n")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    cases: list[tuple[list[Path | str], str]] = [
        ([], "no source is given"),
        ([tmp_path / "nowhere"], "nowhere does not exist"),
        ([tmp_path / "empty"], "holds no video"),
        ([two_films, "--layout", "grid"], "fits the layout grid (sN/*.mpg)"),
        ([two_films, "--layout", "fancy"], "--layout"),
        ([two_films, "--lags", table], "has no column file and no column av_lag_s"),
        ([two_films, "--speakers", tmp_path / "none.csv"], "none.csv does not exist"),
        ([two_films, "--size", "0"], "the size of the crops is 0"),
        ([two_films, "--workers", "-3"], "--workers is -3"),
        ([two_films, "--validation-share", "2"], "validation share is 2; give at least 0 and less than 1"),
    ]
    for options, message in cases:
        assert command(tmp_path, *options) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.startswith("visavox: error: ")
        assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()
    assert main(["prepare", str(two_films), "-o", str(foreign)]) == 2
    assert "holds something that visavox prepare did not make" in capsys.readouterr().err
    assert [path.name for path in foreign.iterdir()] == ["thesis.tex"]
    assert main(["prepare", str(two_films), "-o", str(table)]) == 2
    assert "table.csv is a file; give a folder" in capsys.readouterr().err
    assert main(["prepare", str(two_films), "-o", str(table / "below")]) == 2
    assert "cannot be written: Not a directory" in capsys.readouterr().err


def test_an_index_of_other_films_is_told_before_work_begins(
    tmp_path: Path, two_films: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = tmp_path / "INDEX.csv"
    with open(index, "w", newline="") as file:
        csv.writer(file).writerows([("file", "av_lag_s"), ("other.mp4", "0.1")])
    assert command(tmp_path, two_films, "--lags", index) == 2
    assert "names any of the 2 videos" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_preparations_at_a_time_are_refused(tmp_path: Path, two_films: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "out" / "prepare").mkdir(parents=True)
    settings = replace(HERE, clips=ClipSettings(size=64))
    prepare([two_films], tmp_path / "ok", settings)
    with open(tmp_path / "ok" / "prepare" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another visavox prepare is at work"):
            prepare([two_films], tmp_path / "ok", settings)


def test_ctrl_c_leaves_a_state_to_go_on_from(tmp_path: Path) -> None:
    films = tmp_path / "films"
    for index in range(5):
        film(films / f"{index}.mkv", index, 30 + index)
    out = tmp_path / "out"
    arguments = ["prepare", str(films), "-o", str(out), "--workers", "1", "--size", "64"]
    process = subprocess.Popen(
        [sys.executable, "-m", "visavox", *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    records = out / "prepare" / "sources"
    deadline = time.monotonic() + 120
    while not (records.is_dir() and any(records.glob("[!.]*.json"))):
        assert process.poll() is None, present(process.stderr).read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does: to all processes of the job
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert f"{out} is not finished; the same command goes on where it stopped" in error
    finished = len(list(records.iterdir()))
    assert 1 <= finished < 5
    assert list(out.rglob("*.part*")) == []
    assert len(read_manifest(out)) == finished  # what is there can be used already
    assert json.loads((out / "report.json").read_text())["complete"] is False
    report = prepare([films], out, replace(HERE, clips=ClipSettings(size=64)))
    assert report.num_skipped == finished
    assert len(read_manifest(out)) == 5


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the worker by /proc")
def test_a_worker_that_dies_costs_one_video_which_the_next_run_tries_again(tmp_path: Path) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    for index in range(3):
        film(films / f"{index}.mkv", index, 35 + index)
    arguments = ["prepare", str(films), "-o", str(out), "--workers", "1", "--size", "64", "--json"]
    process = subprocess.Popen([sys.executable, "-m", "visavox", *arguments], stdout=subprocess.PIPE, text=True)
    records = out / "prepare" / "sources"
    deadline = time.monotonic() + 300
    while not (records.is_dir() and any(records.glob("[!.]*.json"))):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (worker,) = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    os.kill(worker, signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    report = json.loads(output)
    assert [one["message"] for one in report["broken"]] == ["decoding it crashed: the process was ended by SIGKILL"]
    assert len(read_manifest(out)) == 2
    again = prepare([films], out, replace(HERE, clips=ClipSettings(size=64)))
    assert again.num_skipped == 2
    assert len(read_manifest(out)) == 3


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """A file system of 512 KiB, too small for the clips."""
    films, disk = tmp_path / "films", tmp_path / "disk"
    film(films / "a.mkv", 0, 35)
    film(films / "b.mkv", 40, 75)
    disk.mkdir()
    namespace = ["unshare", "--map-root-user", "--mount"]
    allowed = ["sh", "-c", 'mount -t tmpfs -o size=16k tmpfs "$1"', "sh", str(disk)]
    if (
        not shutil.which("unshare")
        or subprocess.run([*namespace, *allowed], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to mount a file system in a namespace of its own")
    script = (
        'mount -t tmpfs -o size=512k tmpfs "$1" || exit 99; disk="$1"; shift; "$@"; code=$?; '
        'find "$disk" -name "*.part*"; mount -o remount,size=64m "$disk"; "$@" >&2; test $? = 0 || exit 98; exit $code'
    )
    arguments = ["prepare", str(films), "-o", str(disk / "out"), "--workers", "1", "--quiet"]
    command = [*namespace, "sh", "-c", script, "sh", str(disk), sys.executable, "-m", "visavox", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("visavox: error: ")
    assert "cannot be written any more: No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""  # no half-written file is left

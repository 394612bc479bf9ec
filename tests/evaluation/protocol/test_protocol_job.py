"""Runs over a list of real videos: rows for all, also for those that fail; interrupted and gone on; reports."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.narrow import present

from visavox.cli.main import main
from visavox.errors import Cancelled, InputError
from visavox.evaluation.protocol.job import check_protocol, run_protocol
from visavox.evaluation.protocol.pair_list import read_pairs
from visavox.evaluation.protocol.pair_work import PairTask, do_pair
from visavox.evaluation.protocol.results_folder import ResultsFolder
from visavox.evaluation.protocol.settings import ProtocolSettings
from visavox.media import probe
from visavox.metrics import choose_metrics
from visavox.metrics.expert_sync import ExpertSyncOptions
from visavox.metrics.table import without_frames
from visavox.progress import CancelToken, Event

LINES = ("s1/two s1/one", "s1/one s1/two", "s1/one broken", "s1/one faceless", "s1/one s1/one", "long s1/one")


def rows_of(folder: Path) -> list[dict[str, str]]:
    with open(folder / "pairs.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_list(folder: Path, *lines: str) -> Path:
    path = folder / "list.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def settings(weights: Path, expert: Path) -> ProtocolSettings:
    sync = {"expert_sync": ExpertSyncOptions(expert=str(expert))}
    metrics = {name: metric.options for name, metric in without_frames(choose_metrics(options=sync)).items()}
    return ProtocolSettings(model=weights, metrics=metrics, workers=0, num_images=2)


@pytest.fixture(scope="module")
def interrupted(
    corpus: Path, settings: ProtocolSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A list, and results of a run that was interrupted after its first pair."""
    folder = tmp_path_factory.mktemp("runs")
    pairs, output = write_list(folder, *LINES), folder / "results"
    token = CancelToken()

    def cancel(event: Event) -> None:
        if event.unit == "pair" and event.done == 1:
            token.cancel()

    job = check_protocol(pairs, corpus, output, settings=settings)
    assert not output.exists()
    with pytest.raises(Cancelled):
        job.run(cancel, token)
    return pairs, output


@pytest.fixture(scope="module")
def before(interrupted: tuple[Path, Path]) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Rows and dubbed videos as the interruption left them."""
    _, output = interrupted
    assert not (output / "report.html").exists()
    (output / "dubbed" / ".half.part.mp4").write_bytes(b"x")
    return rows_of(output), {path.name: path.stat().st_mtime_ns for path in (output / "dubbed").glob("[!.]*")}


@pytest.fixture(scope="module")
def results(
    before: tuple[list[dict[str, str]], dict[str, int]],
    interrupted: tuple[Path, Path],
    corpus: Path,
    settings: ProtocolSettings,
) -> Path:
    """The same run, gone on to its end."""
    pairs, output = interrupted
    summary = run_protocol(pairs, corpus, output, settings=settings)
    assert summary.counts == {"done": 3, "failed": 2, "left out": 1}
    assert summary.pooled == {}
    return output


def test_an_interrupted_run_has_rows_for_what_was_done(before: tuple[list[dict[str, str]], dict[str, int]]) -> None:
    rows, videos = before
    assert [row["status"] for row in rows] == ["done", *["not reached"] * 5]
    assert float(rows[0]["expert_sync.distance"]) > 0
    assert len(videos) == 1


def test_a_pair_that_is_cancelled_in_its_middle_is_not_called_failed(
    corpus: Path, settings: ProtocolSettings, tmp_path: Path
) -> None:
    (pair,) = read_pairs(write_list(tmp_path, LINES[0]), corpus, "folder")
    folder = ResultsFolder(tmp_path / "results")
    folder.open(settings.content(), redo=False)
    shares: list[float] = []

    def report(share: float) -> None:
        shares.append(share)
        if share >= 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        do_pair(PairTask(pair, folder.path, settings, threads=None), report)
    assert shares == sorted(shares)
    assert not list(folder.records.iterdir())


def test_it_goes_on_where_it_stopped(before: tuple[list[dict[str, str]], dict[str, int]], results: Path) -> None:
    _, videos = before
    ((name, changed),) = videos.items()
    assert (results / "dubbed" / name).stat().st_mtime_ns == changed
    assert len(list((results / "dubbed").iterdir())) == 3
    assert not list(results.rglob(".*part*"))


def test_every_line_has_its_row(results: Path) -> None:
    rows = rows_of(results)
    assert [row["line"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [f"{row['audio']} {row['video']}" for row in rows] == list(LINES)
    reasons = [(row["status"], row["reason"]) for row in rows]
    assert reasons[0] == reasons[1] == reasons[4] == ("done", "")
    assert reasons[2][0] == reasons[3][0] == "failed"
    assert "damaged" in reasons[2][1]
    assert "no face" in reasons[3][1]
    assert reasons[5] == ("left out", "the video (1.00 s) is shorter than the audio, as far as it would be heard")


def test_only_a_video_with_its_own_sound_is_compared_with_itself(results: Path) -> None:
    rows = rows_of(results)
    assert rows[0]["opening.correlation"] == rows[0]["landmark_distance"] == ""
    assert float(rows[4]["landmark_distance"]) >= 0
    assert rows[2]["expert_sync.distance"] == ""
    assert all(float(rows[index]["true_expert_sync.distance"]) > 0 for index in (0, 1, 4))
    # The real video is the same in the first and in the fifth line.
    assert (
        rows[0]["true_expert_sync.distance"]
        == rows[4]["true_expert_sync.distance"]
        != rows[1]["true_expert_sync.distance"]
    )


def test_dubbed_videos_have_the_picture_of_one_and_the_sound_of_another(results: Path, corpus: Path) -> None:
    for path in (results / "dubbed").iterdir():
        info = probe(path)
        assert (info.width, info.height, info.expected_frames) == (360, 288, 25)
        assert info.has_audio


def test_the_reports_say_what_was_done_and_show_it(results: Path, weights: Path) -> None:
    text = (results / "report.md").read_text()
    assert "Pairs: 3 done, 2 failed, 1 left out." in text
    for words in ("other audio (2)", "own audio (1)", "real videos (2)", "line 3, failed: ", "SHA-256"):
        assert words in text
    page = (results / "report.html").read_text()
    assert len(re.findall(r'src="data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=]+"', page)) == 4
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert page.rstrip().endswith("</html>")


def test_nothing_is_done_again_unless_asked_for(
    results: Path, corpus: Path, settings: ProtocolSettings, tmp_path: Path
) -> None:
    pairs = write_list(tmp_path, *LINES[:2], LINES[0])
    stamps = {path: path.stat().st_mtime_ns for path in (results / "dubbed").iterdir()}
    summary = run_protocol(pairs, corpus, results, settings=settings)
    assert summary.counts == {"done": 3}
    assert {path: path.stat().st_mtime_ns for path in (results / "dubbed").iterdir()} == stamps


def test_results_of_other_settings_are_not_mixed(
    results: Path, corpus: Path, weights: Path, settings: ProtocolSettings, tmp_path: Path
) -> None:
    pairs = write_list(tmp_path, LINES[0])
    other = ProtocolSettings(model=weights, workers=0)
    with pytest.raises(InputError, match=r"results of other settings \(metrics\); give another folder, or --redo"):
        run_protocol(pairs, corpus, results, settings=other)
    (tmp_path / "list.csv").write_text("mine")
    with pytest.raises(InputError, match="holds something that visavox evaluate did not make"):
        run_protocol(pairs, corpus, tmp_path, settings=other)
    with ResultsFolder(results).locked(), pytest.raises(InputError, match="another visavox evaluate is at work"):
        run_protocol(pairs, corpus, results, settings=settings)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--protocol", "folder"], "needs --pairs LIST and --output FOLDER"),
        (["--pairs", "list.txt"], "give --protocol lrs2, lrs3, lrw or folder with them"),
        (["--protocol", "folder", "--pairs", "LIST", "-o", "OUT", "--truth", "x"], "--truth cannot be given"),
        (["--protocol", "folder", "--pairs", "LIST", "-o", "OUT"], "line 2: 1 words in 's1/one'"),
        (["--protocol", "folder", "--pairs", "GOOD", "-o", "OUT", "--model", "nobody"], "there is no model 'nobody'"),
        (["--protocol", "folder", "--pairs", "GOOD", "-o", "OUT", "--expert", "wav2lip"], "wav2lip"),
        (["--protocol", "folder", "--pairs", "GOOD", "-o", "OUT", "--workers", "-1"], "number of workers is -1"),
        (["--protocol", "folder", "--pairs", "GOOD", "-o", "OUT", "--face", "nicest"], "nicest"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_written(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    places = {"LIST": str(write_list(tmp_path, "s1/one s1/two", "s1/one")), "OUT": str(tmp_path / "out")}
    places["GOOD"] = str(tmp_path / "good.txt")
    Path(places["GOOD"]).write_text("s1/one s1/two")
    assert main(["evaluate", str(corpus), *(places.get(word, word) for word in arguments)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_and_the_same_command_again(corpus: Path, weights: Path, tmp_path: Path) -> None:
    pairs = write_list(tmp_path, *LINES[:5])
    output = tmp_path / "results"
    command = [sys.executable, "-m", "visavox", "evaluate", str(corpus), "--protocol", "folder", "--pairs", str(pairs)]
    command += ["--model", str(weights), "-o", str(output), "--workers", "2", "--without-codec", "--json", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not list(output.glob("run/records/[!.]*.json")):
            assert process.poll() is None, present(process.stderr).read()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert {row["status"] for row in rows_of(output)} >= {"not reached"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    values = json.loads(done.stdout)
    assert values["pairs"] == {"done": 3, "failed": 2}
    assert values["means"]["other audio (2)"]["sharpness"] > 0
    assert not list(output.rglob(".*part*"))

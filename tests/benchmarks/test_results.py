"""The command behind docs/results.md: what it chooses, where it writes, and a run that the next does not repeat."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import cv2
import pytest
from benchmarks.clips import Clip
from benchmarks.results.__main__ import choose_folder, choose_subjects, main, shipped_generators
from benchmarks.results.job import Kind
from benchmarks.results.sheet import sheet_clips
from benchmarks.results.table import BEGIN, END, group_values, put_between_markers, tables
from tests.evaluation.conftest import DEMO, demo_frames, write_video
from tests.evaluation.test_report import make_report, sync_values

from visavox.errors import InputError
from visavox.evaluation.report import Report

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


def make_clips(*names: str) -> list[Clip]:
    return [Clip(name, Path(f"{name}.mp4"), name.partition("/")[0], Fraction(0)) for name in names]


def test_the_page_keeps_its_text_around_the_tables(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text(PAGE.read_text())
    put_between_markers(page, r"| \1 |")
    put_between_markers(page, r"| \2 |")
    before, _, after = PAGE.read_text().partition(BEGIN)
    assert page.read_text() == f"{before}{BEGIN}\n\n| \\2 |\n\n{END}{after.partition(END)[2]}"
    page.write_text("no place")
    with pytest.raises(InputError, match="has no place for the tables"):
        put_between_markers(page, "x")
    with pytest.raises(InputError, match="cannot be read"):
        put_between_markers(tmp_path / "none.md", "x")


def test_models_stand_between_the_baselines() -> None:
    assert "wav2lip" in shipped_generators()
    names = [subject.name for subject in choose_subjects(("wav2lip",))]
    assert names == ["mouth as it was", "wav2lip", "true frames"]
    with pytest.raises(InputError, match="there is no model 'nobody'"):
        choose_subjects(("nobody",))
    with pytest.raises(InputError, match="two models are called wav2lip"):
        choose_subjects(("wav2lip", "wav2lip"))


def test_without_a_set_one_sentence_says_what_to_give(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="make results EVAL_DIR=FOLDER"):
        choose_folder(None)
    assert choose_folder(tmp_path) == tmp_path


def test_the_sheet_shows_every_group_before_any_twice() -> None:
    clips = make_clips("b/1", "b/2", "a/1", "a/2", "c/1")
    assert [clip.name for clip in sheet_clips(clips, 4)] == ["a/1", "b/1", "c/1", "a/2"]


def test_tables_have_rows_for_all_and_foreign_words_no_false_values() -> None:
    clips = make_clips("a/1", "a/2", "b/1")
    values = {"psnr": 30.0, **sync_values("expert_sync", 7.0, 5.0, 0, 7.5)}
    reports = {clip.name: make_report(seed, values) for seed, clip in enumerate(clips)}
    of_clips: dict[str, Mapping[Kind, Report]] = {name: {"same": one, "cross": one} for name, one in reports.items()}
    measured = dict.fromkeys(("x", "y"), of_clips)
    text = tables(measured, clips, ["three clips"])
    assert text.count("| all (3)") == 4
    assert text.count("| a (2)") == text.count("| b (1)") == 4
    same, cross = text.split("### Cross audio", 1)
    assert "PSNR" in same
    assert "PSNR" not in cross
    assert "LMD" not in cross
    found = group_values(list(reports.values()), "cross")
    assert found["expert_sync.distance"] == 7.0
    assert math.isfinite(found["pooled.correlation"])
    assert math.isfinite(found["opening.correlation"])


@pytest.fixture(scope="module")
def clip_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    frames = demo_frames(50)
    for name, part in (("a/one", frames[:25]), ("b/two", frames[25:])):
        (folder / name).parent.mkdir()
        write_video(folder / f"{name}.mp4", iter(part), sound=DEMO)
    return folder


@pytest.mark.slow
def test_a_second_run_measures_nothing_again(
    clip_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, sheet, work = tmp_path / "page.md", tmp_path / "sheet.jpg", tmp_path / "work"
    page.write_text(f"head\n{BEGIN}{END}\ntail\n")
    arguments = [str(clip_set), "--models", "wav2lip", "--work", str(work), "-o", str(page), "--sheet", str(sheet)]
    assert main([*arguments, "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert printed.strip() in page.read_text()
    assert page.read_text().startswith("head\n")
    assert "| all (2) | true frames     |   1.00" in printed
    assert sheet.read_bytes().startswith(b"\xff\xd8")
    made = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}
    assert main([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().out == printed
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()} == made

    published = tmp_path / "published.jpg"
    monkeypatch.setattr("benchmarks.results.__main__.PAGE", page)
    monkeypatch.setattr("benchmarks.results.__main__.SHEET", published)
    plain = [str(clip_set), "--models", "wav2lip", "--work", str(work), "--quiet"]
    assert main(plain) == 0
    assert not published.exists()  # nobody was named who may be shown
    assert main([*plain, "--sheet-groups", "b"]) == 0
    smaller, larger = cv2.imread(str(published)), cv2.imread(str(sheet))
    assert smaller is not None
    assert larger is not None
    assert len(smaller) < len(larger)

    monkeypatch.setattr("benchmarks.results.__main__.PAGE", tmp_path / "untouched.md")  # a quick look writes no page
    assert main([*plain, "--limit", "1"]) == 0
    assert not (tmp_path / "untouched.md").exists()

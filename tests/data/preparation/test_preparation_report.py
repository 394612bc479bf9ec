"""Records of single videos, and the report that is made of them."""

import json
from dataclasses import replace
from pathlib import Path

from visavox.data.preparation.dataset_folder import (
    ClipEntry,
    DroppedEntry,
    LagEntry,
    SourceRecord,
    load_record,
    load_records,
    save_record,
)
from visavox.data.preparation.report import PreparationReport
from visavox.data.preparation.settings import ClipSettings

GOOD = SourceRecord(
    name="films/alice/a.mp4",
    clip_name="films_alice_a",
    fingerprint="00ff",
    num_bytes=1000,
    modified=5,
    table_lag=(-0.12, 0.9),
    status="done",
    seconds=10.0,
    frame_rate=29.97,
    lag=LagEntry(-0.12, "table", -0.13, 0.5, 2.0),
    clips=(
        ClipEntry("films_alice_a_000", 0.0, 100, 0, 0, {"blur": 0.4}),
        ClipEntry("films_alice_a_001", 5.0, 50, 1, 0, {}),
    ),
    dropped=(DroppedEntry(4.0, 5.0, "face turned away", None, 0), DroppedEntry(7.0, 10.0, "no face")),
    remarks=("breaks off",),
    speaker="alice",
    split="train",
)
OTHER = replace(GOOD, name="films/bob/b.mp4", clip_name="films_bob_b", speaker="bob", split="validation", dropped=())
BROKEN = replace(GOOD, name="films/c.mp4", clip_name="films_c", clips=(), dropped=(), seconds=0.0).broken("it is empty")


def test_a_record_survives_the_disk(tmp_path: Path) -> None:
    save_record(GOOD, tmp_path)
    save_record(BROKEN, tmp_path)
    assert load_records(tmp_path) == {"films_alice_a": GOOD, "films_c": BROKEN}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films_alice_a.json", "films_c.json"]


def test_a_record_that_was_damaged_or_of_another_version_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"name": "films/al')
    (tmp_path / "old.json").write_text('{"name": "films/alice", "lag": {}, "clips": [], "dropped": []}')
    (tmp_path / ".films.json.123.part").write_text("{}")
    assert load_records(tmp_path) == {}
    assert load_record(tmp_path / "none.json") is None


def test_manifest_lines() -> None:
    lines = GOOD.placed("ann", "test").manifest_lines()
    assert [line["clip_id"] for line in lines] == ["films_alice_a_000", "films_alice_a_001"]
    assert lines[0] == {
        "clip_id": "films_alice_a_000",
        "speaker": "ann",
        "split": "test",
        "source": "films/alice/a.mp4",
        "start": 0.0,
        "num_frames": 100,
        "shot": 0,
        "face": 0,
        "lag": -0.12,
        "lag_source": "table",
        "lag_confidence": 2.0,
        "quality": {"blur": 0.4},
    }


def test_the_report_adds_up() -> None:
    report = PreparationReport(
        "DATASET", ClipSettings(), (GOOD, OTHER, BROKEN), num_skipped=1, duplicates=(("x", "y"),), notes=("beware",)
    )
    figures = json.loads(json.dumps(report.as_dict()))
    assert figures["totals"] == {
        "sources": 3, "skipped": 1, "broken": 1, "seconds": 20.0, "clips": 4, "clip_seconds": 12.0,
    }  # fmt: skip
    assert figures["splits"] == {
        "train": {"speakers": 1, "clips": 2, "seconds": 6.0},
        "validation": {"speakers": 1, "clips": 2, "seconds": 6.0},
    }
    assert list(figures["dropped"].items()) == [
        ("no face", {"stretches": 1, "sources": 1, "seconds": 3.0}),
        ("face turned away", {"stretches": 1, "sources": 1, "seconds": 1.0}),
    ]
    assert figures["lags"] == {"table": 2, "measured": 0, "measured_moved": 0, "none": 0}
    assert figures["broken"] == [{"source": "films/c.mp4", "message": "it is empty"}]
    assert figures["sources"][0]["dropped"][1] == {
        "start": 7.0, "stop": 10.0, "reason": "no face", "value": None, "face": None,
    }  # fmt: skip


def test_the_table_says_it_in_words() -> None:
    report = PreparationReport("DATASET", ClipSettings(), (GOOD, OTHER, BROKEN), 1, (("x", "y"),), ("beware",), False)
    lines = report.table().splitlines()
    assert lines[0] == (
        "DATASET: 4 clips, 12.0 s of 20.0 s in 3 videos (1 prepared before); "
        "interrupted: the same command goes on from here"
    )
    assert "validation         1      2   6.0 s" in lines
    assert "no face                   1       1   3.0 s" in lines
    assert "  films/c.mp4: it is empty" in lines
    assert "1 videos left out as copies of others" in lines
    assert lines[-1] == "note: beware"

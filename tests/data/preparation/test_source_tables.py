"""Tables of lags and speakers: what they say, whom they fit, and how mistakes in them are told."""

from pathlib import Path
from typing import Any

import pytest

from visavox.data.preparation.source_tables import Table, TableLag, read_lags, read_speakers
from visavox.data.preparation.sources import Source, find_sources
from visavox.errors import InputError

INDEX = (
    "file,split,speaker,lang,seconds,av_lag_s,av_best,notes\n"
    'train/news/1.mp4,train,ann,ar,1.24,,,"LRW, the notes"\n'
    "train/studio/2.mkv,train,bob,en,9.2,-0.12,0.895,\n"
    "eval/studio/2.mkv,eval,cid,en,8.0,0.6,0.186,\n"
)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    for name in ("train/news/1.mp4", "train/studio/2.mkv", "eval/studio/2.mkv"):
        write(tmp_path / "data" / name, name)
    return find_sources([tmp_path / "data" / "train", tmp_path / "data" / "eval"]).sources


def by_name(table: Table[Any], sources: list[Source]) -> dict[str, Any]:
    rows = table.match(sources)
    return {source.name: rows.get(source.path) for source in sources}


def test_an_index_serves_as_both_tables(tmp_path: Path, sources: list[Source]) -> None:
    index = write(tmp_path / "INDEX.csv", INDEX)
    assert by_name(read_lags(index), sources) == {
        "train/news/1.mp4": None,
        "train/studio/2.mkv": TableLag(-0.12, 0.895),
        "eval/studio/2.mkv": TableLag(0.6, 0.186),
    }
    assert sorted(by_name(read_speakers(index), sources).values()) == ["ann", "bob", "cid"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_a_byte_order_mark_and_windows_paths(
    tmp_path: Path, sources: list[Source], delimiter: str
) -> None:
    text = delimiter.join(("av_lag_s", " file")) + "\r\n" + delimiter.join(("-0.04", r"train\news\1.mp4")) + "\r\n"
    table = read_lags(write(tmp_path / "lags.csv", text, "utf-8-sig"))
    assert by_name(table, sources)["train/news/1.mp4"] == TableLag(-0.04, None)


def test_a_row_that_fits_two_videos_is_an_error(tmp_path: Path, sources: list[Source]) -> None:
    table = read_speakers(write(tmp_path / "t.csv", "file,speaker\n2.mkv,ann\n"))
    with pytest.raises(InputError, match=r"the row '2.mkv' of .* fits both .*; write more of the path"):
        table.match(sources)


def test_a_longer_path_goes_before_a_shorter(tmp_path: Path, sources: list[Source]) -> None:
    table = read_speakers(write(tmp_path / "t.csv", "file,speaker\n2.mkv,ann\neval/studio/2.mkv,bob\n"))
    assert by_name(table, sources)["eval/studio/2.mkv"] == "bob"
    assert by_name(table, sources)["train/studio/2.mkv"] == "ann"


def test_a_table_of_other_videos_is_an_error(tmp_path: Path, sources: list[Source]) -> None:
    table = read_speakers(write(tmp_path / "t.csv", "file,speaker\nelsewhere.mp4,ann\n"))
    with pytest.raises(InputError, match=r"names any of the 3 videos: its first row is 'elsewhere.mp4'"):
        table.match(sources)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"has no column file and no column av_lag_s.*it reads: nothing"),
        ("name,lag\na,1\n", r"has no column file and no column av_lag_s.*it reads: name, lag"),
        ("file,av_lag_s\na.mp4,late\n", r"line 2 of .*: av_lag_s is 'late'; it must be a number"),
        ("file,av_lag_s\na.mp4,-120\n", r"line 2 of .*: av_lag_s is -120; it is a number of seconds"),
        ("file,av_lag_s\na.mp4,nan\n", r"av_lag_s is nan; it must be a finite number"),
        ("file,av_lag_s\na.mp4,0.1\n./a.mp4,0.2\n", r"line 3 of .* says of 'a.mp4' something else"),
        ("file,av_lag_s,av_best\na.mp4,0.1,good\n", r"av_best is 'good'"),
    ],
)
def test_mistakes_in_a_table_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_lags(write(tmp_path / "lags.csv", text))


def test_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; give a table in CSV"):
        read_lags(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_lags(tmp_path)
    (tmp_path / "film.mp4").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_speakers(tmp_path / "film.mp4")

"""Which videos are found, what they are called, who is said to speak in them."""

import os
from pathlib import Path

import pytest

from visavox.data.preparation.sources import Layout, find_sources, fingerprint, recognise
from visavox.errors import InputError


def fill(root: Path, *names: str) -> Path:
    """Write files whose content is their name, so that all differ."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return root


def found(*locations: Path, layout: Layout = "auto") -> dict[str, tuple[str, str, str | None]]:
    sources = find_sources(locations, layout).sources
    return {source.name: (source.clip_name, source.speaker, source.split) for source in sources}


def test_flat_takes_the_folder_for_the_speaker(tmp_path: Path) -> None:
    root = fill(tmp_path / "films", "alice/a.mp4", "alice/take 2/b.MOV", "c.mkv", "notes.txt", ".hidden/d.mp4")
    assert found(root) == {
        "films/alice/a.mp4": ("films_alice_a", "alice", None),
        "films/alice/take 2/b.MOV": ("films_alice_take-2_b", "take 2", None),
        "films/c.mkv": ("films_c", "films_c", None),
    }
    assert find_sources([root]).unknown_speakers == 1


def test_grid(tmp_path: Path) -> None:
    root = fill(tmp_path / "grid", "s1/bbaf2n.mpg", "s22/video/pwij3p.mpg", "S3/a.mpg")
    assert {speaker for _, speaker, _ in found(root).values()} == {"grid_s1", "grid_s22", "grid_s3"}
    # one speaker's folder by itself says the same
    assert found(root / "s1")["s1/bbaf2n.mpg"][1] == "grid_s1"


def test_lrs(tmp_path: Path) -> None:
    root = fill(tmp_path / "lrs3", "pretrain/0Fi83BHQsMA/00002.mp4", "trainval/abc/50001.mp4", "test/xyz/00001.mp4")
    assert set(found(root).values()) == {
        ("lrs3_pretrain_0Fi83BHQsMA_00002", "lrs_0Fi83BHQsMA", None),
        ("lrs3_trainval_abc_50001", "lrs_abc", None),
        ("lrs3_test_xyz_00001", "lrs_xyz", "test"),
    }


def test_lrw_has_a_split_and_no_speakers(tmp_path: Path) -> None:
    names = [f"ABOUT/{part}/ABOUT_0000{n}.mp4" for n, part in enumerate(("train", "val", "test"))]
    discovery = find_sources([fill(tmp_path / "lipread_mp4", *names)])
    assert [source.split for source in discovery.sources] == ["test", "train", "validation"]
    assert len({source.speaker for source in discovery.sources}) == 3
    assert discovery.unknown_speakers == 0  # its own split keeps them apart


def test_a_layout_is_recognised_only_if_every_path_fits() -> None:
    assert recognise([("g", "s1", "a.mpg"), ("g", "s2", "b.mpg")]) == "grid"
    assert recognise([("g", "s1", "a.mpg"), ("g", "extra", "b.mpg")]) == "flat"
    assert recognise([("x", "main", "6331559613336179781", "00017.mp4")]) == "lrs"
    assert recognise([("x", "main", "6331559613336179781", "interview.mp4")]) == "flat"


def test_what_does_not_fit_the_layout_asked_for_is_left_out_and_counted(tmp_path: Path) -> None:
    root = fill(tmp_path / "mixed", "s1/a.mpg", "extra/b.mpg")
    discovery = find_sources([root], "grid")
    assert [source.name for source in discovery.sources] == ["mixed/s1/a.mpg"]
    assert discovery.outside_layout == 1
    with pytest.raises(InputError, match=r"none of the 2 videos in .*mixed fits the layout lrw"):
        find_sources([root], "lrw")


def test_names_that_collide_are_told_apart_by_content(tmp_path: Path) -> None:
    first, second = fill(tmp_path / "a" / "set", "x.mp4", "y z.mp4"), fill(tmp_path / "b" / "set", "x.avi", "y-z.mp4")
    (second / "x.mp4").write_text("another recording")
    names = [source.clip_name for source in find_sources([first, second]).sources]
    assert len(names) == len(set(names)) == 5
    assert all(name.startswith(("set_x-", "set_y-z-")) for name in names)
    # the order in which folders are given changes nothing
    assert sorted(names) == sorted(source.clip_name for source in find_sources([second, first]).sources)


def test_copies_are_left_out(tmp_path: Path) -> None:
    root = fill(tmp_path / "films", "alice/a.mp4")
    copy = root / "bob" / "b.mp4"
    copy.parent.mkdir()
    copy.write_bytes((root / "alice/a.mp4").read_bytes())
    discovery = find_sources([root])
    assert [source.name for source in discovery.sources] == ["films/alice/a.mp4"]
    assert discovery.duplicates == [("films/bob/b.mp4", "films/alice/a.mp4")]


def test_a_file_given_twice_is_one_source_and_any_ending_will_do(tmp_path: Path) -> None:
    root = fill(tmp_path / "films", "a.mp4", "recording.dat")
    names = [source.name for source in find_sources([root, root / "a.mp4", root / "recording.dat"]).sources]
    assert names == ["films/a.mp4", "films/recording.dat"]


def test_links_to_folders_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    fill(tmp_path / "disk", "alice/a.mp4")
    root = tmp_path / "films"
    root.mkdir()
    os.symlink(tmp_path / "disk", root / "link")
    os.symlink(root, tmp_path / "disk" / "back")
    assert list(found(root)) == ["films/link/alice/a.mp4"]


def test_long_and_foreign_names(tmp_path: Path) -> None:
    root = fill(tmp_path / "видео", "أخبار/" + "я" * 100 + ".mp4", 'it\'s "it".mp4')
    names = sorted(clip for clip, _, _ in found(root).values())
    assert names[0] == "видео_it-s-it"
    assert names[1].startswith("видео_أخبار_яяя")
    assert len(names[1].encode()) <= 120


def test_fingerprint_depends_on_content_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(bytes(100_000) + b"end")
    second.write_bytes(bytes(100_000) + b"end")
    os.utime(second, (0, 0))
    assert fingerprint(first) == fingerprint(second)
    second.write_bytes(bytes(100_000) + b"END")
    assert fingerprint(first) != fingerprint(second)


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no source is given"):
        find_sources([])
    with pytest.raises(InputError, match="nowhere does not exist; give a folder"):
        find_sources([tmp_path / "nowhere"])
    with pytest.raises(InputError, match=r"holds no video; looked in all folders below it for .*\.mp4"):
        find_sources([fill(tmp_path / "empty", "readme.txt")])

import json
from pathlib import Path

import pytest

from visavox.cli.main import main
from visavox.demo import FACE, SPEECH
from visavox.face.track.track_file import load_track
from visavox.media import probe


def fails(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    """Run the command, see that it stops with one line and 2, and return the line."""
    assert main(["track", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("visavox: error: ")
    assert said.err.count("\n") == 1
    return said.err


def test_a_track_a_preview_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, preview = tmp_path / "a track.npz", tmp_path / "preview.mp4"
    assert main(["track", str(FACE), "-o", str(output), "--preview", str(preview), "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    (figures,) = json.loads(said.out)["faces"]
    assert figures["detected"] == figures["frames"] == 75
    assert figures["absent"] == figures["interpolated"] == figures["turned_away"] == 0
    assert figures["shots"] == 1
    assert load_track(output).num_frames == 75
    shown, source = probe(preview), probe(FACE)
    assert (shown.width, shown.height, shown.frame_rate) == (source.width, source.height, source.frame_rate)
    assert shown.num_frames == 75
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a track.npz", "preview.mp4"]
    # A second run refuses to replace either.
    assert "--overwrite" in fails(capsys, FACE, "-o", output)
    assert "--overwrite" in fails(capsys, FACE, "-o", tmp_path / "new.npz", "--preview", preview)


def test_all_faces_get_numbered_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", str(FACE), "-o", str(tmp_path / "t.npz"), "--face", "all", "--max-faces", "1"]) == 0
    assert "t-0.npz: face 0, 75 of 75 frames seen" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["t-0.npz"]
    assert "--overwrite" in fails(capsys, FACE, "-o", tmp_path / "t.npz", "--face", "all", "--max-faces", "1")


def test_what_cannot_be_is_said_before_anything_is_tracked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "t.npz"
    assert "missing.mp4" in fails(capsys, tmp_path / "missing.mp4", "-o", output)
    assert "no video" in fails(capsys, SPEECH, "-o", output)
    assert "largest, leftmost" in fails(capsys, FACE, "-o", output, "--face", "tallest")
    assert "x0,y0,x1,y1" in fails(capsys, FACE, "-o", output, "--face-box", "1,2,3")
    assert "360 x 288" in fails(capsys, FACE, "-o", output, "--face-box", "0,0,999,999")
    assert "one of them" in fails(capsys, FACE, "-o", output, "--face-box", "0,0,99,99", "--face", "all")
    assert ".npz" in fails(capsys, FACE, "-o", tmp_path / "t.mp4")
    assert ".mp4" in fails(capsys, FACE, "-o", output, "--preview", tmp_path / "p.txt")
    assert "folder" in fails(capsys, FACE, "-o", tmp_path / "no" / "t.npz")
    assert "max_yaw" in fails(capsys, FACE, "-o", output, "--max-yaw", "-3")
    assert "--landmarks" in fails(capsys, FACE, "-o", output, "--landmarks", "68")
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_a_face_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import cv2
    import numpy as np

    picture = tmp_path / "gray.png"
    picture.write_bytes(cv2.imencode(".png", np.full((96, 128, 3), 90, np.uint8))[1].tobytes())
    assert "no face was found in" in fails(capsys, picture, "-o", tmp_path / "t.npz")
    assert "no face was found in the box" in fails(capsys, picture, "-o", tmp_path / "t.npz", "--face-box", "9,9,80,80")
    assert [path.name for path in tmp_path.iterdir()] == ["gray.png"]


def test_help_lists_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["track", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for option in ("--output", "-o", "--face-box", "--preview", "--overwrite", "--json", "--quiet"):
        assert option in text

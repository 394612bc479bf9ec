import json
from pathlib import Path

import numpy as np
import pytest

from visavox.cli.main import main
from visavox.demo import FACE, SPEECH
from visavox.media import probe
from visavox.motion.motion_file import load_motion, load_performance


def fails(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    """Run the command, see that it stops with one line and 2, and return the line."""
    assert main(["motion", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("visavox: error: ")
    assert said.err.count("\n") == 1
    return said.err


def test_the_motion_of_a_video_with_a_preview(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, preview = tmp_path / "m.npz", tmp_path / "p.mp4"
    arguments = ["motion", str(FACE), "-o", str(output), "--preview", str(preview), "--json", "--preview-pose"]
    assert main(arguments) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["frames"] == figures["seen"] == 75
    motion, pose = load_performance(output)
    assert pose is not None
    assert motion.num_frames == pose.num_frames == 75
    assert pose.frame_size == (360, 288)
    info = probe(preview)
    assert (info.width, info.height, info.num_frames, info.has_audio) == (640, 512, 75, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.npz", "p.mp4"]
    assert "--overwrite" in fails(capsys, FACE, "-o", output)
    assert "--overwrite" in fails(capsys, FACE, "-o", tmp_path / "n.npz", "--preview", preview)
    # blinks of another rate, and the same again with the same seed
    for name in ("once", "again"):
        arguments = ["motion", str(FACE), "-o", str(tmp_path / f"{name}.npz"), "--blink", "100", "--seed", "4", "-q"]
        assert main([*arguments, "--smoothing", "0.05"]) == 0
    assert (tmp_path / "once.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()
    assert (load_motion(tmp_path / "once.npz").displacements != motion.displacements)[:, 36:48].any()


def test_what_cannot_be_is_said_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "m.npz"
    assert "missing.mp4" in fails(capsys, tmp_path / "missing.mp4", "-o", output)
    assert ".npz" in fails(capsys, FACE, "-o", tmp_path / "m.mp4")
    assert ".mp4" in fails(capsys, FACE, "-o", output, "--preview", tmp_path / "p.txt")
    assert "folder" in fails(capsys, FACE, "-o", tmp_path / "no" / "m.npz")
    assert "natural, none" in fails(capsys, FACE, "-o", output, "--blink", "often")
    assert "largest, leftmost" in fails(capsys, FACE, "-o", output, "--face", "tallest")
    assert "seed" in fails(capsys, FACE, "-o", output, "--seed", "-1")
    assert "--smoothing" in fails(capsys, FACE, "-o", output, "--smoothing", "-1")
    assert "for speech" in fails(capsys, FACE, "-o", output, "--temperature", "0.5")
    assert "for videos" in fails(capsys, SPEECH, "-o", output, "--smoothing", "0.05")
    assert "--person" in fails(capsys, SPEECH, "-o", output, "--projection", "0.5")
    assert "share of the projection is 2" in fails(capsys, SPEECH, "-o", output, "--person", FACE, "--projection", "2")
    assert "--preview OUT.mp4" in fails(capsys, FACE, "-o", output, "--preview-pose")
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    assert "text.wav" in fails(capsys, text, "-o", output)
    text.unlink()
    assert list(tmp_path.iterdir()) == []


def test_a_picture_does_not_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "face.png"), np.zeros((64, 64, 3), np.uint8))
    assert "does not move" in fails(capsys, tmp_path / "face.png", "-o", tmp_path / "m.npz")


def test_speech_is_brought_to_the_faces_of_a_person(tmp_path: Path) -> None:
    person = tmp_path / "person.npz"
    assert main(["motion", str(FACE), "-o", str(person), "-q"]) == 0
    made = []
    for share in ("0", "1"):
        output = tmp_path / f"{share}.npz"
        arguments = ["motion", str(SPEECH), "-o", str(output), "--person", str(person), "--blink", "none", "-q"]
        assert main([*arguments, "--projection", share]) == 0
        made.append(load_motion(output).displacements)
    seen = load_motion(person).displacements[:, :48].reshape(-1, 144)

    def distance(frames: np.ndarray) -> np.float32:
        """Mean distance of faces, without lips, from the nearest that the person was seen with."""
        flat = frames[:, :48].reshape(len(frames), -1)
        result: np.float32 = np.linalg.norm(flat[:, None] - seen, axis=2).min(axis=1).mean()
        return result

    assert distance(made[1]) < 0.95 * distance(made[0])
    assert (made[0][:, 48:] == made[1][:, 48:]).all()  # the lips are left alone

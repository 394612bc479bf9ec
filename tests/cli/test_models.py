"""`visavox models` as a user types it."""

import json
from pathlib import Path

import pytest
import torch
from tests.models.small import save_small_generator
from tests.parity import published_shapes

from visavox.cli.main import main
from visavox.weights.registry import list_models


def test_list_shows_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "network", "size", "description"]
    assert [line.split()[0] for line in lines[1:]] == [model.name for model in list_models()]


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    assert [model["name"] for model in json.loads(capsys.readouterr().out)] == [model.name for model in list_models()]


def test_info_says_what_the_file_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save_small_generator(tmp_path / "small.safetensors")
    (tmp_path / "small.md").write_text("# small\n")
    assert main(["models", "info", str(path)]) == 0
    printed = capsys.readouterr().out
    for words in (
        "wav2lip",
        "aligned, 96 pixels",
        "opening_correlation  0.5",
        "CC0",
        "16 rows of 80 a second from 2 before the frame",
        "# small",
    ):
        assert words in printed
    assert main(["models", "info", str(path), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["quality"] == {"opening_correlation": 0.5}
    assert described["card"] == "# small\n"


def test_import_converts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "disc.pth", tmp_path / "disc.safetensors"
    torch.save({key: torch.tensor(0.5).expand(shape) for key, shape in published_shapes("quality").items()}, source)
    assert main(["models", "import", str(source), "-o", str(output)]) == 0
    assert "a visual quality discriminator converted from disc.pth" in capsys.readouterr().out
    assert main(["models", "import", str(source), "-o", str(output), "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"] == "quality"
    output.unlink()  # 57 MB


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["info", "nobody"], "there is no model 'nobody'"),
        (["info"], "NAME"),
        (["import", "missing.pth", "-o", "out.safetensors"], "there is no file missing.pth"),
        (["import", "missing.pth", "-o", "out.pth"], "must end in .safetensors"),
        (["import", "missing.pth"], "--output"),
        (["export"], "list, info, import"),
        ([], "list, info, import"),
    ],
)
def test_bad_input_gives_one_line_and_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["models", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert words in said
    assert list(tmp_path.iterdir()) == []

"""Whatever a user takes for weights is named by what it is, with what to do about it."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from visavox.errors import InputError
from visavox.runtime.file_kind import FileKind, diagnose
from visavox.weights.checkpoint import load_model


def saved(legacy: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(300)}, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def onnx_like() -> bytes:
    return b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x80\x01" + b"\x00\xff" * 40


KINDS = [
    (b"", FileKind.EMPTY, "is empty: the download failed"),
    (b"<!DOCTYPE html><html><body>Sign in", FileKind.WEB_PAGE, "is a web page: the link led to a sign-in"),
    (b"\xef\xbb\xbf\n <?xml version='1.0'?><Error/>", FileKind.WEB_PAGE, "is a web page"),
    (b'{"error": "quota exceeded"}\n', FileKind.TEXT, "is a text: perhaps the error message"),
    (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:b78b\nsize 435807851\n",
        FileKind.LFS_POINTER,
        "is a Git LFS pointer: .*git lfs pull",
    ),
    (saved(legacy=True), FileKind.LEGACY_PICKLE, r"visavox models import .* -o 'my model.safetensors'"),
    (saved(legacy=False), FileKind.ZIP_PICKLE, r"visavox models import .* -o 'my model.safetensors'"),
    (saved(legacy=False)[:700], FileKind.CUT_OFF_ZIP, "is a PyTorch or zip file that is cut off"),
    (zipped("m/code/a.py", "m/constants.pkl", "m/data.pkl"), FileKind.TORCHSCRIPT, "--allow-torchscript"),
    (zipped("wav2lip.pth"), FileKind.ZIP, "unpack it"),
    (pickle.dumps({"a": 1}), FileKind.OTHER_PICKLE, "may run code"),
    (onnx_like(), FileKind.ONNX, "is an ONNX network"),
    (bytes(range(200, 256)) * 4, FileKind.UNKNOWN, "is no weights file"),
    (b"\0" * 40, FileKind.UNKNOWN, "is no weights file"),
]


@pytest.mark.parametrize(("content", "kind", "words"), KINDS, ids=[f"{kind.name}-{len(c)}" for c, kind, _ in KINDS])
def test_each_kind_is_named(tmp_path: Path, content: bytes, kind: FileKind, words: str) -> None:
    path = tmp_path / "my model.pth"
    path.write_bytes(content)
    assert diagnose(path) is kind
    with pytest.raises(InputError, match=words):
        load_model(path)


def test_a_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory; give the weights file itself"):
        load_model(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        diagnose(tmp_path / "missing.pth")

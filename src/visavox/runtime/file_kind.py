"""Kind of a file that should hold weights, told from its first bytes before anything is loaded."""

from __future__ import annotations

import shlex
import zipfile
from enum import Enum
from pathlib import Path

from visavox.errors import InputError

_LEGACY_PICKLE = bytes.fromhex("80028a0a6cfc9c46f920")
"""Beginning of files of torch.save before PyTorch 1.6: a pickle of its magic number."""
_MAX_HEADER = 100_000_000
"""safetensors refuses longer headers."""


class FileKind(Enum):
    """Kind of file by its first bytes; the value completes 'this is ...'."""

    SAFETENSORS = "a .safetensors file"
    LEGACY_PICKLE = "a PyTorch pickle of the old kind"
    ZIP_PICKLE = "a PyTorch pickle"
    TORCHSCRIPT = "a TorchScript program"
    OTHER_PICKLE = "a Python pickle that torch.save did not write"
    EMPTY = "empty"
    WEB_PAGE = "a web page"
    TEXT = "a text"
    LFS_POINTER = "a Git LFS pointer"
    CUT_OFF_ZIP = "a PyTorch or zip file that is cut off"
    ZIP = "a zip archive without PyTorch weights in it"
    ONNX = "an ONNX network"
    UNKNOWN = "no weights file"


TORCH_PICKLES = (FileKind.LEGACY_PICKLE, FileKind.ZIP_PICKLE)
"""Kinds that torch.load reads."""


def diagnose(path: Path) -> FileKind:
    """Tell what a file is.

    Raises:
        InputError: there is no such file, it is a directory, or it may not be read.
    """
    if path.is_dir():
        raise InputError(f"{path} is a directory; give the weights file itself")
    try:
        with path.open("rb") as file:
            start = file.read(1024)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}; check the path") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if start.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    return _kind_of_start(start)


def _kind_of_start(start: bytes) -> FileKind:
    if not start:
        return FileKind.EMPTY
    if start.startswith(b"version https://git-lfs"):
        return FileKind.LFS_POINTER
    if len(start) > 8 and start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= _MAX_HEADER:
        return FileKind.SAFETENSORS
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return FileKind.WEB_PAGE  # HTML, or the XML with which a server says no
    if start.startswith(_LEGACY_PICKLE):
        return FileKind.LEGACY_PICKLE
    if start[:1] == b"\x80" and start[1:2] <= b"\x05":
        return FileKind.OTHER_PICKLE
    # An ONNX file is a protobuf whose first field is the version and whose second names the producer.
    if start[:1] == b"\x08" and any(name in start[:64] for name in (b"pytorch", b"onnx")):
        return FileKind.ONNX
    if start.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in start):
        return FileKind.TEXT
    return FileKind.UNKNOWN


def _kind_of_zip(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return FileKind.CUT_OFF_ZIP  # the table of contents is at the end
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return FileKind.TORCHSCRIPT
    return FileKind.ZIP_PICKLE if "data.pkl" in inner else FileKind.ZIP


def explain(path: Path, kind: FileKind) -> str:
    """Return why a file of this kind cannot be used as weights, and what to do about it."""
    convert = shlex.join(["visavox", "models", "import", str(path), "-o", f"{path.stem}.safetensors"])
    advice = {
        FileKind.LEGACY_PICKLE: f"a pickle can run code when it is read; convert it once: {convert}",
        FileKind.ZIP_PICKLE: f"a pickle can run code when it is read; convert it once: {convert}",
        FileKind.OTHER_PICKLE: "it may run code when it is read, and is not read; get the weights from their source",
        FileKind.TORCHSCRIPT: "it is code, not only weights; if you trust where it comes from, convert it once: "
        f"{convert} --allow-torchscript",
        FileKind.EMPTY: "the download failed; download it again",
        FileKind.WEB_PAGE: "the link led to a sign-in or error page; download it in a browser and check its size",
        FileKind.TEXT: "perhaps the error message of a failed download; look into it, and download the weights again",
        FileKind.LFS_POINTER: "it stands for the weights; get them with `git lfs pull` or download the file itself",
        FileKind.CUT_OFF_ZIP: "the download broke off; download it again",
        FileKind.ZIP: "unpack it and give the weights file inside",
        FileKind.ONNX: "it is for running only; give the PyTorch weights that it was made from",
        FileKind.UNKNOWN: "give a .safetensors file, or convert PyTorch weights with `visavox models import`",
    }
    return f"{path} is {kind.value}: {advice.get(kind, 'it can be used as it is')}"

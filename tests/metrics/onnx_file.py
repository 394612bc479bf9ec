"""A tiny ONNX network, written byte by byte: the mean colour of a picture, as an embedding of its face."""

from __future__ import annotations

from pathlib import Path


def _field(number: int, content: bytes | int | str) -> bytes:
    """Encode one field of a protocol buffer."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    content = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dimensions = b"".join(_field(1, _field(1, size)) for size in shape)
    tensor = _field(1, 1) + _field(2, dimensions)  # float32
    return _field(1, name) + _field(2, _field(1, tensor))


def save_mean_color(path: Path, size: int = 112) -> Path:
    """Write GlobalAveragePool then Flatten: (1, 3, size, size) to (1, 3)."""
    pool = _field(1, "picture") + _field(2, "pooled") + _field(3, "pool") + _field(4, "GlobalAveragePool")
    flatten = _field(1, "pooled") + _field(2, "embedding") + _field(3, "flat") + _field(4, "Flatten")
    graph = _field(1, pool) + _field(1, flatten) + _field(2, "mean")
    graph += _field(11, _value("picture", (1, 3, size, size))) + _field(12, _value("embedding", (1, 3)))
    path.write_bytes(_field(1, 8) + _field(2, "onnx") + _field(7, graph) + _field(8, _field(2, 13)))
    return path

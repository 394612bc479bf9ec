"""A short clip and a recording that is not its own, to try visavox with; README.md beside them says where from."""

from pathlib import Path

FACE = Path(__file__).with_name("face.mpg")
"""3 s, 360x288, 25 fps, one frontal face (GRID corpus, CC BY 4.0)."""

SPEECH = Path(__file__).with_name("speech.flac")
"""11 s of speech, mono, 24 kHz (public domain)."""

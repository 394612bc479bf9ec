"""A post-net on motion of any length."""

from __future__ import annotations

import numpy as np
import torch
from tests.models.motion.test_postnet import trained

from visavox.motion import manner
from visavox.motion.manner import Manner


def test_pieces_give_what_the_whole_gives(monkeypatch):
    motion = np.random.default_rng(0).normal(size=(57, 68, 3)).astype(np.float32)
    postnet = trained()
    with torch.no_grad():
        whole = postnet(torch.from_numpy(motion)[None])[0].numpy()
    monkeypatch.setattr(manner, "PIECE", 10)
    np.testing.assert_allclose(Manner(postnet)(motion), whole, atol=1e-4)
    assert Manner(postnet)(motion[:0]).shape == (0, 68, 3)

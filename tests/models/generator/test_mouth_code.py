"""What a renderer is asked for, of motion that was observed."""

from __future__ import annotations

import numpy as np
import torch

from visavox.models.generator.mouth_code import MouthCode


def test_what_is_shut_stays_shut_and_the_rest_grows_from_rest() -> None:
    code = MouthCode(3)
    code.rest.copy_(torch.tensor([-1.0, 0.5, 0.25]))
    code.motion_gain.fill_(1.25)
    rest = code.rest.numpy()
    numbers = np.stack([rest, rest + 1, rest - 0.5]).astype(np.float32)
    asked = code.driven(numbers, expressiveness=1.2, openness=0.8)
    assert np.allclose(asked[0], rest)
    assert np.allclose(asked[1] - rest, [1.25 * 1.2 * 0.8, 1.5, 1.5])
    assert asked[2, 0] == rest[0]
    assert np.allclose(asked[2, 1:] - rest[1:], -0.75)

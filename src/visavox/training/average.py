"""The running average of a network's weights, which is what is validated and shipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of everything in a state dict that is not an integer.

    The decay warms up as (1 + step) / (10 + step), so that the random start is soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move the average towards the weights after update number `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                self.state[name].lerp_(tensor, 1 - decay)
            else:
                self.state[name].copy_(tensor)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take back a saved `state`.

        Raises:
            KeyError: a name is missing.
            RuntimeError: a shape differs.
        """
        for name, tensor in self.state.items():
            tensor.copy_(state[name])

    @contextmanager
    def applied_to(self, module: nn.Module) -> Iterator[None]:
        """Let the module hold the average, in eval mode, while the block runs."""
        training = module.training
        live: dict[str, Tensor] = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        module.load_state_dict(self.state)
        module.eval()
        try:
            yield
        finally:
            module.load_state_dict(live)
            module.train(training)

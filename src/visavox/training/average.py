"""The running average of a network's weights, which is what is validated and shipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class WeightAverage(AveragedModel):
    """Exponential moving average of the weights and buffers of a network; integers are taken over as they are.

    The decay warms up as (1 + step) / (10 + step), so that the random start is soon forgotten.

    Args:
        module: the network; the average begins with the weights that it has now.
        decay: largest decay, in [0, 1).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        super().__init__(module, multi_avg_fn=self._move, use_buffers=True)
        self.decay = decay
        # At 0 the first update would be a copy.
        self.n_averaged.fill_(1)

    @torch.no_grad()
    def _move(self, averages: Sequence[Tensor], weights: Sequence[Tensor], step: Tensor | int) -> None:
        """Move tensors of one type towards the weights after update number `step`, which is 1 for the first."""
        # Not `step`, which may be on a GPU that would have to be waited for.
        number = int(self.n_averaged)
        decay = min(self.decay, (1 + number) / (10 + number))
        for average, weight in zip(averages, weights, strict=True):
            if average.is_floating_point():
                average.lerp_(weight, 1 - decay)
            else:
                average.copy_(weight)

    @contextmanager
    def applied_to(self, module: nn.Module) -> Iterator[None]:
        """Let the module hold the average, in eval mode, while the block runs."""
        training = module.training
        live: dict[str, Tensor] = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        module.load_state_dict(self.module.state_dict())
        module.eval()
        try:
            yield
        finally:
            module.load_state_dict(live)
            module.train(training)

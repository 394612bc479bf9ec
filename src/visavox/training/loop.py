"""Training loop: the same for every task, with the running average of the weights that is validated and shipped.

The samples of a batch, the learning rate and everything that is drawn are functions of the step number, so a run that
was interrupted and resumed gives the numbers of one that was not.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Sampler

from visavox.errors import Cancelled, InputError, TrainingError
from visavox.progress import QUIET, Bar, Progress
from visavox.training.processes import average_gradients, leave_signals_to_parent, share_statistics
from visavox.training.recipe import LoopSettings, learning_rate
from visavox.training.run_folder import RunFolder, translate_average
from visavox.training.task import Batch, OptimizerStep, TrainingTask, Validation
from visavox.types import PathLike

if TYPE_CHECKING:
    from lightning.fabric import Fabric
logger = logging.getLogger(__name__)


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


class _SampleNumbers(Sampler[int]):
    """Numbers of the samples that one process draws from a step on: those that an uninterrupted run would draw.

    Each step takes the next numbers, the first process the first of them, its first micro-batch the first of those.
    """

    def __init__(self, first_step: int, settings: LoopSettings, rank: int, world_size: int) -> None:
        self.steps = range(first_step, settings.steps)
        self.samples, self.rank, self.world_size = settings.samples, rank, world_size

    def __iter__(self) -> Iterator[int]:
        for step in self.steps:
            first = (step * self.world_size + self.rank) * self.samples
            yield from range(first, first + self.samples)

    def __len__(self) -> int:
        return len(self.steps) * self.samples


class RunComplete(InputError):
    """Nothing is left to do in a run that was to be resumed.

    Attributes:
        task: the task as the run's last checkpoint left it.
    """

    def __init__(self, message: str, task: TrainingTask) -> None:
        super().__init__(message)
        self.task = task


class Trainer:
    """Trains one task into one run folder."""

    def __init__(
        self, task: TrainingTask, settings: LoopSettings, run: PathLike, fabric: Fabric, config: dict[str, Any]
    ) -> None:
        """Prepare to train.

        Args:
            task: networks, losses and data.
            settings: length and speed.
            run: folder of the run.
            fabric: device and precision; launched, if it has several processes.
            config: record of the run that is compared when it is resumed; `summary` goes into the weights.
        """
        self.task = task
        self.settings = settings
        self.folder = RunFolder(run)
        self.fabric = fabric
        self.config = config
        self.step = 0
        self.best_score = math.inf
        self.average = WeightAverage(task.averaged(), settings.average_decay)

    def fit(self, progress: Progress = QUIET, *, resume: bool = False) -> dict[str, float]:
        """Train until the last step; return the metrics of the last validation.

        Once it is cancelled, the step is finished and a checkpoint written.

        Raises:
            Cancelled: the run was stopped; the sentence says where it can be gone on from.
            InputError: the run folder holds another run, or none to resume; `RunComplete` where it has all its steps.
            TrainingError: losses are no longer numbers.
        """
        progress.raise_if_cancelled()
        self._open_run(resume)
        try:
            return self._train(progress)
        finally:
            self.folder.close()

    def seconds_per_step(self, num_steps: int = 12) -> float:
        """Measure the time of an update here, its batch included, by updates that are undone again."""
        parts: list[Any] = [*self.task.modules.values(), *self.task.optimizers.values()]
        before, first_step = copy.deepcopy([part.state_dict() for part in parts]), self.step
        times = [time.perf_counter()]
        for micro_batches in self._batches():
            self._update(self.task.optimizer_steps(), micro_batches)
            self.step += 1
            times.append(time.perf_counter())
            if len(times) > num_steps:
                break
        for part, state in zip(parts, before, strict=True):
            part.load_state_dict(state)
        self.step = self.task.step = first_step
        # The first steps wait for processes to start, and then take what these have in store.
        return float(np.mean(np.diff(times)[num_steps // 2 :]))

    def _train(self, progress: Progress) -> dict[str, float]:
        settings, steps = self.settings, self.task.optimizer_steps()
        metrics: dict[str, float] = {}
        begin = f"training from step {self.step}" if self.step else "training"
        with progress.shielded().bar(begin, settings.steps - self.step, unit="step") as bar:
            for micro_batches in self._batches():
                # Dropout and everything else that is drawn inside a step starts from the step's own number.
                number = self.step * self.fabric.world_size + self.fabric.global_rank
                torch.manual_seed((settings.seed << 32) + number)
                losses = self._update(steps, micro_batches)
                self.step += 1
                stop = share_statistics(self.fabric, self.task.modules.values(), progress.is_cancelled)
                self.average.update_parameters(self.task.averaged())
                last = self.step == settings.steps
                if self.step % settings.log_every == 0:
                    self._log(losses, bar)
                if self.step % settings.validate_every == 0 or last:
                    metrics = self._validate()
                if self.step % settings.save_every == 0 or last or stop:
                    self.save()
                bar.update(1)
                if stop:
                    raise Cancelled(self._stopped())
        return metrics

    def _stopped(self) -> str:
        """Say how a run that was cancelled goes on."""
        if self.step == self.settings.steps:  # what would come after this training is not to begin
            return f"the training is complete, in {self.folder.path}; nothing after it was begun"
        return (
            f"the training stopped after step {self.step} of {self.settings.steps}, which "
            f"{self.folder.checkpoint} holds; resume the run to go on from there"
        )

    def save(self) -> None:
        """Write the checkpoint; the one before it stays until the new one is whole."""
        if not self.fabric.is_global_zero:
            return
        task = self.task
        state = {
            "step": self.step,
            "best_score": self.best_score,
            "modules": {name: module.state_dict() for name, module in task.modules.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in task.optimizers.items()},
            "average": self.average.state_dict(),
            "extra": task.extra_state(),
        }
        self.folder.save_checkpoint(state)

    def load(self) -> None:
        """Take up the checkpoint of the run folder.

        Raises:
            InputError: it is damaged, or of networks of other dimensions.
        """
        state = self.folder.load_checkpoint()
        try:
            self.step, self.best_score = state["step"], state["best_score"]
            state = self.task.converted_checkpoint(state)
            for name, module in self.task.modules.items():
                module.load_state_dict(state["modules"][name])
            for name, optimizer in self.task.optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
            self.average.load_state_dict(translate_average(state["average"], self.step))
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.folder.checkpoint} is of another recipe ({str(error).splitlines()[0]}); resume it with the "
                "recipe that it was started with"
            ) from error
        self.task.step = self.step
        self.task.load_extra_state(state["extra"])

    def _open_run(self, resume: bool) -> None:
        if self.fabric.is_global_zero:
            self.folder.check(resume=resume)
        if resume:
            self.folder.check_same(self.config)
        with self.fabric.autocast(), torch.no_grad():
            self.best_score = self.task.baseline()
        if resume:
            self.load()
            if self.step >= self.settings.steps:
                raise RunComplete(
                    f"{self.folder.path} is complete, with {self.step} steps; give more by --steps", self.task
                )
        if self.fabric.is_global_zero:
            self.folder.open(self.config, step=self.step)

    def _batches(self) -> Iterator[list[Batch]]:
        """Draw the micro-batches of every step that is left."""
        settings, world = self.settings, self.fabric.world_size
        dataset = self.task.dataset(settings.seed, settings.steps * settings.samples * world)
        loader = DataLoader(
            dataset,
            batch_size=settings.batch_size,
            sampler=_SampleNumbers(self.step, settings, self.fabric.global_rank, world),
            num_workers=settings.workers,
            worker_init_fn=leave_signals_to_parent,
            pin_memory=self.fabric.device.type == "cuda",
            persistent_workers=settings.workers > 0,
            prefetch_factor=4 if settings.workers > 0 else None,
        )
        batches = iter(loader)
        while micro_batches := list(islice(batches, settings.accumulate)):
            yield [
                {name: tensor.to(self.fabric.device, non_blocking=True) for name, tensor in batch.items()}
                for batch in micro_batches
            ]

    def _update(self, steps: list[OptimizerStep[Any]], micro_batches: list[Batch]) -> dict[str, float]:
        """Make one update of every optimiser; return learning rate, losses and gradient norms for the log."""
        rate = learning_rate(self.step, self.settings)
        self.task.step = self.step + 1
        logged = {"learning_rate": rate}
        for step in steps:
            for group in step.optimizer.param_groups:
                group["lr"] = rate * group.get("rate_factor", 1.0)
            step.optimizer.zero_grad(set_to_none=True)
            total, losses = self._accumulate(step, micro_batches)
            parameters = [p for group in step.optimizer.param_groups for p in group["params"] if p.grad is not None]
            mean = average_gradients(self.fabric, parameters, total)
            norm = torch.nn.utils.clip_grad_norm_(parameters, self.settings.gradient_clip)
            # Before the step: weights and checkpoint stay what they were.
            self._check_finite(step.name, losses, mean, norm)
            step.optimizer.step()
            if (self.step + 1) % self.settings.log_every == 0:
                logged |= {f"{step.name}/{name}": value for name, value in _means(losses).items()}
                logged[f"{step.name}/gradient_norm"] = float(norm)
        return logged

    def _accumulate(
        self, step: OptimizerStep[Any], micro_batches: list[Batch]
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        """Add up the gradients of the mean over micro-batches; return that mean, and the losses of each."""
        totals, losses = [], []
        for batch in micro_batches:
            with self.fabric.autocast():
                total, parts = step.compute(batch)
                total = total / len(micro_batches)
            self.fabric.backward(total)
            totals.append(total.detach())
            losses.append({name: loss.detach() for name, loss in parts.items()})
        return sum(totals[1:], start=totals[0]), losses

    def _check_finite(self, name: str, losses: list[dict[str, Tensor]], total: Tensor, norm: Tensor) -> None:
        if torch.isfinite(total + norm):
            return
        values = ", ".join(f"{loss} {value:.4g}" for loss, value in _means(losses).items())
        kept = self.folder.checkpoint
        after = f"resume from {kept}" if kept.is_file() else "start again"
        raise TrainingError(
            f"in step {self.step + 1} the losses of the {name} or their gradients are no longer numbers "
            f"({values}, gradient {float(norm):.4g}); {after} with a smaller --learning-rate or --precision 32-true"
        )

    def _validate(self) -> dict[str, float]:
        """Validate in the first process; the result steers all of them."""
        found: Validation | None = None
        if self.fabric.is_global_zero:
            network = self.task.averaged()
            with self.average.applied_to(network), torch.no_grad(), self.fabric.autocast():
                found = self.task.validate()
                self._keep_best(found)
            self.folder.log("validation", self.step, found.metrics | {"score": found.score}, prefix="validation/")
            if found.images is not None:
                self.folder.show(found.images, self.step)
        if self.fabric.world_size > 1:
            found, self.best_score, extra = self.fabric.broadcast((found, self.best_score, self.task.extra_state()))
            self.task.load_extra_state(extra)
        assert found is not None
        return found.metrics

    def _keep_best(self, found: Validation) -> None:
        if not math.isfinite(found.score):
            logger.warning("the validation after step %d gave no number; its weights are not kept", self.step)
        if found.score < self.best_score:
            self.best_score = found.score
            settings, world = self.settings, self.fabric.world_size
            batch = f"{settings.batch_size}" + (f" times {settings.accumulate}" if settings.accumulate > 1 else "")
            batch += f" in each of {world} processes" if world > 1 else ""
            training = f"{self.step} steps of {batch}, seed {settings.seed}, {self.config['summary']}"
            self.task.export(str(self.folder.best), training, found.metrics)

    def _log(self, losses: dict[str, float], bar: Bar) -> None:
        if self.fabric.is_global_zero:
            shown = [f"{name.partition('/')[2]} {value:.3g}" for name, value in losses.items() if "/" in name]
            bar.note(", ".join(shown))
            self.folder.log("losses", self.step, losses)


def _means(losses: list[dict[str, Tensor]]) -> dict[str, float]:
    """Mean of each loss over micro-batches."""
    return {name: sum(float(part[name]) for part in losses) / len(losses) for name in losses[0]}

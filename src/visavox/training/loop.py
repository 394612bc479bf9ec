"""The loop that trains every stage.

What a batch holds, how fast the optimisers go and what chance brings are functions of the step number, so a run
that was interrupted and resumed gives the numbers of one that was not.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from visavox.errors import InputError, TrainingError
from visavox.progress import QUIET, Progress
from visavox.training.average import WeightAverage
from visavox.training.interruption import StopRequest, ignore_interruptions
from visavox.training.processes import average_gradients, share_statistics
from visavox.training.run_folder import RunFolder
from visavox.training.stage import Batch, Losses, Stage, Turn, Validation, weighted_total
from visavox.types import PathLike

if TYPE_CHECKING:
    from lightning.fabric import Fabric

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoopSettings:
    """How long, how fast and how carefully to train."""

    steps: int
    """Updates in all."""
    batch_size: int
    """Samples of one update."""
    learning_rate: float
    """Largest learning rate; it rises over `warmup` steps and then falls to a hundredth along a cosine."""
    warmup: int = 200
    """Steps until the learning rate is reached."""
    gradient_clip: float = 1.0
    """Largest norm of a turn's gradient."""
    average_decay: float = 0.999
    """Decay of the running average of the weights."""
    validate_every: int = 500
    """Steps between two validations."""
    save_every: int = 500
    """Steps between two checkpoints."""
    log_every: int = 25
    """Steps between two entries of the log."""
    workers: int = 1
    """Processes that prepare batches; 0 prepares them in the loop."""
    precision: str = "bf16-mixed"
    """Fabric's precision: `32-true` or `bf16-mixed`."""
    seed: int = 0
    """Where all chance comes from."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for name in ("steps", "validate_every", "save_every", "log_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give 1 or more.")
        if self.batch_size < 2:
            raise InputError(f"a batch of {self.batch_size}; give 2 or more, for batch normalisation has to compare.")
        if not self.learning_rate > 0:
            raise InputError(f"the learning rate is {self.learning_rate:g}; give a number above 0.")
        if self.workers < 0:
            raise InputError(f"{self.workers} workers; give 0 (none but this process) or more.")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"the seed is {self.seed}; give 0 to {2**31 - 1}.")


class _Numbers(Sampler[int]):
    """Numbers of the samples that one process draws from a step on: those that an uninterrupted run would draw.

    Each step takes the next numbers, the first process the first of them.
    """

    def __init__(self, first_step: int, settings: LoopSettings, rank: int, world_size: int) -> None:
        self.steps = range(first_step, settings.steps)
        self.batch_size, self.rank, self.world_size = settings.batch_size, rank, world_size

    def __iter__(self) -> Iterator[int]:
        for step in self.steps:
            first = (step * self.world_size + self.rank) * self.batch_size
            yield from range(first, first + self.batch_size)

    def __len__(self) -> int:
        return len(self.steps) * self.batch_size


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Learning rate of update number `step`: linear warm-up, then a cosine down to a hundredth."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


class Trainer:
    """Trains one stage into one run folder."""

    def __init__(
        self, stage: Stage, settings: LoopSettings, run: PathLike, fabric: Fabric, config: dict[str, Any]
    ) -> None:
        """Prepare to train.

        Args:
            stage: what to train.
            settings: how.
            run: folder of the run.
            fabric: where; launched, if it has several processes.
            config: what is written down of the run and compared when it is resumed; `summary` goes into the weights.
        """
        self.stage = stage
        self.settings = settings
        self.folder = RunFolder(run)
        self.fabric = fabric
        self.config = config
        self.step = 0
        self.best_score = math.inf
        self.average = WeightAverage(stage.averaged(), settings.average_decay)

    def fit(self, progress: Progress = QUIET, *, resume: bool = False) -> dict[str, float]:
        """Train until the last step; return the figures of the last validation.

        After Ctrl-C the step is finished and a checkpoint written, then KeyboardInterrupt is raised.

        Raises:
            InputError: the run folder holds another run, or none to resume.
            TrainingError: losses are no longer numbers.
        """
        self._open_run(resume)
        try:
            with StopRequest() as request:
                figures = self._train(progress, request)
                # Ctrl-C in the last step: all is saved, and what would come after this training is not to begin.
                request.deliver()
                return figures
        finally:
            self.folder.close()

    def seconds_per_step(self, num_steps: int = 12) -> float:
        """Measure how long an update takes here, its batch included, by updates that are undone again."""
        parts: list[Any] = [*self.stage.modules.values(), *self.stage.optimizers.values()]
        before = copy.deepcopy([part.state_dict() for part in parts])
        times = [time.perf_counter()]
        for batch in self._batches():
            self._update(self.stage.turns(), batch)
            times.append(time.perf_counter())
            if len(times) > num_steps:
                break
        for part, state in zip(parts, before, strict=True):
            part.load_state_dict(state)
        # The first steps wait for processes to start, and then take what these have in store.
        return float(np.mean(np.diff(times)[num_steps // 2 :]))

    def _train(self, progress: Progress, request: StopRequest) -> dict[str, float]:
        settings, turns = self.settings, self.stage.turns()
        figures: dict[str, float] = {}
        begin = f"training from step {self.step}" if self.step else "training"
        with progress.bar(begin, settings.steps - self.step, unit="step") as bar:
            for batch in self._batches():
                # Dropout and whatever else draws inside a step starts from the step's own number.
                number = self.step * self.fabric.world_size + self.fabric.global_rank
                torch.manual_seed((settings.seed << 32) + number)
                losses = self._update(turns, batch)
                self.step += 1
                stop = share_statistics(self.fabric, self.stage.modules.values(), request.number is not None)
                self.average.update(self.stage.averaged(), self.step)
                last = self.step == settings.steps
                if self.step % settings.log_every == 0:
                    self._log(losses, progress)
                if self.step % settings.validate_every == 0 or last:
                    figures = self._validate()
                if self.step % settings.save_every == 0 or last or stop:
                    self.save()
                bar.update(1)
                if stop and not last:
                    request.deliver()
                    raise KeyboardInterrupt
        return figures

    def save(self) -> None:
        """Write the checkpoint; the one before it stays until the new one is whole."""
        if not self.fabric.is_global_zero:
            return
        stage = self.stage
        state = {
            "step": self.step,
            "best_score": self.best_score,
            "modules": {name: module.state_dict() for name, module in stage.modules.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in stage.optimizers.items()},
            "average": self.average.state,
            "extra": stage.extra_state(),
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
            for name, module in self.stage.modules.items():
                module.load_state_dict(state["modules"][name])
            for name, optimizer in self.stage.optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
            self.average.load(state["average"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.folder.checkpoint} is of another recipe ({str(error).splitlines()[0]}); resume it with the "
                "recipe that it was started with."
            ) from error
        self.stage.load_extra_state(state["extra"])

    def _open_run(self, resume: bool) -> None:
        if self.fabric.is_global_zero:
            self.folder.check(resume=resume)
        if resume:
            self.folder.check_same(self.config)
            self.load()
            if self.step >= self.settings.steps:
                raise InputError(f"{self.folder.path} is complete, with {self.step} steps; give more by --steps.")
        if self.fabric.is_global_zero:
            self.folder.open(self.config, step=self.step)

    def _batches(self) -> Iterator[Batch]:
        settings, world = self.settings, self.fabric.world_size
        dataset = self.stage.dataset(settings.seed, settings.steps * settings.batch_size * world)
        loader = DataLoader(
            dataset,
            batch_size=settings.batch_size,
            sampler=_Numbers(self.step, settings, self.fabric.global_rank, world),
            num_workers=settings.workers,
            worker_init_fn=ignore_interruptions,
            pin_memory=self.fabric.device.type == "cuda",
            persistent_workers=settings.workers > 0,
            prefetch_factor=4 if settings.workers > 0 else None,
        )
        for batch in loader:
            yield {name: tensor.to(self.fabric.device, non_blocking=True) for name, tensor in batch.items()}

    def _update(self, turns: list[Turn], batch: Batch) -> dict[str, float]:
        rate = learning_rate(self.step, self.settings)
        seen = {"learning_rate": rate}
        for turn in turns:
            for group in turn.optimizer.param_groups:
                group["lr"] = rate * group.get("rate_factor", 1.0)
            with self.fabric.autocast():
                losses = turn.losses(batch)
                total = weighted_total(losses, turn.weights())
            turn.optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(total)
            parameters = [p for group in turn.optimizer.param_groups for p in group["params"] if p.grad is not None]
            mean = average_gradients(self.fabric, parameters, total)
            norm = torch.nn.utils.clip_grad_norm_(parameters, self.settings.gradient_clip)
            # Before the step: weights and checkpoint stay what they were.
            self._check_finite(turn, losses, mean, norm)
            turn.optimizer.step()
            if (self.step + 1) % self.settings.log_every == 0:
                seen |= {f"{turn.name}/{name}": float(loss.detach()) for name, loss in losses.items()}
                seen[f"{turn.name}/gradient_norm"] = float(norm)
        return seen

    def _check_finite(self, turn: Turn, losses: Losses, total: Tensor, norm: Tensor) -> None:
        if torch.isfinite(total + norm):
            return
        values = ", ".join(f"{name} {float(loss.detach()):.4g}" for name, loss in losses.items())
        kept = self.folder.checkpoint
        after = f"resume from {kept}" if kept.is_file() else "start again"
        raise TrainingError(
            f"in step {self.step + 1} the losses of the {turn.name} or their gradients are no longer numbers "
            f"({values}, gradient {float(norm):.4g}); {after} with a smaller --learning-rate or --precision 32-true."
        )

    def _validate(self) -> dict[str, float]:
        """Validate in the first process; what it found steers all of them."""
        found: Validation | None = None
        if self.fabric.is_global_zero:
            network = self.stage.averaged()
            with self.average.applied_to(network), torch.no_grad(), self.fabric.autocast():
                found = self.stage.validate()
                self._keep_best(found)
            self.folder.log("validation", self.step, found.figures | {"score": found.score}, prefix="validation/")
            if found.pictures is not None:
                self.folder.show(found.pictures, self.step)
        if self.fabric.world_size > 1:
            found, self.best_score, extra = self.fabric.broadcast((found, self.best_score, self.stage.extra_state()))
            self.stage.load_extra_state(extra)
        assert found is not None
        return found.figures

    def _keep_best(self, found: Validation) -> None:
        if not math.isfinite(found.score):
            logger.warning("the validation after step %d gave no number; its weights are not kept", self.step)
        if found.score < self.best_score:
            self.best_score = found.score
            settings, world = self.settings, self.fabric.world_size
            batch = f"{settings.batch_size}" + (f" in each of {world} processes" if world > 1 else "")
            training = f"{self.step} steps of {batch}, seed {settings.seed}, {self.config['summary']}"
            self.stage.export(str(self.folder.best), training, found.figures)

    def _log(self, losses: dict[str, float], progress: Progress) -> None:
        if self.fabric.is_global_zero:
            shown = [f"{name.partition('/')[2]} {value:.3g}" for name, value in losses.items() if "/" in name]
            progress.note(", ".join(shown))
            self.folder.log("losses", self.step, losses)

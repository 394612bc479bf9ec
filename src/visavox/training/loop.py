"""The loop that trains every stage.

What a batch holds, how fast the optimisers go and what chance brings are functions of the step number, so a run
that was interrupted and resumed gives the numbers of one that was not.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch.utils.data import DataLoader, Sampler

from visavox.errors import InputError, TrainingError
from visavox.progress import QUIET, Progress
from visavox.training.average import WeightAverage
from visavox.training.stage import Batch, Stage, Turn, Validation, weighted_total

CHECKPOINT_NAME = "last.ckpt"
BEST_NAME = "best.safetensors"
CONFIG_NAME = "config.json"


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


class _FromStep(Sampler[int]):
    """Sample numbers from a step on, so that a resumed run draws what an uninterrupted one would."""

    def __init__(self, start: int, stop: int) -> None:
        self.numbers = range(start, stop)

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Learning rate of update number `step`: linear warm-up, then a cosine down to a hundredth."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


class Trainer:
    """Trains one stage into one run folder."""

    def __init__(
        self, stage: Stage, settings: LoopSettings, run: str | os.PathLike[str], fabric: Fabric, config: dict[str, Any]
    ) -> None:
        self.stage = stage
        self.settings = settings
        self.run = Path(run)
        self.fabric = fabric
        self.config = config
        self.step = 0
        self.best_score = math.inf
        self.average = WeightAverage(stage.averaged(), settings.average_decay)
        self._writer: Any = None

    def fit(self, progress: Progress = QUIET, *, resume: bool = False) -> dict[str, float]:
        """Train until the last step; return the figures of the last validation.

        Raises:
            InputError: the run folder holds another run, or none to resume.
            TrainingError: losses are no longer numbers.
        """
        self._open_run(resume)
        settings = self.settings
        turns = self.stage.turns()
        figures: dict[str, float] = {}
        with progress.bar("training", settings.steps, unit="step") as bar:
            bar.update(self.step)
            for batch in self._batches():
                # Dropout and whatever else draws inside a step starts from the step's own number.
                torch.manual_seed((settings.seed << 32) + self.step)
                losses = self._update(turns, batch)
                self.step += 1
                self.average.update(self.stage.averaged(), self.step)
                if self.step % settings.log_every == 0:
                    self._log(losses)
                last = self.step == settings.steps
                if self.step % settings.validate_every == 0 or last:
                    figures = self._validate()
                if self.step % settings.save_every == 0 or last:
                    self.save()
                bar.update(1)
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
        temporary = self.run / f".{CHECKPOINT_NAME}.part"
        torch.save(state, temporary)
        os.replace(temporary, self.run / CHECKPOINT_NAME)

    def load(self) -> None:
        """Take up the checkpoint of the run folder."""
        state = torch.load(self.run / CHECKPOINT_NAME, weights_only=True, map_location="cpu")
        self.step, self.best_score = state["step"], state["best_score"]
        for name, module in self.stage.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimizer in self.stage.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.average.state = {name: tensor.to(self.fabric.device) for name, tensor in state["average"].items()}
        self.stage.load_extra_state(state["extra"])

    def _open_run(self, resume: bool) -> None:
        checkpoint = self.run / CHECKPOINT_NAME
        if resume:
            if not checkpoint.is_file():
                raise InputError(f"{self.run} has no {CHECKPOINT_NAME} to resume from; start the run without --resume.")
            self.load()
        elif checkpoint.exists():
            raise InputError(f"{self.run} holds a run already; go on with it by --resume, or choose another folder.")
        self.run.mkdir(parents=True, exist_ok=True)
        (self.run / CONFIG_NAME).write_text(json.dumps(self.config, indent=2, default=str) + "\n", encoding="utf-8")

    def _batches(self) -> Iterator[Batch]:
        settings, world = self.settings, self.fabric.world_size
        length = settings.steps * settings.batch_size
        dataset = self.stage.dataset(settings.seed * world + self.fabric.global_rank, length)
        loader = DataLoader(
            dataset,
            batch_size=settings.batch_size,
            sampler=_FromStep(self.step * settings.batch_size, length),
            num_workers=settings.workers,
            pin_memory=self.fabric.device.type == "cuda",
            persistent_workers=settings.workers > 0,
            prefetch_factor=4 if settings.workers > 0 else None,
        )
        for batch in loader:
            yield {name: tensor.to(self.fabric.device, non_blocking=True) for name, tensor in batch.items()}

    def _update(self, turns: list[Turn], batch: Batch) -> dict[str, float]:
        seen: dict[str, float] = {}
        for turn in turns:
            for group in turn.optimizer.param_groups:
                group["lr"] = learning_rate(self.step, self.settings) * group.get("rate_factor", 1.0)
            with self.fabric.autocast():
                losses = turn.losses(batch)
                total = weighted_total(losses, turn.weights())
            if not torch.isfinite(total):
                values = {name: float(loss) for name, loss in losses.items()}
                raise TrainingError(
                    f"step {self.step}, turn {turn.name}: the losses are no longer numbers ({values}); "
                    "resume from the last checkpoint with a smaller learning rate, or with --precision 32-true."
                )
            turn.optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(total)
            parameters = [p for group in turn.optimizer.param_groups for p in group["params"] if p.grad is not None]
            torch.nn.utils.clip_grad_norm_(parameters, self.settings.gradient_clip)
            turn.optimizer.step()
            if (self.step + 1) % self.settings.log_every == 0:
                seen |= {f"{turn.name}/{name}": float(loss.detach()) for name, loss in losses.items()}
        return seen

    def _validate(self) -> dict[str, float]:
        network = self.stage.averaged()
        with self.average.applied_to(network), torch.no_grad(), self.fabric.autocast():
            found = self.stage.validate()
            if found.score < self.best_score and self.fabric.is_global_zero:
                self.best_score = found.score
                settings = self.settings
                training = f"{self.step} steps of {settings.batch_size}, seed {settings.seed}, {self.config['summary']}"
                self.stage.export(str(self.run / BEST_NAME), training, found.figures)
        self._log_validation(found)
        return found.figures

    def _log(self, losses: dict[str, float]) -> None:
        if not self.fabric.is_global_zero:
            return
        for name, value in losses.items():
            self._scalars().add_scalar(name, value, self.step)
        self._append("losses", losses)

    def _log_validation(self, found: Validation) -> None:
        if not self.fabric.is_global_zero:
            return
        for name, value in found.figures.items():
            self._scalars().add_scalar(f"validation/{name}", value, self.step)
        if found.pictures is not None:
            self._scalars().add_image("validation", found.pictures, self.step, dataformats="HWC")
            import cv2

            cv2.imwrite(str(self.run / "validation.png"), cv2.cvtColor(found.pictures, cv2.COLOR_RGB2BGR))
        self._append("validation", found.figures | {"score": found.score})

    def _append(self, kind: str, values: dict[str, float]) -> None:
        """One line of JSON a log entry, so that a run can be read without TensorBoard."""
        with (self.run / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(
                json.dumps({"step": self.step, "kind": kind} | {k: round(v, 6) for k, v in values.items()}) + "\n"
            )

    def _scalars(self) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.run / "tensorboard"))
        return self._writer


def settings_as_dict(settings: Any) -> dict[str, Any]:
    """Return a settings dataclass as plain data, for the checkpoint and the log."""
    return asdict(settings)

"""Recipe: a named, fully written-out training configuration."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Generic, TypeVar

from visavox.training.schedule import LoopSettings, loop_of_steps

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Recipe(Generic[Settings]):
    """Task, network, samples, losses and schedule of a training."""

    task: str
    """Name of the task in `visavox.training.tasks.TASKS`."""
    settings: Settings
    """Network, samples and losses."""
    loop: LoopSettings
    """Length and speed."""

    def of_steps(self, steps: int) -> Recipe[Settings]:
        """Give the recipe another length; settings that name a step move with it."""
        settings: Any = self.settings
        if hasattr(settings, "of_length"):
            settings = settings.of_length(steps / self.loop.steps)
        return replace(self, settings=settings, loop=loop_of_steps(self.loop, steps))

    def identity(self) -> dict[str, Any]:
        """Return what decides the result, as it was before gradients could be accumulated where they are not."""
        loop = asdict(self.loop)
        if self.loop.accumulate == 1:
            del loop["accumulate"]
        return {"stage": asdict(self.settings), "loop": loop}  # type: ignore[call-overload]

"""Training: one loop for every task, and the table of tasks.

`run.train` finds the task of a recipe (`recipe`, `tasks`) and runs it in the `loop`; `task` is what a task has to be,
`run_folder` where a run is kept, `divergence` what notices that it goes wrong, `processes` several of them at once.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""From videos of a person and a generator to that person's generator: `visavox adapt`, as a function."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from visavox.adaptation.checks import Job, check, choose_settings
from visavox.adaptation.footage import gather
from visavox.adaptation.held_out import HeldOut
from visavox.adaptation.learning import Learned, learn
from visavox.adaptation.result import AFTER, AS_IT_WAS, BEFORE, AdaptResult, quality_of
from visavox.adaptation.settings import AdaptSettings
from visavox.errors import InputError
from visavox.models.generator.generator import LipSyncGenerator
from visavox.progress import QUIET, Progress
from visavox.runtime.files import write_whole
from visavox.types import PathLike
from visavox.weights.checkpoint import load_model, read_tensors, save_model, write_weights
from visavox.weights.weights_file import ModelCard, edited

logger = logging.getLogger(__name__)

JOB_NAME = "adapt.json"
"""What a work folder was begun with."""


def adapt(
    video: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: PathLike = "wav2lip",
    expert: PathLike | None = None,
    work: PathLike | None = None,
    settings: AdaptSettings | None = None,
    progress: Progress = QUIET,
    **options: Any,
) -> AdaptResult:
    """Fit a generator to one person's footage, and measure before and after on seconds that it did not learn from.

        visavox.adapt("person.mp4", "person.safetensors", minutes=10)

    Where several videos are given, a script must call this under `if __name__ == "__main__":`, because they are
    prepared by several processes.

    Args:
        video: a video, several, or folders of videos, all of the same person.
        output: the weights file to write (.safetensors); `dub` takes it as its model.
        model: name or path of the generator to begin with.
        expert: name or path of an expert of the generator's resolution that judges the sync while the generator
            learns; by default nobody does.
        work: folder for prepared clips, checkpoints and measured videos. The same call goes on where an
            interrupted one stopped. None works in a temporary folder.
        settings: how it is done.
        progress: where bars are drawn; by default nowhere.
        **options: fields of `AdaptSettings` that differ from `settings`.

    Returns:
        What was learned and what it brought. Where no part became better on the validation seconds, the output
        holds the generator as it came.

    Raises:
        InputError: something given cannot be used; said before the work wherever it can be known. Nothing is left
            under the name of the output.
        TrainingError: losses are no longer numbers.
    """
    job = check(video, output, model, expert, choose_settings(settings, options))
    with _work_folder(work, job) as folder:
        footage = gather(job, folder / "dataset", progress)
        ruler = HeldOut(footage.held_out, folder / "held-out", progress)
        device = job.settings.device
        figures = {
            AS_IT_WAS: ruler.as_it_was(),
            BEFORE: ruler.dubbed(job.start.path, "before", device=device),
        }
        learned = learn(job, footage, folder / "run", progress)
        weights = learned.weights
        figures[AFTER] = figures[BEFORE] if weights is None else ruler.dubbed(weights, "after", device=device)
        result = AdaptResult(
            output=str(job.output),
            model=job.start.name,
            improved=learned.improved,
            seconds=footage.seconds,
            steps=learned.steps,
            minutes=learned.minutes,
            expert=None if job.expert is None else job.expert.name,
            validation=learned.validation,
            figures=figures,
            notes=(*footage.notes, *_judges_notes(job)),
        )
        _write(job, learned, result)
    return result


@contextmanager
def _work_folder(given: PathLike | None, job: Job) -> Iterator[Path]:
    """Make or check the folder to work in; a temporary one goes with the block."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="visavox-adapt-") as temporary:
            try:
                yield Path(temporary)
            except KeyboardInterrupt:
                logger.warning("nothing of the adaptation was kept; with a work folder (--work) it can be gone on with")
                raise
        return
    folder = Path(given)
    _claim(folder, job)
    yield folder


def _claim(folder: Path, job: Job) -> None:
    """Begin a work folder, or see that it was begun with the same.

    Raises:
        InputError: it holds something else, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder to work in")
    note, identity = folder / JOB_NAME, json.loads(json.dumps(job.identity))
    if note.is_file():
        try:
            before = dict(json.loads(note.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(f"{note} is damaged ({error}); give another folder to --work") from error
        changed = [name for name in identity if before.get(name) != identity[name]]
        if changed:
            raise InputError(
                f"{folder} was begun with other {', '.join(changed)}; go on with what it was begun with, or give "
                "another folder to --work"
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"{folder} holds something that visavox adapt did not make; give a new or empty folder to --work"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(note, json.dumps(identity, indent=2) + "\n")
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}; give another folder to --work") from None


def _judges_notes(job: Job) -> list[str]:
    notes = []
    if job.features is None:
        size = job.start.crop.size if job.start.crop else 0
        notes.append(f"no face features of {size} pixels are shipped: the renderer learned by pixels alone")
    if job.expert is not None:
        notes.append(f"the expert {job.expert.name} judged the sync and was not changed")
    return notes


def _write(job: Job, learned: Learned, result: AdaptResult) -> None:
    """Write the weights: what was learned, or the start where nothing was better."""
    start = job.start
    if learned.weights is None:
        write_weights(job.output, read_tensors(start), edited(start, start.card))
        return
    module = load_model(learned.weights, LipSyncGenerator)
    names = [Path(source.path).name for source in job.sources]
    person = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    judge = "without an expert" if job.expert is None else f"with the expert {job.expert.name}"
    card = ModelCard(
        description=f"{start.name}, adapted to the person in {person}: for that person only",
        training=(
            f"{start.card.training}; then adapted ({' and '.join(learned.improved)}) in {learned.steps} steps of "
            f"{job.settings.batch_size}, seed {job.settings.seed}, {judge}, to {result.seconds['training']:.1f} s of "
            f"{person}, with {result.seconds['held out']:.1f} s held out, which the quality figures are of"
        ),
        licence=start.card.licence,
        quality=quality_of(result.figures),
    )
    save_model(job.output, module, card)

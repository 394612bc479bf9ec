"""An adaptation as a job: from videos of a person and a generator to that person's generator (`visavox adapt`)."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from visavox.adaptation.checks import AdaptRequest, check_request, choose_settings
from visavox.adaptation.clips import prepare_clips
from visavox.adaptation.held_out import AFTER, AS_IT_WAS, BEFORE, AdaptResult, HeldOut, quality_of
from visavox.adaptation.learning import Learned, learn
from visavox.adaptation.settings import AdaptSettings
from visavox.errors import Cancelled, InputError
from visavox.models.generator import LipSyncGenerator
from visavox.progress import QUIET, Progress
from visavox.runtime.files import write_whole
from visavox.runtime.job import Job
from visavox.types import PathLike
from visavox.weights import ModelCard, edited, load_model, read_tensors, save_model, write_weights

logger = logging.getLogger(__name__)

REQUEST_FILE = "adapt.json"
"""In a work folder: what it was started with."""


class AdaptJob(Job[AdaptResult]):
    """One adaptation that passed its checks.

    Attributes:
        settings: how it is done.
    """

    def __init__(self, request: AdaptRequest, work: PathLike | None = None) -> None:
        """Keep what was checked.

        Args:
            request: files and settings.
            work: folder for prepared clips, checkpoints and measured videos; None: a temporary one.
        """
        self.settings = request.settings
        self._request, self._work_folder = request, None if work is None else Path(work)

    def _work(self, progress: Progress) -> AdaptResult:
        with _work_folder(self._work_folder, self._request) as folder:
            return _adapt(self._request, folder, progress)


def check(
    video: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: PathLike = "wav2lip",
    expert: PathLike | None = None,
    work: PathLike | None = None,
    settings: AdaptSettings | None = None,
    **options: Any,
) -> AdaptJob:
    """Check everything about an adaptation that can be known before the work, and return it as a job.

        job = visavox.adaptation.check("person.mp4", "person.safetensors", work="work")
        result = job.run(on_event=print)

    Args:
        video: a video, several, or folders of videos, all of the same person.
        output: the weights file to write (.safetensors).
        model: name or path of the generator to start from.
        expert: name or path of an expert of the generator's resolution that scores the sync while the generator
            learns; none by default.
        work: folder for prepared clips, checkpoints and measured videos. A job of the same files and settings goes on
            where an interrupted one stopped. None works in a temporary folder.
        settings: how it is done.
        **options: fields of `AdaptSettings` that differ from `settings`.

    Returns:
        the job.

    Raises:
        InputError: something given cannot be used.
    """
    request = check_request(video, output, model, expert, choose_settings(settings, options))
    if work is not None:
        _is_started(Path(work), request)
    return AdaptJob(request, work)


def adapt(
    video: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    settings: AdaptSettings | None = None,
    progress: Progress = QUIET,
    **options: Any,
) -> AdaptResult:
    """Fit a generator to one person's video, and measure before and after on seconds that it did not learn from.

        visavox.adapt("person.mp4", "person.safetensors", minutes=10)

    Where several videos are given, a script must call this under `if __name__ == "__main__":`, because they are
    prepared by several processes.

    Args:
        video: a video, several, or folders of videos, all of the same person.
        output: the weights file to write (.safetensors); `dub` takes it as its model.
        settings: how it is done.
        progress: takes the events, and may cancel the work.
        **options: `model`, `expert` and `work` as `check` takes them, and fields of `AdaptSettings` that differ from
            `settings`.

    Returns:
        What was learned and what it brought. Where no part became better on the validation seconds, the output
        holds the generator as it came.

    Raises:
        InputError: something given cannot be used; said before the work wherever it can be known. Nothing is left
            under the name of the output.
        TrainingError: losses are no longer numbers.
        Cancelled: it was stopped.
    """
    return check(video, output, settings=settings, **options).run(progress=progress)


def _adapt(request: AdaptRequest, folder: Path, progress: Progress) -> AdaptResult:
    """Do the work in a folder; what an earlier session has done in it is not done again."""
    clips = prepare_clips(request, folder / "dataset", progress)
    held_out = HeldOut(clips.held_out, folder / "held-out", progress)
    device = request.settings.device
    values = {
        AS_IT_WAS: held_out.as_it_was(),
        BEFORE: held_out.dubbed(request.start.path, "before", device=device),
    }
    learned = learn(request, clips, folder / "run", progress)
    weights = learned.weights
    values[AFTER] = values[BEFORE] if weights is None else held_out.dubbed(weights, "after", device=device)
    result = AdaptResult(
        output=str(request.output),
        model=request.start.name,
        improved=learned.improved,
        seconds=clips.seconds,
        steps=learned.steps,
        minutes=learned.minutes,
        expert=None if request.expert is None else request.expert.name,
        validation=learned.validation,
        values=values,
        notes=(*clips.notes, *_teacher_notes(request)),
    )
    _write(request, learned, result)
    return result


@contextmanager
def _work_folder(given: Path | None, request: AdaptRequest) -> Iterator[Path]:
    """Make or check the folder to work in, and say what an interruption leaves; a temporary one goes with the block."""
    if given is None:
        with (
            tempfile.TemporaryDirectory(prefix="visavox-adapt-") as temporary,
            _said_when_stopped(
                "nothing of the adaptation was kept; with a work folder (--work) the same command goes on where it "
                "stopped"
            ),
        ):
            yield Path(temporary)
        return
    _begin(given, request)
    with _said_when_stopped(f"the adaptation is not finished; the same command goes on from {given}"):
        yield given


@contextmanager
def _said_when_stopped(text: str) -> Iterator[None]:
    """Say a text where the block is interrupted, or cancelled: then in place of what the training says."""
    try:
        yield
    except Cancelled:
        raise Cancelled(text) from None
    except KeyboardInterrupt:
        logger.warning("%s", text)
        raise


def _begin(folder: Path, request: AdaptRequest) -> None:
    """Start a work folder, or see that it was started with the same.

    Raises:
        InputError: it holds something else, or cannot be written.
    """
    if _is_started(folder, request):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / REQUEST_FILE, json.dumps(_identity(request), indent=2) + "\n")
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}; give another folder to --work") from None


def _is_started(folder: Path, request: AdaptRequest) -> bool:
    """Return True where a work folder was started with the same; False where it is new or empty.

    Raises:
        InputError: it holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder to work in")
    note, identity = folder / REQUEST_FILE, _identity(request)
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
        return True
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"{folder} holds something that visavox adapt did not make; give a new or empty folder to --work"
        )
    return False


def _identity(request: AdaptRequest) -> dict[str, Any]:
    """Return what decides the result, as JSON gives it back."""
    return dict(json.loads(json.dumps(request.identity)))


def _teacher_notes(request: AdaptRequest) -> list[str]:
    """Say which frozen networks took part in the training."""
    notes = []
    if request.features is None:
        size = request.start.crop.size if request.start.crop else 0
        notes.append(f"no face features of {size} pixels are shipped: the renderer learned by pixels alone")
    if request.expert is not None:
        notes.append(f"the expert {request.expert.name} scored the sync and was not changed")
    return notes


def _write(request: AdaptRequest, learned: Learned, result: AdaptResult) -> None:
    """Write the weights: what was learned, or the start where nothing was better."""
    start = request.start
    if learned.weights is None:
        write_weights(request.output, read_tensors(start), edited(start, start.card))
        return
    module = load_model(learned.weights, LipSyncGenerator)
    names = [Path(source.path).name for source in request.sources]
    person = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    teacher = "without an expert" if request.expert is None else f"with the expert {request.expert.name}"
    card = ModelCard(
        description=f"{start.name}, adapted to the person in {person}: for that person only",
        training=(
            f"{start.card.training}; then adapted ({' and '.join(learned.improved)}) in {learned.steps} steps of "
            f"{request.settings.batch_size}, seed {request.settings.seed}, {teacher}, to "
            f"{result.seconds['training']:.1f} s of {person}, with {result.seconds['held out']:.1f} s held out, which "
            "the quality values are of"
        ),
        licence=start.card.licence,
        quality=quality_of(result.values),
    )
    save_model(request.output, module, card)

"""`visavox motion plot DATASET --person SPEAKER -o FIGURE`: where true and predicted faces lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from visavox.cli.common import EXIT_DONE, CommonOptions, alias, parse
from visavox.errors import InputError


@dataclass(frozen=True, kw_only=True)
class MotionPlotOptions(CommonOptions):
    """Draw true landmark frames of many speakers and of one person, and predicted ones without and with adaptation."""

    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Folder that `visavox prepare` wrote."""
    person: str
    """The person, by the name of the speaker in the data set's manifest."""
    output: Annotated[Path, alias("-o"), tyro.conf.arg(metavar="FIGURE")]
    """A picture (.png, .svg, .pdf ...), or an interactive page (.html), one file that needs no network."""
    motion: str = "motion"
    """Motion VAE that predicts: a name, or the best.safetensors of the stage `motion`; `true` takes the true motion of
    the other speakers, each brought onto their mean face."""
    postnet: str | None = None
    """Post-net of the person: a name, or the best.safetensors of the stage `postnet`."""
    temperature: float = 0.7
    """How much is left to chance in what is predicted."""
    count: int = 1000
    """Frames of each kind."""
    seed: int = 0
    """Where chance comes from."""


def main(argv: list[str]) -> int:
    """Run the command; return its exit code."""
    options = parse(MotionPlotOptions, argv, command="motion plot")
    from visavox.evaluation.motion_plot import check_plot_path

    if options.count < 10:
        raise InputError(f"--count {options.count} was given; give 10 or more.")
    check_plot_path(options.output)
    _plot(options)
    print(f"figure: {options.output}")
    return EXIT_DONE


def _plot(options: MotionPlotOptions) -> None:
    from visavox.audio.features.speech_features import load_features
    from visavox.data.motion.motion_store import load_motion_store
    from visavox.evaluation.motion_plot import Prediction, domain_clouds, plot_domains
    from visavox.models.motion.motion_vae import MotionVae
    from visavox.motion.speech_to_motion import SpeakerAdapter
    from visavox.training.motion.postnet_sources import drawn_motion, true_motion
    from visavox.training.motion.speech import TRUE_MOTION
    from visavox.weights.checkpoint import load_model

    manner = SpeakerAdapter.load(options.postnet) if options.postnet is not None else None
    is_true = options.motion == TRUE_MOTION
    speaker = None if is_true else load_model(options.motion, MotionVae)
    features = load_features(speaker.config.features if speaker is not None else "mel")
    store = load_motion_store(options.dataset, "train", features, progress=options.progress)
    draw = true_motion(store) if speaker is None else drawn_motion(speaker, 1, options.temperature)
    clouds = domain_clouds(
        store,
        options.person,
        Prediction(draw, manner, "predicted" if speaker is not None else "true, on the mean face"),
        count=options.count,
        seed=options.seed,
        progress=options.progress,
    )
    plot_domains(clouds, options.output)

"""`visavox motion VIDEO|AUDIO -o MOTION.npz`: speech, or a performance, to the motion of 68 landmarks."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from visavox.cli.common import EXIT_DONE, CommonOptions, ReportOptions, alias, parse
from visavox.errors import InputError

if TYPE_CHECKING:
    from visavox.types import HeadPose, Motion

_SPEECH_ONLY = ("person", "model", "postnet", "temperature", "projection")


@dataclass(frozen=True, kw_only=True)
class MotionOptions(ReportOptions):
    """Turn speech, or the face in a video, into the motion of 68 landmarks, 25 frames a second.

    Of a video the motion is that of the face in it; of audio it is that of a face that says it.
    `visavox motion plot --help` draws where motions lie.
    """

    input: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO|AUDIO")]
    """A video with a face, or a recording of speech."""
    output: Annotated[Path, alias("-o"), tyro.conf.arg(metavar="MOTION")]
    """The motion file, .npz."""
    preview: str = ""
    """Also write a video of the motion, with the audio: .mp4, .mkv, .mov or .webm."""
    preview_pose: bool = False
    """Of a video: the preview shows the head where it was, not still and from the front."""
    face: str = "largest"
    """Of a video: which face: largest, leftmost, rightmost, or a number (0 is the most prominent)."""
    smoothing: float = 0.0
    """Of a video: seconds over which trembling is smoothed, such as 0.05; what moves is left alone."""
    person: str | None = None
    """Of speech: whose face moves: a motion file or a video of them."""
    model: str | None = None
    """Of speech: weights that turn it into motion: a name, a path, or hf:OWNER/REPOSITORY/FILE."""
    postnet: str | None = None
    """Of speech: weights that bring the motion into one person's speaking style."""
    temperature: float | None = None
    """Of speech: how much is left to chance, 0 for the most likely motion."""
    projection: float | None = None
    """Of speech with --person: share of the way, 0 to 1, that faces are brought to those the person was seen with, by
    locally linear embedding (GeneFace++); the lips are left alone. None by default."""
    seed: int = 0
    """Another seed gives another motion for the same speech, and other blinks."""
    blink: str = ""
    """natural (as the person does), none, own (the eyes as they are), or blinks a minute; by default own of a video and
    natural of speech."""
    overwrite: bool = False
    """Replace files that exist."""


def main(argv: list[str]) -> int:
    """Run the command; return its exit code."""
    if argv[:1] == ["plot"]:
        return plot_main(argv[1:])
    options = parse(MotionOptions, argv, command="motion")
    is_video = _check(options)

    from visavox.motion.motion_file import save_motion

    motion, pose = _of_video(options) if is_video else (_of_speech(options), None)
    save_motion(motion, options.output, pose=pose)
    if options.preview:
        _write_preview(options, motion, pose)
    _report(options, motion)
    return EXIT_DONE


def _check(options: MotionOptions) -> bool:
    """Say what can be known to be wrong before the work starts; tell whether the input is a video."""
    from visavox.face.track import check_selection
    from visavox.media import check_output
    from visavox.motion.blink import parse_blink

    if options.blink:
        parse_blink(options.blink)
    if options.seed < 0:
        raise InputError(f"the seed is {options.seed}; give 0 or more.")
    if not 0 <= options.smoothing <= 1:
        raise InputError(f"--smoothing {options.smoothing:g} was given; give seconds from 0 to 1, such as 0.05.")
    is_video = _is_video(options.input)
    if is_video:
        check_selection(options.face)
    given = [name for name in _SPEECH_ONLY if getattr(options, name) is not None]
    if is_video and given:
        raise InputError(
            f"{options.input} is a video, and --{given[0]} is for speech; leave it out, or give a recording."
        )
    if not is_video and (options.preview_pose or options.smoothing):
        name = "preview-pose" if options.preview_pose else "smoothing"
        raise InputError(f"{options.input} has no video, and --{name} is for videos; leave it out, or give a video.")
    if options.preview_pose and not options.preview:
        raise InputError("--preview-pose says how the preview looks; name it with --preview OUT.mp4.")
    if options.projection is not None:
        _check_projection(options, options.projection)
    check_output(options.output, [options.input], options.overwrite, extensions=[".npz"])
    if options.preview:
        check_output(options.preview, [options.input, options.output], options.overwrite)
    return is_video


def _check_projection(options: MotionOptions, share: float) -> None:
    from visavox.motion.refinement import ProjectionSettings

    ProjectionSettings(share)
    if options.person is None:
        raise InputError("--projection brings faces to those of a person; name the person with --person MOTION|VIDEO.")


def _is_video(path: str) -> bool:
    """Tell whether an input is a video; refuse what has neither video nor audio."""
    from visavox.media import probe, probe_audio

    if path == "-":
        raise InputError("a motion cannot be made from standard input, which is read twice; give a file.")
    try:
        info = probe(path)
    except InputError:
        probe_audio(path)  # says what is wrong with the file, if it is no audio either
        return False
    if info.is_still:
        raise InputError(
            f"{path} is an image, which does not move; give a video with a face, or a recording of speech."
        )
    return True


def _of_video(options: MotionOptions) -> tuple[Motion, HeadPose]:
    from visavox.motion.blink import parse_blink, with_blinks
    from visavox.motion.performance import capture_motion
    from visavox.motion.refinement import SmoothingSettings, smooth_motion

    seen = capture_motion(options.input, face=options.face, progress=options.progress)
    motion = smooth_motion(seen.motion, SmoothingSettings(seconds=options.smoothing))
    blink = parse_blink(options.blink or "own")
    return with_blinks(motion, blink, person=seen.motion, seed=options.seed), seen.pose


def _of_speech(options: MotionOptions) -> Motion:
    from visavox.motion.blink import parse_blink, with_blinks
    from visavox.motion.refinement import FaceProjection, ProjectionSettings
    from visavox.motion.speech_to_motion import SpeakerAdapter, SpeechToMotionSettings, speech_to_motion

    settings = SpeechToMotionSettings(seed=options.seed)
    if options.model is not None:
        settings = replace(settings, model=options.model)
    if options.temperature is not None:
        settings = replace(settings, temperature=options.temperature)
    person = _person(options)
    adaptation = None if options.postnet is None else SpeakerAdapter.load(options.postnet)
    motion = speech_to_motion(options.input, settings, options.progress, person=person, adaptation=adaptation)
    if person is not None and options.projection is not None:
        nearby = FaceProjection(person.displacements[person.confidence > 0], ProjectionSettings(options.projection))
        motion = replace(motion, displacements=nearby(motion.displacements))
    return with_blinks(motion, parse_blink(options.blink or "natural"), person=person, seed=options.seed)


def _person(options: MotionOptions) -> Motion | None:
    """Read, or watch, the person whose face is to move."""
    from visavox.motion.motion_file import load_motion
    from visavox.motion.performance import motion_of

    if options.person is None:
        return None
    if Path(options.person).suffix.lower() == ".npz":
        return load_motion(options.person)
    return motion_of(options.person, progress=options.progress)


def _write_preview(options: MotionOptions, motion: Motion, pose: HeadPose | None) -> None:
    from visavox.media import probe_audio
    from visavox.motion.preview import write_preview

    try:
        probe_audio(options.input)
        audio: str | None = options.input
    except InputError:  # a silent video
        audio = None
    write_preview(
        motion,
        options.preview,
        pose=pose if options.preview_pose else None,
        audio=audio,
        overwrite=options.overwrite,
        progress=options.progress,
    )


def _report(options: MotionOptions, motion: Motion) -> None:
    from visavox.motion.blink import find_blinks

    values: dict[str, Any] = {
        "file": str(options.output),
        "frames": motion.num_frames,
        "seconds": round(float(motion.num_frames / motion.rate), 2),
        "seen": int((motion.confidence > 0).sum()),
        "blinks": len(find_blinks(motion)),
    }
    if options.preview:
        values["preview"] = options.preview
    if options.json:
        print(json.dumps(values, indent=2))
    elif not options.quiet:
        print(
            f"{values['file']}: {values['frames']} frames, {values['seconds']} s; the face seen in "
            f"{values['seen']}, {values['blinks']} blinks",
            file=sys.stderr,
        )


@dataclass(frozen=True, kw_only=True)
class MotionPlotOptions(CommonOptions):
    """Draw true landmark frames of many speakers and of one person, and predicted ones without and with adaptation."""

    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Folder that `visavox prepare` wrote."""
    person: str
    """The person, by the name of the speaker in the data set's manifest."""
    output: Annotated[Path, alias("-o"), tyro.conf.arg(metavar="IMAGE")]
    """An image (.png, .svg, .pdf ...), or an interactive page (.html), one file that needs no network."""
    motion: str = "motion"
    """Motion VAE that predicts: a name, or the best.safetensors of the stage `motion`; `true` takes the true motion of
    the other speakers, each brought onto their mean face."""
    postnet: str | None = None
    """Post-net of the person: a name, or the best.safetensors of the stage `postnet`."""
    temperature: float = 0.7
    """Temperature of the prediction: 0 gives the most likely motion."""
    count: int = 1000
    """Frames of each kind."""
    seed: int = 0
    """Seed of everything that is drawn at random."""


def plot_main(argv: list[str]) -> int:
    """Draw where motions lie; return the exit code."""
    options = parse(MotionPlotOptions, argv, command="motion plot")
    from visavox.evaluation import check_plot_path

    if options.count < 10:
        raise InputError(f"--count {options.count} was given; give 10 or more.")
    check_plot_path(options.output)
    _plot(options)
    print(f"figure: {options.output}")
    return EXIT_DONE


def _plot(options: MotionPlotOptions) -> None:
    from visavox.data.motion import load_motion_store
    from visavox.evaluation import Prediction, domain_clouds, plot_domains
    from visavox.models.motion import MotionVae
    from visavox.motion.speech_to_motion import SpeakerAdapter
    from visavox.speech import load_features
    from visavox.training.motion import TRUE_MOTION, drawn_motion, true_motion
    from visavox.weights import load_model

    adapter = SpeakerAdapter.load(options.postnet) if options.postnet is not None else None
    is_true = options.motion == TRUE_MOTION
    speaker = None if is_true else load_model(options.motion, MotionVae)
    features = load_features(speaker.config.features if speaker is not None else "mel")
    store = load_motion_store(options.dataset, "train", features, progress=options.progress)
    draw = true_motion(store) if speaker is None else drawn_motion(speaker, 1, options.temperature)
    clouds = domain_clouds(
        store,
        options.person,
        Prediction(draw, adapter, "predicted" if speaker is not None else "true, on the mean face"),
        count=options.count,
        seed=options.seed,
        progress=options.progress,
    )
    plot_domains(clouds, options.output)

"""`visavox track VIDEO -o TRACK.npz`: follows the faces of a video; saves landmarks and head pose."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from visavox.cli.common import ReportOptions, alias, parse
from visavox.errors import InputError

if TYPE_CHECKING:
    from visavox.media import VideoInfo
    from visavox.progress import Progress
    from visavox.types import Track


@dataclass(frozen=True, kw_only=True)
class TrackOptions(ReportOptions):
    """Follow the faces of a video; save landmarks and head pose of every frame.

    `visavox dub --track TRACK.npz` takes the file again.
    """

    video: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO")]
    """A video or an image with a face."""
    output: Annotated[Path, alias("-o")]
    """The track file, .npz; with `--face all` there is one for each face: TRACK-0.npz, TRACK-1.npz ..."""
    face: str = "largest"
    """The face to save: largest, leftmost, rightmost, all, or a number (0 is the most prominent)."""
    face_box: str = ""
    """x0,y0,x1,y1 in pixels: the face found inside this box, wherever it goes afterwards."""
    preview: str = ""
    """Also write a video with the tracks drawn over it: .mp4, .mkv, .mov or .webm."""
    max_faces: int = 4
    """Most faces followed at a time."""
    max_gap: float = 0.2
    """Longest gap, in seconds, over which landmarks are interpolated."""
    max_yaw: float = 55.0
    """Degrees that a head may turn to the side before it counts as turned away."""
    max_pitch: float = 45.0
    """Degrees that a head may look up or down before it counts as turned away."""
    overwrite: bool = False
    """Replace files that exist."""


def main(argv: list[str]) -> int:
    """Track one video; say what was found."""
    options = parse(TrackOptions, argv, command="track")
    _check(options)

    from visavox.face.track import save_track

    tracks = _find(options)
    outputs = _output_names(options, [track.face_id for track in tracks])
    _check_outputs(options, outputs)
    for track, output in zip(tracks, outputs, strict=True):
        save_track(track, output)
    if options.preview:
        write_preview(options.video, tracks, options.preview, options.overwrite, options.progress)
    reports = [report(track, output) for track, output in zip(tracks, outputs, strict=True)]
    if options.json:
        print(json.dumps({"video": options.video, "faces": reports}, indent=2))
    elif not options.quiet:
        for values in reports:
            print(summary(values), file=sys.stderr)
    return 0


def report(track: Track, output: Path) -> dict[str, Any]:
    """Values of one track, ready for JSON."""
    import numpy as np

    from visavox.face.geometry import facing, head_angles
    from visavox.types import FrameStatus

    present = track.status != FrameStatus.ABSENT
    angles = head_angles(facing(track.rotations[present], track.translations[present]))
    return {
        "file": str(output),
        "face": track.face_id,
        "frames": track.num_frames,
        **{status.name.lower(): int((track.status == status).sum()) for status in FrameStatus},
        "shots": int(track.shots[-1]) + 1,
        "box": [round(float(value), 1) for value in np.median(track.boxes[present], axis=0)],
        "yaw_pitch_roll": [round(float(value), 1) for value in np.median(angles, axis=0)],
        "distance_cm": round(float(-np.median(track.translations[present, 2])), 1),
    }


def summary(values: dict[str, Any]) -> str:
    """One line for a person to read."""
    x0, y0, x1, y1 = values["box"]
    shots = "1 shot" if values["shots"] == 1 else f"{values['shots']} shots"
    return (
        f"{values['file']}: face {values['face']}, {values['detected']} of {values['frames']} frames seen, "
        f"{values['interpolated']} filled in, {values['turned_away']} turned away, {values['absent']} without it; "
        f"{shots}; {x1 - x0:.0f} x {y1 - y0:.0f} px"
    )


def write_preview(video: str, tracks: Sequence[Track], output: str, overwrite: bool, progress: Progress) -> None:
    """Write the video with its tracks drawn over it, and its own audio."""
    from visavox.face.track import draw_overlay
    from visavox.media import AudioPlan, Encoding, VideoReader, VideoWriter

    with VideoReader(video) as reader:
        info: VideoInfo = reader.info
        plan = AudioPlan(video) if info.has_audio and video != "-" else None
        encoding = Encoding(crf=20)
        with (
            VideoWriter(
                output, like=info, audio=plan, encoding=encoding, overwrite=overwrite, synthetic=False
            ) as writer,
            progress.bar("drawing the preview", tracks[0].num_frames) as bar,
        ):
            for frame in reader:
                writer.write(draw_overlay(frame.image, tracks, frame.index), frame.time)
                bar.update(1)


def _check(options: TrackOptions) -> None:
    """Say what can be known to be wrong before the work starts."""
    from visavox.face.geometry import check_face_box, parse_face_box
    from visavox.face.track import check_selection
    from visavox.media import check_output, probe

    check_selection(options.face)
    if options.face_box and options.face != "largest":
        raise InputError("--face and --face-box both choose a face; give one of them.")
    if options.video == "-" and options.preview:
        raise InputError("the preview reads the video a second time, which standard input cannot; give a file.")
    _settings(options)
    if options.video != "-":
        info = probe(options.video)
        if options.face_box:
            check_face_box(parse_face_box(options.face_box), (info.width, info.height))
    # With `all` the names of the files are known only when the faces are.
    numbers = None if options.face == "all" else [0]
    if numbers is not None:
        _check_outputs(options, _output_names(options, numbers))
    if options.preview:
        check_output(options.preview, [options.video, options.output], options.overwrite)


def _check_outputs(options: TrackOptions, outputs: Sequence[Path]) -> None:
    from visavox.media import check_output

    for output in outputs:
        check_output(output, [options.video], options.overwrite, extensions=[".npz"])


def _output_names(options: TrackOptions, numbers: Sequence[int]) -> list[Path]:
    if options.face != "all":
        return [options.output]
    return [options.output.with_stem(f"{options.output.stem}-{number}") for number in numbers]


def _settings(options: TrackOptions) -> Any:
    from visavox.face.track import StatusSettings, TrackerSettings, TrackingSettings

    return TrackingSettings(
        tracker=TrackerSettings(max_faces=options.max_faces),
        status=StatusSettings(options.max_gap, options.max_yaw, options.max_pitch),
    )


def _find(options: TrackOptions) -> list[Track]:
    """Follow the faces and choose among them."""
    from visavox.face.geometry import parse_face_box
    from visavox.face.track import select_tracks, track_in_box, track_video

    settings = _settings(options)
    if options.face_box:
        box = parse_face_box(options.face_box)
        return [track_in_box(options.video, box, progress=options.progress, settings=settings)]
    tracks = select_tracks(track_video(options.video, progress=options.progress, settings=settings), options.face)
    if not tracks:
        raise InputError(f"no face was found in {options.video}; give a video or a photo with a face.")
    return tracks

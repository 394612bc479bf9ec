"""The first pass: which faces speak, and where they are in every frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from visavox.dubbing.settings import DubSettings
from visavox.errors import InputError
from visavox.face.track import (
    build_tracks,
    cached_tracks,
    check_track_fits,
    load_tracks,
    open_tracker,
    save_tracks,
    see_faces,
    select_tracks,
    track_in_box,
)
from visavox.media import VideoInfo, VideoReader
from visavox.progress import Progress
from visavox.runtime.device import return_free_memory
from visavox.types import Frame, FrameStatus, Track

_LOOKAHEAD = Fraction(1)
"""Seconds after the last frame that is needed: what comes next tells whether a gap is short."""


def find_tracks(
    info: VideoInfo,
    settings: DubSettings,
    speech: Fraction,
    progress: Progress,
    loaded: Sequence[Track] | None = None,
) -> list[Track]:
    """Follow the faces that are to speak, or read the track of an earlier job.

    Args:
        info: the video.
        settings: of the job.
        speech: seconds of the recording; what lies behind is not looked at where it will be cut off.
        progress: reports it.
        loaded: the faces of a track file, which are not looked for.

    Raises:
        InputError: there is no face, or none that can be rendered.
    """
    tracks = _all_tracks(info, settings, speech, progress) if loaded is None else list(loaded)
    if settings.save_track is not None and tracks:
        save_tracks(tracks, settings.save_track)
    selected = select_tracks(tracks, settings.speaker) if settings.face_box is None else tracks
    speaking = [track for track in selected if track.usable.any()]
    if not speaking:
        raise _no_face(info, selected)
    return speaking


def load_fitting_tracks(info: VideoInfo, settings: DubSettings) -> list[Track]:
    """Read the track file of a job and see that it can be that of its video.

    Raises:
        InputError: it cannot be read, or it belongs to another video.
    """
    tracks = [] if settings.track is None else load_tracks(settings.track)
    for track in tracks:
        _check_rate(track, info)
        # Containers miscount by the frames that a decoder holds back or an edit list hides.
        differs = info.num_frames is not None and abs(info.num_frames - track.num_frames) > 2
        check_track_fits(
            track,
            frame_size=(info.width, info.height),
            num_frames=info.num_frames if differs else None,
            video=info.path,
        )
    return tracks


def _check_rate(track: Track, info: VideoInfo) -> None:
    """Compare the frame rates; the exact times are compared when the frames are read."""
    if info.variable_frame_rate or track.num_frames < 2:
        return
    rate = (track.num_frames - 1) / (track.times[-1] - track.times[0])
    if abs(rate / info.frame_rate - 1) > Fraction(1, 20):
        raise InputError(
            f"the track is of a video of {float(rate):.4g} frames a second, {info.path} has"
            f" {float(info.frame_rate):.4g}; make it again with `visavox track {info.path} -o TRACK.npz`"
        )


def _all_tracks(info: VideoInfo, settings: DubSettings, speech: Fraction, progress: Progress) -> list[Track]:
    if settings.cache_track:
        return cached_tracks(info.path, face_box=settings.face_box, progress=progress)
    if settings.face_box is not None:
        return [track_in_box(info.path, settings.face_box, progress=progress)]
    whole = settings.tail != "cut" or settings.save_track is not None
    return _follow(info, None if whole else speech + _LOOKAHEAD, progress)


def _follow(info: VideoInfo, until: Fraction | None, progress: Progress) -> list[Track]:
    """Follow all faces, up to a time where one is given."""
    total = info.expected_frames
    if until is not None and total is not None:
        total = min(total, int(until * info.frame_rate) + 1)
    with (
        VideoReader(info.path) as reader,
        open_tracker() as tracker,
        progress.bar("looking for faces", total) as bar,
    ):

        def frames() -> Iterator[Frame]:
            for frame in reader:
                if until is not None and frame.time > until:
                    return
                yield frame
                bar.update(1)

        seen = see_faces(frames(), tracker)
    return_free_memory()  # that of the decoder and of the tracker, before the tracks take theirs
    return build_tracks(seen, frame_size=(info.width, info.height))


def _no_face(info: VideoInfo, tracks: list[Track]) -> InputError:
    if any(np.any(track.status == FrameStatus.TURNED_AWAY) for track in tracks):
        return InputError(f"the face in {info.path} always turns away; give a video in which it looks ahead")
    return InputError(f"no face was found in {info.path}; give a video or a photo with a face, seen from the front")

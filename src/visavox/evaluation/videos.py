"""Two videos opened for metrics: checked, tracked (once), paired frame by frame, and read side by side."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from visavox.errors import InputError
from visavox.evaluation.pairs import EvaluationPair
from visavox.face.track import TRACKER_VERSION, check_selection, load_track, save_track, select_tracks, track_video
from visavox.face.track.track_file import FORMAT
from visavox.metrics import Measure, Need, Video, VideoPair, heads_coincide, pair_times
from visavox.progress import QUIET, Progress
from visavox.types import Frame, PathLike, Track


def open_pair(
    files: EvaluationPair, face: str, always_align: bool, tracks: TrackCache, progress: Progress
) -> VideoPair:
    """Track and pair two videos that passed `check_files`.

    Args:
        files: the videos, and their audio where that is not their own.
        face: which face of both: largest, leftmost, rightmost or a number.
        always_align: move the dubbed face onto the true one even where the heads nearly coincide.
        tracks: where the landmarks of the recording and of the source are kept.
        progress: the tracker's bars.

    Raises:
        InputError: a video shows no face, or they share no frame with a face in both.
    """
    audio, true_audio = driving_audio(files.dubbed, files.audio), driving_audio(files.truth, files.true_audio)
    dubbed = Video(files.dubbed, tracks.track(files.dubbed, face, progress, keep=False), audio)
    true = Video(files.truth, tracks.track(files.truth, face, progress), true_audio)
    partners = pair_times(dubbed.track.times, true.track.times)
    coincide = heads_coincide(dubbed.track, true.track, partners)
    source = true if coincide else None
    if files.source is not None:
        source = Video(files.source, tracks.track(files.source, face, progress))
    pair = VideoPair(dubbed, true, partners, source, always_align or not coincide)
    if not pair.both.any():
        raise InputError(
            f"{files.dubbed} and {files.truth} share no frame with a face in both; give two videos of one recording"
        )
    return pair


def check_files(files: EvaluationPair) -> None:
    """Open the files of a pair, so that one that cannot be used is told of before the work starts.

    Raises:
        InputError: a file cannot be used, or a video is a still image.
    """
    from visavox.media import probe, probe_audio

    for path in (files.dubbed, files.truth):
        if probe(path).is_still:
            raise InputError(f"{path} is a still image; give a video, in which a mouth moves")
    if files.source is not None:
        probe(files.source)
    for audio in (files.audio, files.true_audio):
        if audio is not None:
            probe_audio(audio)


def driving_audio(video: PathLike, audio: PathLike | None) -> np.ndarray | None:
    """Read the speech that a mouth should follow: float32 (N,), 16 kHz; None if there is none."""
    from visavox.media import probe, read_audio

    if audio is not None:
        return read_audio(audio)
    return read_audio(video) if probe(video).has_audio else None


def feed_measures(pair: VideoPair, measures: Sequence[tuple[Collection[Need], Measure]], progress: Progress) -> None:
    """Read the videos once, and give each measure the frames that it needs.

    Args:
        pair: the videos.
        measures: what each needs, and the measure.
        progress: the bar.
    """

    def needing(need: Need) -> list[Measure]:
        return [measure for needs, measure in measures if need in needs]

    faces, every, sources = needing("frames"), needing("all_frames"), needing("source")
    if not (faces or every or sources):
        return
    dubbed = pair.dubbed.track
    with ExitStack() as stack:
        readers: list[tuple[PathLike, np.ndarray] | None] = [(pair.true.path, pair.partners), None, None]
        if sources and pair.source is not None:
            source_partners = pair_times(dubbed.times, pair.source.track.times)
            readers[1] = (pair.source.path, source_partners)
            if needing("encoded_source"):
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="visavox-"))
                readers[2] = (encode_again(pair.source.path, Path(folder) / "source.mp4"), source_partners)
        bar = stack.enter_context(progress.bar("measure", dubbed.num_frames))

        def take_true(frame: Frame) -> None:
            for measure in every:
                measure.add_any(frame, True)

        for frame, partners in read_in_step(pair.dubbed.path, readers, take_true if every else None):
            for measure in every:
                measure.add_any(frame, False)
            if frame.index < dubbed.num_frames:
                _feed_frame(pair, frame, partners, faces, sources)
            bar.update(1)


def _feed_frame(
    pair: VideoPair,
    frame: Frame,
    partners: Sequence[Frame | None],
    faces: Sequence[Measure],
    sources: Sequence[Measure],
) -> None:
    """Give one dubbed frame, with its partners in the recording, the source and the encoded source, to measures."""
    true_frame, source_frame, encoded_frame = partners
    if faces:
        face, true_face = pair.faces(frame, true_frame)
        for measure in faces:
            measure.add(face, true_face)
    if source_frame is not None:
        for measure in sources:
            measure.add_source(frame, source_frame, encoded_frame)


def read_in_step(
    path: PathLike,
    partners: Sequence[tuple[PathLike, np.ndarray] | None],
    every: Callable[[Frame], None] | None = None,
) -> Iterator[tuple[Frame, list[Frame | None]]]:
    """Read a video frame by frame, each with its partners in other videos, all streamed.

    Args:
        path: the leading video.
        partners: for each other video its path and (T,) the index of the partner of every frame, never falling,
            -1 for none; or None.
        every: called with every frame of the first of them, to its end.

    Yields:
        a frame of the leading video, and for every other video the partner's frame, or None.
    """
    from visavox.media import VideoReader

    with ExitStack() as stack:
        followers: list[_Follower | None] = []
        for number, partner in enumerate(partners):
            if partner is None:
                followers.append(None)
            else:
                reader = stack.enter_context(VideoReader(partner[0]))
                followers.append(_Follower(_calling(reader, every if number == 0 else None), partner[1]))
        for frame in stack.enter_context(VideoReader(path)):
            yield frame, [follower.partner(frame.index) if follower else None for follower in followers]
        if every is not None and followers[0] is not None:
            followers[0].finish()


def _calling(frames: Iterable[Frame], every: Callable[[Frame], None] | None) -> Iterator[Frame]:
    """Yield frames, each after having called a function with it."""
    for frame in frames:
        if every is not None:
            every(frame)
        yield frame


class _Follower:
    """Reads on in a video up to the frames that are asked for, in order."""

    def __init__(self, frames: Iterator[Frame], indices: np.ndarray) -> None:
        self._frames = frames
        self._indices = indices
        self._current: Frame | None = None

    def partner(self, index: int) -> Frame | None:
        wanted = int(self._indices[index]) if index < len(self._indices) else -1
        if wanted < 0:
            return None
        while self._current is None or self._current.index < wanted:
            following = next(self._frames, None)
            if following is None:
                return None
            self._current = following
        return self._current

    def finish(self) -> None:
        """Read to the end."""
        for _ in self._frames:
            pass


def encode_again(source: PathLike, target: Path) -> Path:
    """Encode a video as a dub does, with nothing generated."""
    from visavox.media import Encoding, VideoReader, VideoWriter

    with (
        VideoReader(source) as reader,
        VideoWriter(target, like=reader.info, encoding=Encoding(), synthetic=False) as writer,
    ):
        for frame in reader:
            writer.write(frame.image, frame.time)
    return target


class TrackCache:
    """Follows the faces of videos, or remembers having done so.

    Unlike the cache of `visavox.face.track.tracking` it lies where it is wanted, holds the one face that is
    measured, and does not fill up with tracks of results that the next run makes again.
    """

    def __init__(self, folder: PathLike | None) -> None:
        """Keep tracks in `folder`, made when first needed; None keeps nothing."""
        self.folder = None if folder is None else Path(folder)

    def track(self, path: PathLike, face: str = "largest", progress: Progress = QUIET, *, keep: bool = True) -> Track:
        """Return the track of one face, at the video's own size.

        Args:
            path: the video.
            face: largest, leftmost, rightmost or a number.
            progress: the tracker's bar.
            keep: whether a new track is worth keeping; kept ones are used either way.

        Raises:
            InputError: the video cannot be read, or has no such face.
        """
        kept = self.file(path, face)
        if kept is not None and kept.exists():
            return load_track(kept)
        check_selection(face)
        if face == "all":
            raise InputError("all faces asked for; one is measured at a time: give largest, leftmost or a number")
        selection = select_tracks(track_video(path, progress=progress), face)
        if not selection:
            raise InputError(f"{path} shows no face; give a video in which one is seen")
        if kept is not None and keep:
            kept.parent.mkdir(parents=True, exist_ok=True)
            save_track(selection[0], kept)
        return selection[0]

    def file(self, path: PathLike, face: str = "largest") -> Path | None:
        """Name the file of a track after what the video is: where, how long, how old; None where nothing is kept."""
        if self.folder is None or not os.path.isfile(path):
            return None
        status = os.stat(path)
        identity = (FORMAT, TRACKER_VERSION, os.path.abspath(path), status.st_size, status.st_mtime_ns, face)
        return self.folder / f"{Path(path).stem}-{hashlib.sha256(repr(identity).encode()).hexdigest()[:16]}.npz"

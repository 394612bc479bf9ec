import numpy as np

from visavox.face.track.association import Sighting
from visavox.face.track.cuts import CutDetector, without_disproved_cuts
from visavox.face.track.landmark_store import LandmarkStore


def shots_of(pictures: list[np.ndarray]) -> np.ndarray:
    detector = CutDetector()
    for picture in pictures:
        detector.push(picture)
    return detector.shots()


def brighter(picture: np.ndarray, amount: int) -> np.ndarray:
    result: np.ndarray = np.clip(picture.astype(int) + amount, 0, 255).astype(np.uint8)
    return result


def test_a_speaking_face_is_one_shot(speaker: list[np.ndarray]) -> None:
    assert shots_of(speaker).tolist() == [0] * len(speaker)


def test_a_cut_is_found_at_its_frame(speaker: list[np.ndarray], portrait_frame: np.ndarray) -> None:
    shots = shots_of([*speaker[:8], *[portrait_frame] * 8, *speaker[8:12]])
    assert shots.tolist() == [0] * 8 + [1] * 8 + [2] * 4
    assert shots.dtype == np.int32


def test_a_jump_cut_of_the_same_picture_is_found(speaker: list[np.ndarray]) -> None:
    moved = [np.roll(picture, 14, axis=1) for picture in speaker[12:]]
    assert shots_of([*speaker[:12], *moved]).tolist() == [0] * 12 + [1] * 12


def test_shots_of_a_few_frames_are_told_apart(speaker: list[np.ndarray], portrait_frame: np.ndarray) -> None:
    other = portrait_frame[:, ::-1]
    shots = shots_of([*speaker[:10], *[portrait_frame] * 5, *[other] * 5, *speaker[10:20]])
    assert shots.tolist() == [0] * 10 + [1] * 5 + [2] * 5 + [3] * 10


def test_a_flash_is_no_cut(speaker: list[np.ndarray]) -> None:
    flash = [brighter(picture, 90) for picture in speaker[10:12]]
    assert shots_of([*speaker[:10], *flash, *speaker[12:]])[-1] == 0


def test_a_pan_and_a_fade_are_no_cuts(portrait: np.ndarray) -> None:
    pan = [portrait[100:388, 5 * step : 5 * step + 360] for step in range(30)]
    assert shots_of(pan)[-1] == 0
    fade = [(portrait * (step / 30)).astype(np.uint8) for step in range(31)]
    assert shots_of(fade)[-1] == 0


def test_the_first_picture_and_a_cut_are_suspected_at_once(
    speaker: list[np.ndarray], portrait_frame: np.ndarray
) -> None:
    detector = CutDetector()
    suspected = [detector.push(picture) for picture in [*speaker[:8], portrait_frame, portrait_frame]]
    assert suspected == [True, *[False] * 7, True, False]


def sighting(frame: int, shift: float) -> Sighting:
    landmarks = np.random.default_rng(0).uniform(0, 100, (478, 3)).astype(np.float32)
    return Sighting(frame, LandmarkStore().keep(landmarks + np.float32(shift)), 1.0, None)


def test_a_cut_over_which_the_face_moves_on_is_taken_back() -> None:
    seen = [[sighting(frame, 0.3 * frame)] for frame in range(10)]
    shots = np.array([0] * 5 + [1] * 5, dtype=np.int32)
    assert without_disproved_cuts(shots, seen).tolist() == [0] * 10


def test_a_cut_over_which_the_face_jumps_stays() -> None:
    seen = [[sighting(frame, 0.3 * frame + 12 * (frame >= 5))] for frame in range(10)]
    shots = np.array([0] * 5 + [1] * 5, dtype=np.int32)
    assert without_disproved_cuts(shots, seen).tolist() == shots.tolist()


def test_a_cut_without_faces_stays() -> None:
    shots = np.array([0, 0, 1, 1], dtype=np.int32)
    assert without_disproved_cuts(shots, [[], [], [], []]).tolist() == [0, 0, 1, 1]
    assert without_disproved_cuts(shots, [[], [], [sighting(2, 0)], []]).tolist() == [0, 0, 1, 1]

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from tests.dubbing.tiny import CONFIG, CROP, randomize_warp
from tests.narrow import present

from visavox.audio.features.mel import mel_spectrogram, mel_window
from visavox.dubbing.backends.torch import TorchBackend
from visavox.dubbing.drives import AudioDrive
from visavox.dubbing.predictor import LipSyncPredictor
from visavox.dubbing.speaking_face import SpeakingFace, prepare_face, working_crop
from visavox.dubbing.stream import FaceInFrame, LipSyncStream
from visavox.errors import InputError
from visavox.face.composite.mouth_mask import mouth_mask
from visavox.face.geometry.crop import warp_crop
from visavox.models.generator.generator import LipSyncGenerator
from visavox.models.sync.expert import Expert
from visavox.runtime.device import choose_device
from visavox.types import Track
from visavox.weights.networks import build_generator

NUM_FRAMES = 30


@pytest.fixture(scope="module")
def mel() -> np.ndarray:
    generator = np.random.default_rng(3)
    loudness = np.repeat(generator.uniform(0, 0.3, 15), 1600)
    return mel_spectrogram((generator.normal(0, 1, len(loudness)) * loudness).clip(-1, 1).astype(np.float32)).numpy()


@pytest.fixture(scope="module")
def face(track: Track, frames: list[np.ndarray]) -> SpeakingFace:
    speaking = prepare_face(track, CROP, 0.03)
    speaking.references[0] = warp_crop(frames[5], speaking.matrices[5], CROP.size)
    return speaking


def drive_of(predictor: LipSyncPredictor, mel: np.ndarray | None = None) -> AudioDrive:
    """Make a drive, and push all of the mel where it is given."""
    drive = AudioDrive(predictor.backend)
    if mel is not None:
        drive.push(mel)
        drive.end()
    return drive


def paint(
    predictor: LipSyncPredictor,
    face: SpeakingFace,
    frames: list[np.ndarray],
    mel: np.ndarray,
    *,
    batch_size: int = 4,
    portions: list[int] | None = None,
    lead: Fraction = Fraction(0),
) -> list[np.ndarray]:
    """Render the first frames, the audio arriving in `portions` of mel frames between the images."""
    drive = drive_of(predictor, mel if portions is None else None)
    stream = LipSyncStream(predictor, drive, batch_size=batch_size, audio_lead=lead)
    finished, pushed = [], 0
    for index in range(NUM_FRAMES):
        if portions is not None:
            step = portions[index % len(portions)]
            drive.push(mel[:, pushed : pushed + step])
            pushed += step
        shown = face.at(index)
        finished += stream.push(frames[index].copy(), Fraction(index, 25), [] if shown is None else [shown])
    if portions is not None:
        drive.push(mel[:, pushed:])
    return finished + stream.flush()


def test_portions_change_nothing(
    predictor: LipSyncPredictor, face: SpeakingFace, frames: list[np.ndarray], mel: np.ndarray
) -> None:
    whole = paint(predictor, face, frames, mel)
    for portions in ([3], [0, 0, 40], [1, 7, 2], [200]):
        pieces = paint(predictor, face, frames, mel, portions=portions)
        assert len(pieces) == NUM_FRAMES
        assert all(np.array_equal(first, second) for first, second in zip(whole, pieces, strict=True))


def test_batches_change_only_rounding(
    predictor: LipSyncPredictor, face: SpeakingFace, frames: list[np.ndarray], mel: np.ndarray
) -> None:
    one, many = (paint(predictor, face, frames, mel, batch_size=size) for size in (1, 16))
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(one, many, strict=True)) <= 1


def test_later_sound_does_not_change_earlier_frames(
    predictor: LipSyncPredictor, face: SpeakingFace, frames: list[np.ndarray], mel: np.ndarray
) -> None:
    cut = mel.copy()
    cut[:, 60:] = 4.0
    before, after = paint(predictor, face, frames, mel), paint(predictor, face, frames, cut)
    audio = present(predictor.spec.audio)
    heard = [audio.first_row(Fraction(index, 25)) + audio.window for index in range(NUM_FRAMES)]
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [end <= 60 for end in heard]


def test_the_network_gets_what_it_was_promised(
    generator: LipSyncGenerator,
    predictor: LipSyncPredictor,
    face: SpeakingFace,
    frames: list[np.ndarray],
    mel: np.ndarray,
) -> None:
    """Mel window of the very time, target with its lower half hidden, reference; RGB in [0, 1]."""
    seen = []
    spy = TorchBackend(generator, "cpu")
    spy._model = generator
    parts = [generator.get_submodule(name) for name in ("conditioner", "renderer.face_encoder_blocks.0")]
    hooks = [each.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone())) for each in parts]
    predictor = LipSyncPredictor(spy)
    stream = LipSyncStream(predictor, drive_of(predictor, mel), batch_size=1, audio_lead=Fraction(1, 100))
    time = Fraction(1001, 30_000) * 11  # 29.97 frames a second
    stream.push(frames[11].copy(), time, [present(face.at(11))])
    for hook in hooks:
        hook.remove()
    (sound, faces), target = seen, warp_crop(frames[11], face.matrices[11], CROP.size)
    start = int(80 * (time + Fraction(1, 100))) - 4
    assert np.array_equal(sound[0], mel_window(mel, start, 16))
    assert faces.shape == (1, 6, 96, 96)
    assert torch.equal(faces[0, :3, :48], torch.from_numpy(target[:48]).permute(2, 0, 1) / 255)
    assert faces[0, :3, 48:].abs().max() == 0
    assert torch.equal(faces[0, 3:], torch.from_numpy(face.references[0]).permute(2, 0, 1) / 255)


def test_only_the_mouth_changes(
    predictor: LipSyncPredictor, face: SpeakingFace, frames: list[np.ndarray], mel: np.ndarray
) -> None:
    for index, image in enumerate(paint(predictor, face, frames, mel)):
        points = face.points[index] @ face.matrices[index][:, :2].T + face.matrices[index][:, 2]
        rows, columns = np.nonzero(mouth_mask(points, CROP.size).blend)
        inverse = np.linalg.inv(np.vstack([face.matrices[index], [0, 0, 1]]))
        corners = np.stack([columns, rows, np.ones_like(rows)], axis=1) @ inverse[:2].T
        (left, top), (right, bottom) = corners.min(axis=0) - 2, corners.max(axis=0) + 2
        changed_rows, changed_columns = np.nonzero((image != frames[index]).any(axis=-1))
        assert len(changed_rows) > 100
        assert changed_columns.min() >= left
        assert changed_columns.max() <= right
        assert changed_rows.min() >= top
        assert changed_rows.max() <= bottom


def test_frames_without_a_face_do_not_pile_up(predictor: LipSyncPredictor, frames: list[np.ndarray]) -> None:
    drive = drive_of(predictor)
    drive.push(np.full((80, 4), -4.0, np.float32))
    stream = LipSyncStream(predictor, drive, batch_size=4)
    for index in range(20):
        finished = stream.push(frames[0].copy(), Fraction(index, 25), [])
        assert len(finished) == 1
        assert np.array_equal(finished[0], frames[0])


def test_two_faces_in_one_frame(
    predictor: LipSyncPredictor, track: Track, frames: list[np.ndarray], mel: np.ndarray
) -> None:
    """Two halves of a frame that shows the same face twice are painted alike."""
    first = prepare_face(track, CROP, 0.0)
    width = frames[0].shape[1]
    doubled = np.concatenate([frames[9], frames[9]], axis=1)
    one = present(first.at(9))
    shift = np.array([width, 0.0])
    matrix = one.matrix.copy()
    matrix[:, 2] -= matrix[:, :2] @ shift
    other = FaceInFrame(1, matrix, one.points + shift, None, 0)
    stream = LipSyncStream(predictor, drive_of(predictor, mel), batch_size=2)
    (image,) = stream.push(doubled.copy(), Fraction(9, 25), [one, other])
    left, right = image[:, :width].astype(int), image[:, width:].astype(int)
    assert (left != frames[9]).any()
    assert np.abs(left - right).max() <= 1


def test_an_expert_generates_no_faces() -> None:
    with pytest.raises(InputError, match="generates no faces"):
        TorchBackend(Expert().eval())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_is_said() -> None:
    assert choose_device("auto").type == "cpu"
    with pytest.raises(InputError, match="no usable CUDA device"):
        choose_device("cuda")


@pytest.fixture(scope="module")
def warping() -> LipSyncPredictor:
    """A generator that warps its reference, at random."""
    torch.manual_seed(11)
    model = build_generator(replace(CONFIG, spec=replace(CONFIG.spec, layered=True))).eval()
    randomize_warp(model, 0.05)
    return LipSyncPredictor(TorchBackend(model, "cpu"))


def test_a_warped_reference_is_what_the_network_gives(
    warping: LipSyncPredictor, frames: list[np.ndarray], face: SpeakingFace, mel: np.ndarray
) -> None:
    crop = warp_crop(frames[9], face.matrices[9], CROP.size)
    window = mel_window(mel, 30, 16)
    backend, reference = warping.backend, face.references[0]
    assert isinstance(backend, TorchBackend)
    painted = warping.render(backend.condition(window[None]), crop[None, None], reference[None, None])[0, 0]
    faces = torch.from_numpy(np.concatenate([crop, face.references[0]], axis=-1)).permute(2, 0, 1)[None] / 255
    faces[:, :3, 48:] = 0
    with torch.inference_mode(), backend._autocast():  # bfloat16 where the processor multiplies it
        expected = backend._model(torch.from_numpy(window[None]), faces)[0].permute(1, 2, 0).numpy()
    assert np.abs(painted - expected)[48:].max() < 0.02
    assert np.ptp(expected[48:]) > 0.1


def test_a_large_face_is_warped_at_twice_the_size(
    warping: LipSyncPredictor, track: Track, frames: list[np.ndarray], mel: np.ndarray
) -> None:
    crop = working_crop(CROP, True, [replace(track, landmarks=track.landmarks * 2)])
    assert crop.size == 2 * CROP.size
    assert working_crop(CROP, False, [replace(track, landmarks=track.landmarks * 2)]) == CROP
    assert working_crop(CROP, True, [replace(track, landmarks=track.landmarks / 8)]) == CROP
    face = prepare_face(track, crop, 0.03)
    face.references[0] = warp_crop(frames[5], face.matrices[5], crop.size)
    results = []
    for late in (False, True):
        drive = drive_of(warping)
        drive.push(mel[:, :40] if late else mel)
        stream = LipSyncStream(warping, drive, crop_size=crop.size, batch_size=4)
        images = [
            image
            for index in range(8)
            for image in stream.push(frames[index].copy(), Fraction(index, 25), [present(face.at(index))])
        ]
        if late:
            drive.push(mel[:, 40:])
        results.append(images + stream.flush())
    assert all(np.array_equal(first, second) for first, second in zip(*results, strict=True))
    assert all((image != frame).any() for image, frame in zip(results[0], frames, strict=False))

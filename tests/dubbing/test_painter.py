from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from tests.dubbing.tiny import CONFIG, CROP

from visavox.audio.features.mel import mel_spectrogram, mel_window, window_start
from visavox.dubbing.faces import SpeakingFace, prepare_face, working_crop
from visavox.dubbing.network import MouthNetwork
from visavox.dubbing.painter import MouthPainter
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
def mel() -> torch.Tensor:
    generator = np.random.default_rng(3)
    loudness = np.repeat(generator.uniform(0, 0.3, 15), 1600)
    return mel_spectrogram((generator.normal(0, 1, len(loudness)) * loudness).clip(-1, 1).astype(np.float32))


@pytest.fixture(scope="module")
def face(track: Track, frames: list[np.ndarray]) -> SpeakingFace:
    speaking = prepare_face(track, CROP, 0.03)
    speaking.references[0] = warp_crop(frames[5], speaking.matrices[5], CROP.size)
    return speaking


def paint(
    network: MouthNetwork,
    face: SpeakingFace,
    frames: list[np.ndarray],
    mel: torch.Tensor,
    *,
    batch_size: int = 4,
    portions: list[int] | None = None,
    lead: Fraction = Fraction(0),
) -> list[np.ndarray]:
    """Paint the first frames, the sound arriving in `portions` of mel frames between the pictures."""
    painter = MouthPainter(network, batch_size=batch_size, sound_lead=lead)
    finished = []
    if portions is None:
        painter.push_sound(mel)
        painter.end_sound()
    heard = 0
    for index in range(NUM_FRAMES):
        if portions is not None:
            step = portions[index % len(portions)]
            painter.push_sound(mel[:, heard : heard + step])
            heard += step
        faces = [face.at(index)] if face.at(index) is not None else []
        finished += painter.push(frames[index].copy(), Fraction(index, 25), faces)
    if portions is not None:
        painter.push_sound(mel[:, heard:])
    return finished + painter.flush()


def test_portions_change_nothing(
    network: MouthNetwork, face: SpeakingFace, frames: list[np.ndarray], mel: torch.Tensor
) -> None:
    whole = paint(network, face, frames, mel)
    for portions in ([3], [0, 0, 40], [1, 7, 2], [200]):
        pieces = paint(network, face, frames, mel, portions=portions)
        assert len(pieces) == NUM_FRAMES
        assert all(np.array_equal(first, second) for first, second in zip(whole, pieces, strict=True))


def test_batches_change_only_rounding(
    network: MouthNetwork, face: SpeakingFace, frames: list[np.ndarray], mel: torch.Tensor
) -> None:
    one, many = (paint(network, face, frames, mel, batch_size=size) for size in (1, 16))
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(one, many, strict=True)) <= 1


def test_later_sound_does_not_change_earlier_frames(
    network: MouthNetwork, face: SpeakingFace, frames: list[np.ndarray], mel: torch.Tensor
) -> None:
    cut = mel.clone()
    cut[:, 60:] = 4.0
    before, after = paint(network, face, frames, mel), paint(network, face, frames, cut)
    heard = [window_start(Fraction(index, 25), network.mel_lead) + network.mel_window for index in range(NUM_FRAMES)]
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [end <= 60 for end in heard]


def test_the_network_gets_what_it_was_promised(
    generator: LipSyncGenerator, network: MouthNetwork, face: SpeakingFace, frames: list[np.ndarray], mel: torch.Tensor
) -> None:
    """Mel window of the very time, target with its lower half hidden, reference; RGB in [0, 1]."""
    seen = []
    spy = MouthNetwork(generator)
    spy._model = generator
    parts = (generator.conditioner, generator.renderer.face_encoder_blocks[0])
    hooks = [part.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone())) for part in parts]
    painter = MouthPainter(spy, batch_size=1, sound_lead=Fraction(1, 100))
    painter.push_sound(mel)
    painter.end_sound()
    time = Fraction(1001, 30_000) * 11  # 29.97 frames a second
    painter.push(frames[11].copy(), time, [face.at(11)])
    for hook in hooks:
        hook.remove()
    (sound, faces), target = seen, warp_crop(frames[11], face.matrices[11], CROP.size)
    start = int(80 * (time + Fraction(1, 100))) - 4
    assert torch.equal(sound[0], mel_window(mel, start, 16))
    assert faces.shape == (1, 6, 96, 96)
    assert torch.equal(faces[0, :3, :48], torch.from_numpy(target[:48]).permute(2, 0, 1) / 255)
    assert faces[0, :3, 48:].abs().max() == 0
    assert torch.equal(faces[0, 3:], torch.from_numpy(face.references[0]).permute(2, 0, 1) / 255)


def test_only_the_mouth_changes(
    network: MouthNetwork, face: SpeakingFace, frames: list[np.ndarray], mel: torch.Tensor
) -> None:
    for index, image in enumerate(paint(network, face, frames, mel)):
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


def test_frames_without_a_face_do_not_pile_up(network: MouthNetwork, frames: list[np.ndarray]) -> None:
    painter = MouthPainter(network, batch_size=4)
    painter.push_sound(torch.full((80, 4), -4.0))
    for index in range(20):
        finished = painter.push(frames[0].copy(), Fraction(index, 25), [])
        assert len(finished) == 1
        assert np.array_equal(finished[0], frames[0])


def test_two_faces_in_one_frame(
    network: MouthNetwork, track: Track, frames: list[np.ndarray], mel: torch.Tensor
) -> None:
    """Two halves of a frame that shows the same face twice are painted alike."""
    first = prepare_face(track, CROP, 0.0)
    width = frames[0].shape[1]
    doubled = np.concatenate([frames[9], frames[9]], axis=1)
    one = first.at(9)
    shift = np.array([width, 0.0])
    matrix = one.matrix.copy()
    matrix[:, 2] -= matrix[:, :2] @ shift
    other = type(one)(1, matrix, one.points + shift, None, 0)
    painter = MouthPainter(network, batch_size=2)
    painter.push_sound(mel)
    painter.end_sound()
    (image,) = painter.push(doubled.copy(), Fraction(9, 25), [one, other])
    left, right = image[:, :width].astype(int), image[:, width:].astype(int)
    assert (left != frames[9]).any()
    assert np.abs(left - right).max() <= 1


def test_an_expert_paints_no_mouths():
    with pytest.raises(InputError, match="generates no faces"):
        MouthNetwork(Expert().eval())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_is_said() -> None:
    assert choose_device("auto").type == "cpu"
    with pytest.raises(InputError, match="no usable CUDA device"):
        choose_device("cuda")


@pytest.fixture(scope="module")
def bending() -> MouthNetwork:
    """A generator that bends its reference, at random."""
    torch.manual_seed(11)
    model = build_generator(replace(CONFIG, spec=replace(CONFIG.spec, layered=True))).eval()
    torch.nn.init.normal_(model.renderer.reference_warp.flow.weight, 0, 0.05)
    return MouthNetwork(model)


def test_a_bent_reference_is_what_the_network_gives(
    bending: MouthNetwork, frames: list[np.ndarray], face: SpeakingFace, mel: torch.Tensor
) -> None:
    crop = warp_crop(frames[9], face.matrices[9], CROP.size)
    window = mel_window(mel, 30, 16)
    painted = bending.paint(window[None].numpy(), crop[None], face.references[0][None])[0]
    faces = torch.from_numpy(np.concatenate([crop, face.references[0]], axis=-1)).permute(2, 0, 1)[None] / 255
    faces[:, :3, 48:] = 0
    with torch.inference_mode(), bending._autocast():  # bfloat16 where the processor multiplies it
        expected = bending._model(window[None], faces)[0].permute(1, 2, 0).numpy()
    assert np.abs(painted - expected)[48:].max() < 0.02
    assert np.ptp(expected[48:]) > 0.1


def test_a_large_face_is_bent_at_twice_the_size(
    bending: MouthNetwork, track: Track, frames: list[np.ndarray], mel: torch.Tensor
) -> None:
    crop = working_crop(CROP, True, [replace(track, landmarks=track.landmarks * 2)])
    assert crop.size == 2 * CROP.size
    assert working_crop(CROP, False, [replace(track, landmarks=track.landmarks * 2)]) == CROP
    assert working_crop(CROP, True, [replace(track, landmarks=track.landmarks / 8)]) == CROP
    face = prepare_face(track, crop, 0.03)
    face.references[0] = warp_crop(frames[5], face.matrices[5], crop.size)
    results = []
    for late in (False, True):
        painter = MouthPainter(bending, crop_size=crop.size, batch_size=4)
        painter.push_sound(mel[:, :40] if late else mel)
        images = [
            image
            for index in range(8)
            for image in painter.push(frames[index].copy(), Fraction(index, 25), [face.at(index)])
        ]
        if late:
            painter.push_sound(mel[:, 40:])
        results.append(images + painter.flush())
    assert all(np.array_equal(first, second) for first, second in zip(*results, strict=True))
    assert all((image != frame).any() for image, frame in zip(results[0], frames, strict=False))

"""An avatar speaks: the whole chain, with networks that never learned anything."""

from __future__ import annotations

import threading
import wave
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.acting_progress import ActingProgress, interrupt
from tests.small_avatar import info_of, make_avatar

import visavox
from visavox.avatar.format.avatar_folder import AvatarInfo, AvatarSource, SourceCrop, SourceVideo
from visavox.avatar.speak.job import Avatar
from visavox.avatar.speak.renderer import Renderer
from visavox.data.radiance.person_data import PersonData
from visavox.demo import FACE, SPEECH
from visavox.errors import InputError
from visavox.media import Encoding, VideoInfo, VideoReader, VideoWriter, probe, read_audio

LOSSLESS = Encoding(crf=0, preset="ultrafast")
CROP = SourceCrop(10, 2, 32)


def write_sound(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    """The small avatar, with footage beside it in which the person's pictures lie in larger frames."""
    folder = tmp_path_factory.mktemp("avatar")
    source = AvatarSource((SourceVideo("footage.mkv", 60),), CROP, (64, 36))
    make_avatar(folder, source=source)
    like = VideoInfo(path="", width=64, height=36, frame_rate=Fraction(25), time_base=Fraction(1, 25))
    with VideoWriter(folder / "footage.mkv", like=like, encoding=LOSSLESS, synthetic=False) as writer:
        for index, picture in enumerate(PersonData.load(folder / "data").frames):
            frame = np.full((36, 64, 3), 128, np.uint8)
            frame[2:34, 10:42] = picture
            writer.write(frame, Fraction(index, 25))
    return Avatar.load(folder, device="cpu")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.21 s of speech: five frames, and a piece of a sixth."""
    return write_sound(tmp_path_factory.mktemp("sound") / "speech.wav", read_audio(SPEECH)[16_000:19_300])


def frames_of(path: Path) -> np.ndarray:
    with VideoReader(path) as reader:
        return np.stack([frame.image for frame in reader])


def test_as_many_frames_as_the_sound_which_is_heard(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    result = avatar.speak(sound, tmp_path / "out.mp4")
    info = probe(result.output)
    assert (info.width, info.height, info.frame_rate) == (32, 32, Fraction(25))
    assert result.num_frames == len(frames_of(tmp_path / "out.mp4")) == 6
    assert result.seconds == pytest.approx(0.24)
    heard = read_audio(result.output)
    assert len(heard) >= 3200
    assert np.corrcoef(heard[:3200], read_audio(sound)[:3200])[0, 1] > 0.9
    assert "6 frames of 32 x 32" in result.summary()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_the_same_seed_gives_the_same_frames(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    made = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        avatar.speak(sound, tmp_path / f"{name}.mkv", seed=seed, encoding=LOSSLESS)
        made[name] = frames_of(tmp_path / f"{name}.mkv")
    assert np.array_equal(made["a"], made["b"])
    assert not np.array_equal(made["a"], made["c"])


def test_the_mouth_rests_in_silence(avatar: Avatar, tmp_path: Path) -> None:
    silent = write_sound(tmp_path / "silence.wav", np.zeros(5_000))
    lips = avatar.motion_of(silent).displacements[:, 48:]
    assert np.ptp(lips, axis=0).max() < 1e-4
    # A still head that does not blink is one picture.
    avatar.speak(silent, tmp_path / "out.mkv", pose="still", blink="none", encoding=LOSSLESS)
    seen = frames_of(tmp_path / "out.mkv")
    assert np.abs(np.diff(seen.astype(int), axis=0)).max() <= 1


def test_lips_move_in_speech_and_stay_within_the_footage(avatar: Avatar, sound: Path) -> None:
    motion = avatar.motion_of(sound)
    assert np.ptp(motion.displacements[:, 48:], axis=0).max() > 0.01
    known = avatar.parts.motion.displacements
    assert (motion.displacements <= known.max(axis=0) + 1e-5).all()
    assert (motion.displacements >= known.min(axis=0) - 1e-5).all()


def test_without_a_post_net_the_person_gives_rest_and_size(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    avatar = Avatar(replace(avatar.parts, adapter=None), avatar.device)
    assert avatar.speak(sound, tmp_path / "out.mp4").num_frames == 6


def test_a_larger_picture_shows_the_same(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    avatar.speak(sound, tmp_path / "small.mkv", encoding=LOSSLESS, pose="still")
    avatar.speak(sound, tmp_path / "large.mkv", encoding=LOSSLESS, pose="still", size=64)
    small, large = (frames_of(tmp_path / f"{name}.mkv")[3].astype(float) for name in ("small", "large"))
    assert small.shape == (32, 32, 3)
    assert large.shape == (64, 64, 3)
    means = [picture.reshape(4, picture.shape[0] // 4, 4, -1, 3).mean(axis=(1, 3)) for picture in (small, large)]
    assert np.abs(means[0] - means[1]).mean() < 4


def test_a_person_is_rendered_without_what_is_behind_them(avatar: Avatar) -> None:
    layers = Renderer(avatar.parts, 32, avatar.device).render(avatar.parts.motion.displacements, avatar.parts.pose, 3)
    assert layers.color.shape == (32, 32, 3)
    assert (layers.color.max(axis=2) <= layers.opacity + 1e-3).all()
    assert (layers.head <= layers.opacity + 1e-3).all()


def test_green_and_a_picture_behind_the_person(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    avatar.speak(sound, tmp_path / "green.mkv", background="green", pose="still", encoding=LOSSLESS)
    avatar.speak(sound, tmp_path / "face.mkv", background=str(_photo(tmp_path)), pose="still", encoding=LOSSLESS)
    green, photo = (frames_of(tmp_path / f"{name}.mkv")[0] for name in ("green", "face"))
    assert not np.array_equal(green, photo)


def _photo(folder: Path) -> Path:
    from PIL import Image

    with VideoReader(FACE) as reader:
        Image.fromarray(next(iter(reader)).image).save(folder / "photo.png")
    return folder / "photo.png"


def test_a_transparent_result(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    avatar.speak(sound, tmp_path / "out.mov", background="transparent")
    with av.open(str(tmp_path / "out.mov")) as container:
        frames = [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]
    assert len(frames) == 6
    assert int(np.ptp(frames[0][..., 3])) > 10
    with pytest.raises(InputError, match=r"\.mp4 holds no transparent images here; name the output \.mov"):
        avatar.speak(sound, tmp_path / "out.mp4", background="transparent")
    assert not (tmp_path / "out.mp4").exists()


def test_pasting_leaves_every_pixel_outside_as_decoded(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    encoding = replace(LOSSLESS, pixel_format="yuv444p")
    result = avatar.speak(sound, tmp_path / "out.mkv", paste=True, encoding=encoding)
    assert (result.width, result.height) == (64, 36)
    seen, footage = frames_of(tmp_path / "out.mkv"), frames_of(avatar.parts.folder / "footage.mkv")[:6]
    differs = (np.abs(seen.astype(int) - footage) > 3).any(axis=-1)  # encoding rounds colours
    assert differs[:, 2:34, 10:42].any()
    outside = np.ones((36, 64), bool)
    outside[2:34, 10:42] = False
    assert not differs[:, outside].any()


def test_longer_sound_than_footage_is_pasted_to_and_fro(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    short = replace(avatar.parts.info, stretches=((0, 4), *((start, start + 2) for start in range(4, 54, 2))))
    avatar = Avatar(replace(avatar.parts, info=short), avatar.device)
    result = avatar.speak(sound, tmp_path / "out.mp4", paste=avatar.parts.folder)
    assert result.num_frames == 6
    assert "1 stretch of the source video" in result.decisions[0]


def test_footage_that_is_shorter_than_it_was_is_said_before_anything_is_drawn(
    avatar: Avatar, sound: Path, tmp_path: Path
) -> None:
    target = tmp_path / "footage.mkv"
    with (
        VideoReader(avatar.parts.folder / "footage.mkv") as reader,
        VideoWriter(target, like=reader.info, encoding=LOSSLESS) as writer,
    ):
        for frame in islice(reader, 3):
            writer.write(frame.image, frame.time)
    with pytest.raises(InputError, match="has 3 frames, fewer than the video of the avatar had"):
        avatar.speak(sound, tmp_path / "out.mp4", paste=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["footage.mkv"]


def test_pose_of_a_video(avatar: Avatar, sound: Path, tmp_path: Path) -> None:
    with VideoReader(FACE) as reader, VideoWriter(tmp_path / "head.mp4", like=reader.info) as writer:
        for frame in islice(reader, 8):
            writer.write(frame.image, frame.time)
    avatar.speak(sound, tmp_path / "out.mp4", pose=str(tmp_path / "head.mp4"))
    assert len(frames_of(tmp_path / "out.mp4")) == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 31}, "give an even number of pixels from 64 to 128"),
        ({"size": 512}, "give an even number of pixels from 64 to 128"),
        ({"background": "nowhere.png"}, "give original, green, transparent, or the path of an image"),
        ({"background": str(FACE)}, "is a video; give an image"),
        ({"pose": "nowhere.mp4"}, "give original, still, or the path of a video"),
        ({"blink": "own"}, "--blink own is not known here; give natural"),
        ({"blink": "often"}, "blinks a minute from 0 to 120"),
        ({"seed": -1}, "give 0 or more"),
        ({"temperature": 3}, "give 0"),
        ({"threads": 0}, "give 1 or more"),
        ({"device": "cpu"}, "chosen when it is loaded"),
        ({"compile": True}, "compile of an avatar is chosen when it is loaded"),
        ({"paste": "", "pose": "still"}, "leave out --pose or --paste"),
        ({"paste": "", "background": "green"}, "leave out one of both"),
        ({"paste": "/nowhere"}, "give the folder where it is now"),
        ({"colour": 1}, "unknown option colour"),
    ],
)
def test_options_that_cannot_be_used(
    avatar: Avatar, sound: Path, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        avatar.speak(sound, tmp_path / "out.mp4", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("audio", "output", "words"),
    [
        ("nowhere.wav", "out.mp4", "nowhere.wav"),
        ("empty.wav", "out.mp4", "no length"),
        ("-", "out.mp4", "give a file"),
        ("speech.wav", "out.avi", "allowed are"),
        ("speech.wav", "there.mp4", "exists already"),
        ("speech.wav", "nofolder/out.mp4", "does not exist; create it"),
        ("photo.png", "out.mp4", "photo.png"),
    ],
)
def test_files_that_cannot_be_used(
    avatar: Avatar, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, audio: str, output: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("speech.wav").write_bytes(sound.read_bytes())
    Path("there.mp4").write_bytes(b"")
    write_sound(Path("empty.wav"), np.zeros(0))
    _photo(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(InputError, match=words):
        avatar.speak(audio, output)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("options", [{}, {"paste": ""}])
def test_ctrl_c_leaves_nothing(avatar: Avatar, sound: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    progress = ActingProgress(3, interrupt, lambda event: event.stage == "rendering")
    with pytest.raises(KeyboardInterrupt):
        avatar.speak(sound, tmp_path / "out.mp4", progress=progress, **options)
    assert not list(tmp_path.iterdir())
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("visavox")]


def test_an_avatar_is_loaded_by_path_and_known_in_the_package(avatar: Avatar) -> None:
    assert visavox.Avatar is Avatar
    assert AvatarInfo.load(avatar.parts.folder).values == info_of(PersonData.load(avatar.parts.folder / "data")).values
    with pytest.raises(InputError, match="there is no avatar nobody; give the folder of one"):
        Avatar.load("nobody")


def test_nothing_is_compiled_for_a_cpu(avatar: Avatar) -> None:
    with pytest.raises(InputError, match="--compile was given, and the device is cpu"):
        Avatar.load(avatar.parts.folder, device="cpu", compile=True)


def test_settings_that_mean_nothing() -> None:
    with pytest.raises(InputError, match="allowed are auto, cpu, cuda"):
        visavox.AvatarSpeakSettings(device="tpu")  # type: ignore[arg-type]

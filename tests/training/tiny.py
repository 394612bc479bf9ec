"""Networks and recipes small enough to be trained in a test, and a data set of real footage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from visavox.data.clip_file import STORED_MARGIN, ClipFile, encode_jpeg, save_clip
from visavox.demo import FACE
from visavox.face.crop import CropSpec, crop_transforms, warp_crop
from visavox.face.tracking import track_video
from visavox.media import VideoReader, read_audio
from visavox.models.syncnet.expert import ExpertConfig
from visavox.models.wav2lip.discriminator import QualityDiscriminatorConfig
from visavox.models.wav2lip.generator import Wav2LipConfig
from visavox.models.wav2lip.motion import MotionConfig
from visavox.progress import Progress
from visavox.training.expert import ExpertSettings
from visavox.training.loop import LoopSettings
from visavox.training.recipes import ExpertRecipe, SpeechRecipe, Wav2LipRecipe
from visavox.training.speech import SpeechSettings
from visavox.training.wav2lip import Wav2LipLosses, Wav2LipSettings

NUM_FRAMES = 25
CUTS = {"anna": (0, "train"), "ben": (25, "train"), "cleo": (50, "validation")}
"""'Speaker' of each cut of the bundled clip: its first frame and its split."""

GENERATOR = Wav2LipConfig(
    mel_window=32,
    mel_lead=14,
    encoder_channels=(2, 2, 4, 4, 4, 4, 4),
    encoder_residuals=(0,) * 6,
    decoder_channels=(4, 4, 4, 4, 4, 4, 2),
    decoder_residuals=(0,) * 7,
    output_channels=2,
    motion=MotionConfig(num_motions=4, channels=8, condition=4),
    warp_reference=True,
)
PLAIN_GENERATOR = Wav2LipConfig(
    mel_lead=3,
    encoder_channels=(2, 2, 4, 4, 4, 4, 4),
    encoder_residuals=(0,) * 6,
    decoder_channels=(4, 4, 4, 4, 4, 4, 2),
    decoder_residuals=(0,) * 7,
    audio_channels=(2, 2, 4, 4, 4),
    output_channels=2,
)
EXPERT = ExpertConfig(
    face_channels=(2, 2, 4, 4, 4, 8), audio_channels=(2, 2, 4, 4, 8), face_residuals=(0, 0, 0, 1), dropout=0.2
)
DISCRIMINATOR = QualityDiscriminatorConfig(channels=(2, 2, 2, 4, 4, 4, 4))
LOOP = LoopSettings(
    steps=6,
    batch_size=4,
    learning_rate=1e-2,
    warmup=2,
    average_decay=0.9,
    validate_every=2,
    save_every=3,
    log_every=1,
    workers=0,
    precision="32-true",
)
SPEECH = SpeechRecipe(SpeechSettings(GENERATOR, calibration_speakers=1), LOOP)
JUDGE = ExpertRecipe(ExpertSettings(EXPERT, num_wrong=2, validation_samples=6), LOOP)
PAINTER = Wav2LipRecipe(Wav2LipSettings(GENERATOR, Wav2LipLosses(cover=0.1), validation_samples=4), LOOP)
EVERYTHING = Wav2LipRecipe(
    Wav2LipSettings(
        GENERATOR,
        Wav2LipLosses(cover=0.1, sync=0.1, adversarial=0.1, features=0.1),
        discriminator=DISCRIMINATOR,
        true_motion=0.5,
        sync_threshold=100.0,
        validation_samples=2,
    ),
    replace(LOOP, batch_size=2),
)
"""Sync loss (whose gate opens at the first validation), discriminator, dropout in the speech branch, average."""


def make_dataset(folder: Path) -> Path:
    """Prepare the bundled clip as three clips of a second."""
    track = track_video(FACE)[0]
    spec = CropSpec().with_margin(STORED_MARGIN, 128)
    matrices = crop_transforms(track, spec)
    with VideoReader(FACE) as reader:
        crops = [warp_crop(frame.image, matrix, spec.size) for frame, matrix in zip(reader, matrices, strict=True)]
    landmarks = track.landmarks.copy()
    landmarks[..., :2] = np.einsum("tij,tpj->tpi", matrices[:, :, :2], landmarks[..., :2]) + matrices[:, None, :, 2]
    landmarks[..., 2] *= np.sqrt(np.linalg.det(matrices[:, :, :2]))[:, None]
    sound = (read_audio(FACE) * 32767).astype(np.int16)
    lines = []
    for speaker, (first, split) in CUTS.items():
        part = slice(first, first + NUM_FRAMES)
        begin, end = (int(Fraction(frame, 25) * 16_000) for frame in (first, first + NUM_FRAMES))
        jpegs = [encode_jpeg(crop) for crop in crops[part]]
        clip = ClipFile(jpegs, landmarks[part], sound[begin:end], track.rotations[part], spec)
        save_clip(clip, folder / "clips" / f"{speaker}_0.npz")
        lines.append({"clip_id": f"{speaker}_0", "speaker": speaker, "split": split, "num_frames": NUM_FRAMES})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


class AfterStep(Progress):
    """A progress display that does something after a number of training steps."""

    def __init__(self, step: int, action) -> None:
        super().__init__(enabled=False)
        self.step, self.action = step, action

    @contextmanager
    def bar(self, description: str, total: int | None, unit: str = "frame") -> Iterator[AfterStep]:
        self.counts = unit == "step"
        yield self

    def update(self, n: int = 1) -> None:
        if self.counts:
            self.step -= n
            if self.step == 0:
                self.action()


def log_lines(run: Path, kind: str) -> list[dict]:
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [entry for entry in entries if entry["kind"] == kind]

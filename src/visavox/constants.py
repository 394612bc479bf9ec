"""Constants of time and sound that all networks share: 25 frames and 16,000 samples a second."""

FRAME_RATE = 25
"""Frames a second of every video that a network sees, and of a video that has no rate of its own (a still image)."""
SAMPLE_RATE = 16_000
"""Samples a second of every waveform that a network gets: mono float32 in [-1, 1]."""
SAMPLES_PER_FRAME = SAMPLE_RATE // FRAME_RATE
"""640 samples of sound belong to one frame."""
NUM_MEL_BANDS = 80
"""Bands of a mel spectrogram: its height."""

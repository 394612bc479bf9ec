"""Wav2Lip: the generator that repaints the mouth and the discriminator that keeps it sharp."""

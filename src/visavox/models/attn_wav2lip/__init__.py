"""LPIPS-AttnWav2Lip: a generator of residual attention blocks, with modules that align the face with the speech."""

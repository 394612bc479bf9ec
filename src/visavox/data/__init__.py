"""Data: videos prepared to clips (`preparation`), and the samples of three families: generator, motion, radiance."""

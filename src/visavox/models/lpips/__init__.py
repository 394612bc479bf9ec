"""LPIPS: the learned perceptual distance between two pictures (Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018)."""

"""The Inception network whose features the Frechet inception distance compares (Heusel et al., NeurIPS 2017)."""

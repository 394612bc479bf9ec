"""The networks of GeneFace (Ye et al. 2023)."""

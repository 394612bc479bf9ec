"""Scripts for those who work on visavox: its counts, its words, its set-up, and the drawings in the documentation."""

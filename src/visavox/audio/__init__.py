"""Audio: the features that networks take (`features`), and the silences of a recording (`silence`)."""

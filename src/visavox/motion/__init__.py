"""Speech, or a performance, to the motion of a face (GeneFace's first half)."""

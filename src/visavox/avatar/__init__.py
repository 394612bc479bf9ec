"""One person as a radiance field: the data set, building, speaking."""

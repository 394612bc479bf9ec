"""Building an avatar: training, measuring and packing."""

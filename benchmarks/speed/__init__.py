"""Speed benchmark: time and memory of whole dubs."""

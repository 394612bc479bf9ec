"""Sound to features: the mel spectrogram that every network hears, and where nobody speaks."""

"""Motion benchmark: motion models and simple baselines on speakers that nobody was trained on."""

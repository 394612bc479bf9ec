"""Does a face move as the speech says? Motion models and simple baselines on speakers that nobody was trained on."""

"""A generator as a third party writes it: a renderer in one file, a recipe in another."""

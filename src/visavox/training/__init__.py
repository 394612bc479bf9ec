"""Training: one loop for every stage, one small class a stage, and the recipes."""

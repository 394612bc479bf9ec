"""Results benchmark: every model, with both baselines, on unseen speakers; the tables of docs/results.md."""

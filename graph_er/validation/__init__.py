"""By whole sessions: cross-validation, search, ablation."""

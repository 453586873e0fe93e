"""The comparison of fusion models: same corpus, split, encoders and budget for all."""

"""Stage 1: fitting the extractor."""

"""Encoders and the classifier on them."""

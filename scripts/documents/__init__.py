"""Blocks of measured numbers in the documents: what makes them and what puts them in."""

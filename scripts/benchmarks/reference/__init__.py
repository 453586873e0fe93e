"""The published approach, written anew and plainly from its description, to measure against."""

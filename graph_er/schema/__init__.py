"""What a dialogue is, its emotions and split, and the pickle that holds it."""

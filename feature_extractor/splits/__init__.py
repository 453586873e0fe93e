"""Who is in train, dev and test."""

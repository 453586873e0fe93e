"""What a corpus on disk holds: figures of its labels, audio, texts and splits, and their table."""

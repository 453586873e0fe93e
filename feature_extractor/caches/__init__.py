"""States of frozen encoders, kept on disk."""

"""From settings to trained models."""

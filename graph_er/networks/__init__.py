"""The contextual networks, their settings and their checkpoint."""

"""What `scripts/architecture.py` measures and draws."""

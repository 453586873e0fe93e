"""What a trained model says of a dialogue, and why."""

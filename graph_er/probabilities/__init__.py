"""From logits to probabilities: temperature, decoding."""

"""From utterances to tensors."""

"""Heads that join one text and one audio vector into emotion logits."""

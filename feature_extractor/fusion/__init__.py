"""Models that join text and audio streams into emotion logits and a vector per modality."""

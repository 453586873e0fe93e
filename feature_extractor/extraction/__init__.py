"""Stage 2: from utterances to the dialogue file."""

"""Stages 1 and 2 of graph_er: speech and transcript to one audio and one text vector each."""

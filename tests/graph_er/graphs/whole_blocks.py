"""Dialogues cut into blocks of any size, all of them at once."""

from graph_er.graphs.blocks import lay_out
from graph_er.graphs.windows import GRAPH_WINDOW, cut


def dialogue_blocks(speaker, ptr, *, past, future, decay, block=GRAPH_WINDOW):
    """As `graph_er.graphs.blocks.graph_blocks`, with `block` hearing utterances at most in each."""
    windows = cut(ptr, past=past, future=future, window=block, whole=block)
    return lay_out(windows, speaker, past=past, future=future, decay=decay)

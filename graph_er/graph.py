"""Edges and relations of a dialogue's graph, for Python users; see `graph_er.graphs.graph`."""

from __future__ import annotations

from graph_er.graphs.graph import relation_types, speaker_ids, window_edges

__all__ = ["relation_types", "speaker_ids", "window_edges"]

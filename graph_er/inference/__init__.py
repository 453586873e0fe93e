"""From a conversation that nobody labelled to its emotions; alone in `graph_er` it runs stage 2."""

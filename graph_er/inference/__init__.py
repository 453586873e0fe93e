"""From turns that nobody labelled to their emotions: the extractor and the graph are run."""

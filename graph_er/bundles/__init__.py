"""Models that belong together: bundles as they were written, a graph and its extractor."""

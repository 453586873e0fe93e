"""The benchmark's parts: references, measurements, table and picture. See ``benchmark.py``."""

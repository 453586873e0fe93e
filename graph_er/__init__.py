"""Stage 3 of graph_er: emotion recognition in conversation over speaker-relation graphs.

A module imports only from layers below its own; `tests/test_architecture.py` lists the layers and
holds the code to them. From the bottom: files and values; dialogues and records; graphs and blocks;
the two networks; checkpoints and predictions; fitting; runs, cross-validation and search; reports;
commands.
"""

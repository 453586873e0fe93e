"""Command-line options that the commands of stages 1 and 2 share, and the check of their ranges."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from feature_extractor.corpora import CORPORA


def add_corpus_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--corpus``, ``--root`` and the label policies."""
    group = parser.add_argument_group("corpus")
    group.add_argument(
        "--corpus", choices=CORPORA, default="demo", help="which corpus (default: demo)"
    )
    group.add_argument(
        "--root", type=Path, help="where it lies (default for the demo: data/demo, made if absent)"
    )
    group.add_argument(
        "--labels_of",
        choices=("speaker", "listener"),
        default="speaker",
        help="whose emotion the labels tell (default: speaker)",
    )
    group.add_argument(
        "--multi_label",
        choices=("drop", "first", "soft"),
        default="drop",
        help="utterances with tied labels: leave out, take the first, or learn the raters' votes "
        "of every utterance (default: drop)",
    )


def corpus_policies(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the label policies as `corpora.registry.read_corpus` takes them."""
    return {"labels_of": arguments.labels_of, "multi_label": arguments.multi_label}


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")

"""Stage 2: write the dialogue file, one audio and one text vector per utterance."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from feature_extractor.options import add_corpus_options, add_device_option, corpus_policies
from graph_er.cli import run_command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="feature-extractor-extract",
        description="Stage 2: write the vectors of every utterance to a dialogue file.",
    )
    source = parser.add_argument_group("vectors").add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path, help="checkpoint folder of stage 1")
    source.add_argument("--frozen", action="store_true", help="encoders as pretrained, no stage 1")
    frozen = parser.add_argument_group("with --frozen")
    for name in ("text", "audio"):
        frozen.add_argument(
            f"--{name}_encoder", help="hub id or local folder (default: that of stage 1)"
        )
    frozen.add_argument(
        "--sentence_encoder", help="text by this sentence-transformers model (hub id or folder)"
    )
    add_corpus_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="dialogue file to write (.pkl)")
    parser.add_argument(
        "--batch_size", type=int, default=16, help="most utterances per batch (default: 16)"
    )
    parser.add_argument(
        "--num_workers", type=int, default=0, help="processes that decode audio (default: 0)"
    )
    add_device_option(parser)
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32", help="(default: float32)"
    )
    parser.add_argument(
        "--num_shards", type=int, default=1, help="processes that share the work (default: 1)"
    )
    parser.add_argument("--shard", type=int, default=0, help="which of them this is, from 0")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Extract, and write the file unless other shards are still at work."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    frozen_only = ("text_encoder", "audio_encoder", "sentence_encoder")
    if arguments.checkpoint and any(getattr(arguments, name) for name in frozen_only):
        parser.error("--text_encoder, --audio_encoder and --sentence_encoder go with --frozen")
    import torch

    from feature_extractor.execution import Execution, resolve_device
    from feature_extractor.extraction import Shard
    from feature_extractor.stage2 import Extraction, Source, run_stage2

    source = Source(
        checkpoint=arguments.checkpoint,
        text_encoder=arguments.text_encoder,
        audio_encoder=arguments.audio_encoder,
        sentence_encoder=arguments.sentence_encoder,
    )
    execution = Execution(
        device=resolve_device(arguments.device),
        dtype=getattr(torch, arguments.dtype),
        batch_size=arguments.batch_size,
        num_workers=arguments.num_workers,
    )
    extraction = Extraction(
        corpus=arguments.corpus,
        root=arguments.root,
        policies=corpus_policies(arguments),
        out=arguments.out,
        execution=execution,
        shard=Shard(arguments.shard, arguments.num_shards),
    )
    run_stage2(source, extraction, tell=print)


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())

"""Stage 2: write the dialogue file, one audio and one text vector per utterance."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from feature_extractor.options import (
    AS_TRAINED,
    add_corpus_options,
    add_split_options,
    checkpoint_inputs,
    corpus_choice,
    corpus_inputs,
)
from feature_extractor.settings import MODALITY_CHOICES
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.paths import keep_inputs

_FROZEN_ONLY = ("text_encoder", "audio_encoder", "sentence_encoder", "modalities", "clip_length")

_GUARANTEES = (
    "Killed at any time and started again with the same options, it goes on with the parts that it "
    "finished, which lie in FILE.pkl.parts until FILE.pkl is written, whole or not at all. "
    "Shards with one folder FILE.pkl.parts, or merge.py with copies of their folders, write the "
    "same file, byte by byte, as one process, on machines of one kind and for equal "
    "--batch_seconds, --batch_size and --dtype; --num_workers and the number of shards change "
    "nothing. Parts of other weights, transcripts, splits, audio files (by size and time) or "
    "precision are never mixed. Vectors are never all in memory, neither while they are made nor "
    "while the file is written."
)


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of stage 2."""
    parser = argparse.ArgumentParser(
        prog="feature-extractor-extract",
        description="Stage 2: write the vectors of every utterance to a dialogue file.",
    )
    source = parser.add_argument_group("vectors").add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path, help="checkpoint folder of stage 1")
    source.add_argument("--frozen", action="store_true", help="encoders as pretrained, no stage 1")
    folds = parser.add_argument_group("with --checkpoint")
    folds.add_argument(
        "--fold_checkpoints",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="checkpoints of stage 1 trained with --split inner:K and --fold 1 to K: each gives "
        "the vectors of the training dialogues that it left out, --checkpoint those of all others",
    )
    folds.add_argument(
        "--align",
        action=argparse.BooleanOptionalAction,
        help="rotate, scale and shift each fold's vectors to lie as those of --checkpoint, as "
        "fitted on dev (default: do)",
    )
    frozen = parser.add_argument_group("with --frozen")
    for name in ("text", "audio"):
        frozen.add_argument(
            f"--{name}_encoder", help="hub id or local folder (default: that of stage 1)"
        )
    frozen.add_argument(
        "--sentence_encoder", help="text by this sentence-transformers model (hub id or folder)"
    )
    frozen.add_argument(
        "--modalities", choices=MODALITY_CHOICES, help="which vectors (default: at)"
    )
    frozen.add_argument(
        "--clip_length",
        type=float,
        help="seconds; longer clips are heard in chunks, as those over its own are with "
        "--checkpoint (default: 25)",
    )
    add_corpus_options(parser, AS_TRAINED)
    add_split_options(parser, default="the checkpoint's, else the corpus's own")
    parser.add_argument("--out", type=Path, required=True, help="dialogue file to write (.pkl)")
    _add_execution_options(parser)
    parser.add_argument(
        "--num_shards", type=int, default=1, help="processes that share the work (default: 1)"
    )
    parser.add_argument("--shard", type=int, default=0, help="which of them this is, from 0")
    parser.add_argument_group("what is guaranteed", _GUARANTEES)
    return parser


def _add_execution_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--batch_seconds",
        type=float,
        default=100.0,
        help="most seconds of audio per batch, padding included; without audio 20 characters of "
        "text stand for a second (default: 100)",
    )
    parser.add_argument(
        "--batch_size", type=int, help="most utterances per batch, too (default: any number)"
    )
    parser.add_argument(
        "--num_workers",
        type=int,
        help="processes that decode audio ahead (default: with a GPU half as many as there are "
        "cores, at most 4, fewer where /dev/shm is small, and none for fewer than 256 utterances; "
        "none on the CPU)",
    )
    add_device_option(parser)
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "auto"),
        default="float32",
        help="bfloat16 is automatic mixed precision: vectors within a cosine of 0.999 of those in "
        "float32 (tested), faster where the hardware has it; auto takes it there, else float32 "
        "(default: float32)",
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Extract, and write the file unless other shards are still at work."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    given = [name for name in _FROZEN_ONLY if getattr(arguments, name) is not None]
    if arguments.checkpoint and given:
        parser.error(f"--{given[0]} goes with --frozen")
    if arguments.fold_checkpoints and not arguments.checkpoint:
        parser.error("--fold_checkpoints goes with --checkpoint")
    if arguments.align is not None and not arguments.fold_checkpoints:
        parser.error("--align goes with --fold_checkpoints")
    checkpoints = [arguments.checkpoint] if arguments.checkpoint else []
    inputs = [*corpus_inputs(arguments), *checkpoint_inputs("--checkpoint", checkpoints)]
    inputs += checkpoint_inputs("--fold_checkpoints", arguments.fold_checkpoints or [])
    keep_inputs("--out", arguments.out, [arguments.out], inputs)
    from feature_extractor.execution import Execution, resolve_device, resolve_dtype
    from feature_extractor.extraction.shard import Shard
    from feature_extractor.extraction.stage2 import Extraction, Source, run_stage2

    source = Source(
        checkpoint=arguments.checkpoint,
        fold_checkpoints=tuple(arguments.fold_checkpoints or ()),
        align=arguments.align is not False,
        **{name: getattr(arguments, name) for name in given},
    )
    device = resolve_device(arguments.device)
    execution = Execution(
        device=device,
        dtype=resolve_dtype(arguments.dtype, device),
        batch_size=arguments.batch_size,
        batch_seconds=arguments.batch_seconds,
        num_workers=arguments.num_workers,
    )
    extraction = Extraction(
        choice=corpus_choice(arguments),
        out=arguments.out,
        execution=execution,
        shard=Shard(
            arguments.shard,
            arguments.num_shards,
            _command_of_every_shard(sys.argv[1:] if argv is None else argv),
        ),
    )
    run_stage2(source, extraction, tell=print)


def _command_of_every_shard(argv: Sequence[str]) -> str:
    """Return the command line without what tells the shards apart."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--shard")
    parser.add_argument("--num_shards")
    _, others = parser.parse_known_args(list(argv))
    return shlex.join(["python", "feature_extractor/extract.py", *others])


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())

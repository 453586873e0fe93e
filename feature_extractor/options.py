"""Command-line options that the commands of stages 1 and 2 share, and the check of their ranges."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_extractor.corpora import CORPORA, EMOTION_MAP, POLICY_CHOICES
from feature_extractor.networks.checkpoint_files import CHECKPOINT_FILES
from graph_er.running.run_record import RECORD_NAME

if TYPE_CHECKING:
    from feature_extractor.sources import CorpusChoice

# For the commands that take a checkpoint.
AS_TRAINED = (
    "A checkpoint's own corpus is read as it was for training: --labels_of and the like that are "
    "not given are the checkpoint's."
)
_POLICIES = (*POLICY_CHOICES, EMOTION_MAP)


def add_corpus_options(parser: argparse.ArgumentParser, note: str | None = None) -> None:
    """Add ``--corpus``, ``--root`` and the policies of the readers, under a `note` on them."""
    group = parser.add_argument_group("corpus", note)
    group.add_argument(
        "--corpus",
        choices=CORPORA,
        default="demo",
        metavar="NAME",
        help=f"which corpus: {', '.join(CORPORA)} (default: demo)",
    )
    group.add_argument(
        "--root",
        type=Path,
        help="where it lies: a folder, for table a CSV or JSONL file (default for the demo: "
        "data/demo, made if absent)",
    )
    group.add_argument(
        "--labels_of",
        choices=POLICY_CHOICES["labels_of"],
        help="kemdy19: whose emotion the labels tell (default: speaker)",
    )
    group.add_argument(
        "--multi_label",
        choices=POLICY_CHOICES["multi_label"],
        help="kemdy19, kemdy20: utterances with tied labels: leave out, take the first, or learn "
        "the raters' votes of every utterance (default: drop)",
    )
    group.add_argument(
        "--target",
        choices=POLICY_CHOICES["target"],
        help="aihub263: the emotion that was acted, or what most raters heard (default: situation)",
    )
    group.add_argument(
        "--emotion_map",
        type=Path,
        metavar="FILE",
        help="aihub_dialogue: JSON that maps its emotion codes to labels (default: that of "
        "the reader)",
    )
    group.add_argument(
        "--classes",
        type=int,
        choices=POLICY_CHOICES["classes"],
        help="iemocap: how many emotions (default: 6)",
    )


def add_split_options(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--split`` and ``--fold``; `default` says what is taken without."""
    group = parser.add_argument_group("split")
    group.add_argument(
        "--split",
        metavar="SPEC",
        help="official; session5 or sessions:19,20; folds:K, speakers:K, sentences:K or crossed:K "
        "with --fold; ids:FILE; inner:K or inner:K@SPEC with --fold, folds of the training side "
        f"(default: {default})",
    )
    group.add_argument("--fold", type=int, metavar="K", help="which fold is test, from 1")


def corpus_policies(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the policies that the corpus is read with, defaults filled in.

    Raises:
        InputError: one was given that the corpus does not know.
    """
    # Here: the readers take seconds to import.
    from feature_extractor.corpora.registry import effective_policies

    return effective_policies(arguments.corpus, _given(arguments))


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    found = {policy: getattr(arguments, policy) for policy in _POLICIES}
    return {policy: value for policy, value in found.items() if value is not None}


def corpus_inputs(arguments: argparse.Namespace) -> list[tuple[str, Path | None]]:
    """Return the files of the user that ``--root`` and its like name, each with its option."""
    ids = (arguments.split or "").partition("ids:")[2]
    return [
        ("--root", arguments.root),
        ("--emotion_map", arguments.emotion_map),
        ("--split", Path(ids) if ids else None),
    ]


def checkpoint_inputs(option: str, folders: Iterable[Path]) -> list[tuple[str, Path | None]]:
    """Return the files of stage 1 checkpoints, each with the `option` that names its folder."""
    return [(option, folder / n) for folder in folders for n in (*CHECKPOINT_FILES, RECORD_NAME)]


def corpus_choice(arguments: argparse.Namespace) -> CorpusChoice:
    """Return which corpus is read and how it is split; raises as `corpus_policies`."""
    from feature_extractor.sources import CorpusChoice

    return CorpusChoice(
        name=arguments.corpus,
        root=arguments.root,
        policies=_given(arguments),
        split=arguments.split,
        fold=arguments.fold,
    )

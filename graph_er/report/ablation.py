"""The table of an ablation: each change's score and its difference to the default, per corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_PREFACE = """# What each option of preset `default` is worth

Written by `python -m graph_er.ablation --data_dir FILE.pkl ... --out docs/ablation.json`, with
`--modalities` where a column names fewer than its file has; rows that are there already are not run
again. Each row changes one thing. Weighted F1 in per cent, mean ± sd over seeds, on dialogues that
the model was not trained on: with three or more sessions, each session of train and dev in turn by
a model of the others; else the file's dev side. Test dialogues are never read: n counts what was
scored; of two files of one corpus the SHA-256 tells which. The difference to the default is paired
by seed, so there is none where the seeds are others; its standard error is in brackets: below about
twice that, it means nothing. "Decoded" is weighted F1 after decoding along each speaker's turns at
weight 0.2. A dash is a row that was not run. Without text a row without the speaker's level also
has neither the terms of its deviations nor dropout 0.2, as `train.py` takes them there.

"""


# What tells the columns from each other.
_COLUMN = ("corpus", "data_sha256", "modalities")


def ablation_page(rows: Sequence[dict[str, Any]], variants: Sequence[str]) -> str:
    """Return the page of an ablation: how to read it, then `ablation_table`."""
    return _PREFACE + ablation_table(rows, variants)


def ablation_table(rows: Sequence[dict[str, Any]], variants: Sequence[str]) -> str:
    """Return Markdown: one row per change, columns per corpus; differences are paired by seed.

    Args:
        rows: of `graph_er.ablation`, in any order.
        variants: the order of the rows; the first is the default.
    """
    found = {(tuple(row[key] for key in _COLUMN), row["variant"]): row for row in rows}
    corpora = {column: row for (column, _), row in found.items()}
    header = ["Change"]
    digests = {(name, digest) for name, digest, _ in corpora}  # of one name may be two files
    names = [name for name, _ in digests]
    for (name, digest, _), example in corpora.items():
        which = f", file {digest[:8]}" if names.count(name) > 1 else ""
        title = f"{name}{which}, {example['modalities']} (n {example['n']:,})"
        header += [f"{title}: weighted F1", "difference", "macro F1", "decoded"]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    for variant in variants:
        cells = [variant]
        for corpus in corpora:
            row, default = found.get((corpus, variant)), found.get((corpus, variants[0]))
            same = row is not None and default is not None and row["seeds"] == default["seeds"]
            cells += _cells(row, default if same and row is not default else None)
        lines.append(cells)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: dict[str, Any] | None, default: dict[str, Any] | None) -> list[str]:
    if row is None:
        return ["–"] * 4
    scores = 100 * np.array(row["weighted_f1"])
    difference = ""
    if default is not None:
        paired = scores - 100 * np.array(default["weighted_f1"])
        error = paired.std(ddof=1) / np.sqrt(len(paired))
        difference = f"{paired.mean():+.1f} (± {error:.1f})"
    return [
        f"{scores.mean():.1f} ± {scores.std(ddof=1):.1f}",
        difference,
        f"{100 * np.mean(row['macro_f1']):.1f}",
        f"{100 * np.mean(row['decoded_weighted_f1']):.1f}",
    ]

"""The block of docs/reliability.md: cases tried and come through, and what they had brought up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from scripts.documents.blocks import table

_COLUMNS = ("kind", "tried", "came through", "found and mended")


def read_mended() -> dict[str, list[str]]:
    """Return by kind what was found by such cases and mended since."""
    return json.loads(Path(__file__).with_name("mended.json").read_text(encoding="utf-8"))


def reliability_block(found: Mapping[str, Mapping[str, int]]) -> str:
    """Return the table and, below it, what was found.

    Args:
        found: by kind the numbers ``tried`` and ``survived``, of ``pytest --reliability``.
    """
    mended = read_mended()
    rows = [
        (kind, f"{row['tried']:,}", f"{row['survived']:,}", str(len(mended.get(kind, ()))))
        for kind, row in found.items()
    ]
    lists = [
        f"**{kind}**\n\n" + "\n".join(f"- {text}" for text in texts)
        for kind, texts in mended.items()
    ]
    return "\n\n".join([table(_COLUMNS, rows).rstrip(), "### Found and mended", *lists])

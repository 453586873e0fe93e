"""Writes small corpora in the layout of AI Hub's emotional dialogues, for tests of its reader."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LABELS, SOURCES = "라벨링데이터", "원천데이터"
NAME = "감성대화말뭉치(최종데이터)"
HEADER = ["번호", "연령", "성별", "상황키워드", "신체질환", "감정_대분류", "감정_소분류"]
HEADER += [f"{who}문장{turn}" for turn in (1, 2, 3) for who in ("사람", "시스템")]


def item(
    number: int, emotion: str, *sentences: str, profile: int | None = None, **fields: Any
) -> dict[str, Any]:
    """Return a talk as the JSON files hold it; `sentences` are the human's turns 1, 2, 3."""
    owner = f"Pro_{number if profile is None else profile:05}"
    content = {}
    for turn, sentence in enumerate([*sentences, "", ""][:3], start=1):
        content |= {f"HS{turn:02}": sentence, f"SS{turn:02}": "그러셨군요." if sentence else ""}
    persona = {"persona-id": "A02_G02_C01", "human": ["A02", "G02"], "computer": ["C01"]}
    label = {
        "emotion-id": f"S06_D02_{emotion}",
        "type": emotion,
        "situation": ["S06", "D02"],
    }
    return {
        "profile": {"persona-id": owner, "persona": persona, "emotion": label},
        "talk": {
            "id": {"profile-id": owner, "talk-id": f"{owner}_{number:05}"},
            "content": content,
        },
        **fields,
    }


def write_json(root: Path, part: str, items: Sequence[Any], *, form: str = "NFC") -> Path:
    """Write ``<part>_221115_add/라벨링데이터/…_<part>.json``, its names in a Unicode form."""
    folder = root / f"{part}_221115_add" / unicodedata.normalize(form, LABELS)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / unicodedata.normalize(form, f"{NAME}_{part}.json")
    path.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    return path


def write_xlsx(
    root: Path, part: str, rows: Sequence[Sequence[object]], header: Sequence[str] = tuple(HEADER)
) -> Path:
    """Write ``<part>_221115_add/원천데이터/…_<part>.xlsx``."""
    import openpyxl

    path = root / f"{part}_221115_add" / SOURCES / f"{NAME}_{part}.xlsx"
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook = openpyxl.Workbook()
    for row in (header, *rows):
        workbook.active.append(list(row))
    workbook.save(path)
    return path


def xlsx_row(number: int, category: str, *sentences: str) -> list[object]:
    """Return a talk as the workbooks hold it."""
    turns = [
        cell for text in [*sentences, "", ""][:3] for cell in (text or None, "네." * bool(text))
    ]
    return [number, "청년", "여성", "연애", "해당없음", category, "노여워하는", *turns]

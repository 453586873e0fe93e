"""The map from the AI Hub emotional dialogue corpus's emotions to the seven of this project.

The corpus labels talks with 60 fine emotions, codes ``E10`` to ``E69``, in six categories, whose
number is the code's first digit. Neither holds neutral, so any map to the seven is approximate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.regular_files import require_regular, unique_keys
from graph_er.schema.emotions import normalise_emotion

DEFAULT_MAP = Path(__file__).with_name("aihub_dialogue_emotions.json")

_CODE = re.compile(r"E[1-6][0-9]")
_MOST_BYTES = 10 << 20
_SECTIONS = ("categories", "codes")


# A file, or its content; None is the map that comes with the package.
EmotionMap = Path | Mapping[str, Any] | None


def read_emotion_map(given: EmotionMap) -> dict[str, str | None]:
    """Return the emotion, or None for "leave out", by code (``E18``) and by category (``분노``).

    Args:
        given: a JSON object of the objects ``codes`` and ``categories``.

    Raises:
        InputError: no such JSON, or an emotion that is none of the seven.
    """
    if isinstance(given, Mapping):
        path, sections = Path("emotion map"), _sections(given, Path("emotion map"))
    else:
        path = DEFAULT_MAP if given is None else Path(given)
        sections = emotion_map_content(path)
    problems = [
        f"{code!r} is no code E10 to E69" for code in sections["codes"] if not _CODE.fullmatch(code)
    ]
    labels: dict[str, str | None] = {}
    for name, emotion in [pair for section in sections.values() for pair in section.items()]:
        try:
            labels[name] = None if emotion is None else normalise_emotion(_text(emotion))
        except InputError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}; correct the emotion map")
    return labels


def emotion_map_content(path: Path) -> dict[str, Mapping[str, Any]]:
    """Return what a file says, which `read_emotion_map` takes in its place.

    Raises:
        InputError: no JSON of a map.
    """
    require_regular(path, _MOST_BYTES)
    try:
        text = path.read_text(encoding="utf-8-sig")
        value = json.loads(text, object_pairs_hook=unique_keys)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give another map") from error
    except (ValueError, RecursionError, InputError) as error:
        raise InputError(f"{path}: no JSON in UTF-8 ({error}); correct the map") from error
    return _sections(value, path)


def _sections(value: Any, path: Path) -> dict[str, Mapping[str, Any]]:
    if not isinstance(value, dict) or not all(
        isinstance(value.get(section), dict) for section in _SECTIONS
    ):
        raise InputError(
            f"{path}: an emotion map is a JSON object with the objects "
            f"{' and '.join(_SECTIONS)}; {DEFAULT_MAP} is one to start from"
        )
    return {section: value[section] for section in _SECTIONS}


def _text(emotion: Any) -> str:
    return emotion if isinstance(emotion, str) else str(emotion)

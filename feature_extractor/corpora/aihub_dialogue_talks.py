"""Talks of the AI Hub emotional dialogue corpus, as its JSON files hold them.

A file is a list of items ``{"profile": {"emotion": {"type": "E18", "emotion-id": "S06_D02_E18"},
...}, "talk": {"id": {"profile-id": ..., "talk-id": ...}, "content": {"HS01": ..., "SS01": ...}}}``.
``HS`` are the human's sentences, ``SS`` the system's; an empty string is no turn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_extractor.corpora.text_files import one_line, require_text
from graph_er.errors import InputError
from graph_er.running.regular_files import require_regular, unique_keys

# The published description names no field for the wavs of the speech part; these are tried.
WAV_FIELDS = ("wav", "음성파일", "파일명")

_MOST_BYTES = 1 << 30
_LONGEST_NAME = 200
_WAV_NAME = re.compile(r"[FM]_[0-9]{6}(\.wav)?")
# ``HS01`` as published; also ``HS1`` and the like, as others write it.
_HUMAN_TURN = re.compile(r"\s*HS\s*([0-9]{1,4})\s*", re.IGNORECASE)
# Objects within an item, and within each other, that are read.
_PARTS = ("profile", "emotion", "talk", "id", "content")


@dataclass(frozen=True)
class Talk:
    """One talk of a human with a system.

    Attributes:
        source: file and item or row, for messages.
        id: talk id, unique in the corpus.
        profile: the profile that the talk was written for, or None: age, sex, situation and
            emotion as given to a writer, not who wrote or spoke.
        emotion: the code or the category, as written.
        sentences: (number of the turn, sentence) of the human's turns that are not empty.
        wav: file name of the recording, or None.
    """

    source: str
    id: str
    profile: str | None
    emotion: str
    sentences: tuple[tuple[int, str], ...]
    wav: str | None


def read_json_talks(path: Path, problems: list[str]) -> list[Talk]:
    """Return the usable talks of one JSON file; each that is not is a problem."""
    try:
        require_regular(path, _MOST_BYTES)
        text = path.read_text(encoding="utf-8-sig")
        items = json.loads(text, object_pairs_hook=_object)
        if not isinstance(items, list):
            raise InputError(f"{path}: holds no list of talks; restore the file")
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror}); restore the file")
        return []
    except (ValueError, RecursionError) as error:
        problems.append(f"{path}: no JSON in UTF-8 ({error}); restore the file")
        return []
    except InputError as error:
        problems.append(str(error))
        return []
    talks = []
    for number, item in enumerate(items, start=1):
        source = f"{path}, item {number}"
        try:
            talks.append(_parse_item(item, source))
        except InputError as error:
            problems.append(f"{source}: {error}")
    return talks


class _Doubled(dict[str, Any]):
    """An object with a key that stands twice in it, and what is wrong with it."""

    wrong = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of the file; one with a doubled key is refused with its item."""
    try:
        return unique_keys(pairs)
    except InputError as error:
        doubled = _Doubled(pairs)
        doubled.wrong = str(error)
        return doubled


def _refuse_doubled(item: Any) -> None:
    """Refuse an item in which a key that is read stands twice.

    Raises:
        InputError: it does.
    """
    parts = [item]
    for part in parts:  # which grows
        if isinstance(part, _Doubled):
            raise InputError(part.wrong)
        if isinstance(part, Mapping):
            parts += [part[key] for key in _PARTS if key in part]


def _parse_item(item: Any, source: str) -> Talk:
    _refuse_doubled(item)
    profile, talk = (_text(item, "talk", "id", name) for name in ("profile-id", "talk-id"))
    emotion = _text(item, "profile", "emotion", "type")
    emotion_id = item["profile"]["emotion"].get("emotion-id")
    if emotion_id is not None and str(emotion_id).split("_")[-1] != emotion:
        raise InputError(
            f"talk {talk}: emotion type {emotion!r} is not that of emotion-id {emotion_id!r}; "
            "correct one of them"
        )
    content = item["talk"].get("content")
    if not isinstance(content, Mapping):
        raise InputError(f"talk {talk}: talk.content is missing or no object; restore the item")
    sentences = human_sentences(_human_turns(content, talk))
    return Talk(
        source=source,
        id=talk if talk.startswith(profile) else f"{profile}_{talk}",
        profile=profile,
        emotion=emotion,
        sentences=sentences,
        wav=wav_name({name: item.get(name) for name in WAV_FIELDS}, len(sentences)),
    )


def _human_turns(content: Mapping[str, Any], talk: str) -> dict[int, str]:
    """Return the human's sentences by number.

    Raises:
        InputError: a sentence is no string, or one number has two.
    """
    turns: dict[int, tuple[str, str]] = {}
    for key, text in content.items():
        match = _HUMAN_TURN.fullmatch(key)
        if match is None:
            continue
        if not isinstance(text, str):
            raise InputError(f"talk {talk}: a sentence is no string; restore the item")
        other, before = turns.setdefault(int(match[1]), (key, text))
        if text != before:
            raise InputError(
                f"talk {talk}: {other!r} is {before[:80]!r}, {key!r} is {text[:80]!r}, and both "
                "name one sentence; remove one of them"
            )
    return {number: text for number, (_, text) in turns.items()}


def _text(item: Any, *keys: str) -> str:
    """Return the name at a path of keys, on one line."""
    value = item
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{'.'.join(keys)} is missing or no text; restore the item")
    require_text(value, ".".join(keys))
    if len(value) > _LONGEST_NAME:
        raise InputError(f"{'.'.join(keys)} {value[:40]!r}... is no name; restore the item")
    return one_line(value)


def human_sentences(turns: Mapping[int, str]) -> tuple[tuple[int, str], ...]:
    """Return (number, sentence on one line) of the turns that are not empty, in order.

    Raises:
        InputError: a sentence holds what stands in no text.
    """
    for number, text in turns.items():
        require_text(text, f"sentence {number}")
    lines = [(number, one_line(turns[number])) for number in sorted(turns)]
    return tuple((number, line) for number, line in lines if line)


def wav_name(fields: Mapping[str, Any], num_sentences: int) -> str | None:
    """Return the wav that a talk's fields name, if any.

    Raises:
        InputError: no name like ``F_000001.wav``, two different ones, or one wav for a talk of
            several sentences, so that it is not told which of them it holds.
    """
    names = sorted({str(value).strip() for value in fields.values() if value} - {""})
    if not names:
        return None
    if len(names) > 1 or not _WAV_NAME.fullmatch(names[0]):
        raise InputError(f"wav {', '.join(names)!r} is not one name like F_000001.wav; correct it")
    if num_sentences != 1:
        raise InputError(
            f"wav {names[0]!r} belongs to {num_sentences} sentences; divide them or blank the wav"
        )
    return names[0].removesuffix(".wav") + ".wav"

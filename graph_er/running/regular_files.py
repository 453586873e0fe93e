"""What a reader asks of a file before it opens it, and JSON from files that may hold anything."""

from __future__ import annotations

import json
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from graph_er.errors import InputError

_MOST_JSON = 1 << 28


def require_regular(path: Path, most_bytes: int | None = None) -> None:
    """Refuse what would never end or never fit, before it is opened.

    Args:
        path: a file; links are followed.
        most_bytes: the size above which it cannot be what it ought to be; any by default.

    Raises:
        InputError: it cannot be looked at, is a folder, pipe or device, or is larger.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); restore the file") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: cannot be read (is no regular file); restore the file")
    if most_bytes is not None and status.st_size > most_bytes:
        raise InputError(
            f"{path}: is {status.st_size:,} bytes large, where {most_bytes:,} are the most that "
            "such a file holds; restore the file"
        )


def read_json_file(path: Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        InputError: it is no regular file, cannot be read, is too large, or is no JSON in UTF-8; a
            key stands twice in one object.
    """
    require_regular(path, _MOST_JSON)
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique_keys)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read as JSON ({reason}); restore the file") from error


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, for ``object_pairs_hook``.

    Raises:
        InputError: a key stands twice; all but the last value would be lost in silence.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise InputError(f"key {twice[:40]!r} stands twice in one object; keep one")
    return found

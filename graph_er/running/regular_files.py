"""What a reader asks of a file before it opens it, and JSON from files that may hold anything."""

from __future__ import annotations

import json
import stat
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
        InputError: it is no regular file, cannot be read, is too large, or is no JSON in UTF-8.
    """
    require_regular(path, _MOST_JSON)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read as JSON ({reason}); restore the file") from error

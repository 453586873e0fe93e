"""Print a digest of what files and folders hold; what is no path, as a hub id, adds its name.

python scripts/digest.py graph_er requirements.txt path/to/encoder klue/roberta-base
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

# Code, settings, tables and recordings, and the weights and vocabularies of encoders.
_KINDS = (".py", ".txt", ".json", ".csv", ".wav", ".safetensors", ".bin", ".model")


def digest(names: Sequence[str]) -> str:
    """Return 16 hex digits that change with any file below `names` that a result depends on.

    Rooms named report in them are left out: a page drawn otherwise is no other result.
    """
    whole = hashlib.sha256()
    for name in names:
        whole.update(name.encode() + b"\0")
        for path in sorted(p for p in (Path(name), *Path(name).rglob("*")) if p.is_file()):
            if path.suffix in _KINDS and "report" not in path.relative_to(name).parts:
                whole.update(path.as_posix().encode() + b"\0")
                with path.open("rb") as file:
                    whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


if __name__ == "__main__":
    print(digest(sys.argv[1:]))

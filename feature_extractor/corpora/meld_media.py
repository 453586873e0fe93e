"""MELD's audio: which file below the root belongs to which utterance.

The release holds one video per utterance in ``train_splits``, ``dev_splits_complete`` and
``output_repeated_splits_test``, e.g. ``dia0_utt3.mp4``. Audio taken from it is found under the same
name with an audio suffix, in any folder whose path tells the side: a name in it has a word that
begins with train, dev, val or test.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from feature_extractor.file_tree import files_below
from graph_er.schema.splits import natural_key

_NAME = re.compile(r"(dia[0-9]+_utt[0-9]+)\.\w+", re.IGNORECASE)
_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".mp4")
# Where a word begins, as in "train_splits": not at the end of "latest" or of "interval".
_SIDE = re.compile(r"(?i:(?<![a-z])(?:train|dev|val|test))|Train|Dev|Val|Test")

EXTRACT = (
    'Take the audio from the videos, e.g. `for f in */*.mp4; do ffmpeg -i "$f" -ar 16000 -ac 1 '
    '"${f%.mp4}.wav"; done` where the folders of videos lie'
)


@dataclass
class Media:
    """What lies below the root.

    Attributes:
        wavs: audio per utterance id, e.g. ``train_dia0_utt3``.
        videos: number of videos.
        repeated: utterance ids with audio in several places; the first in natural order is taken.
    """

    wavs: dict[str, Path] = field(default_factory=dict)
    videos: int = 0
    repeated: list[str] = field(default_factory=list)


def find_media(root: Path) -> Media:
    """Look through all folders below `root` once."""
    media = Media()
    found: dict[str, list[Path]] = {}
    for paths in files_below(root, _SUFFIXES).values():
        for path in paths:
            name = _NAME.fullmatch(path.name)
            side = _side(path.relative_to(root).parts[:-1])
            if name is None or side is None:
                continue
            if path.suffix.lower() == ".mp4":
                media.videos += 1
            else:
                found.setdefault(f"{side}_{name[1].lower()}", []).append(path)
    for utterance, paths in found.items():
        media.wavs[utterance] = min(paths, key=lambda path: natural_key(str(path)))
    media.repeated = sorted((name for name in found if len(found[name]) > 1), key=natural_key)
    return media


def _side(folders: tuple[str, ...]) -> str | None:
    """Return the side that the innermost telling folder names."""
    for folder in reversed(folders):
        side = _SIDE.search(folder)
        if side:
            return {"val": "dev"}.get(side[0].lower(), side[0].lower())
    return None

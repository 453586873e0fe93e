"""Audio of the VAT set's pickles, written once as wav files, which stage 1 needs.

``<root>/audio_from_pickles/<pickle>_<digest>/`` holds ``00000.wav`` … by row and, written last,
``clips.json`` with what else the rows say, so that a complete folder stands for its pickle.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile
from tqdm import tqdm

from feature_extractor.corpora.vat_clips import SAMPLE_RATE, Clip
from graph_er.errors import InputError
from graph_er.running.files import atomic_path, sha256, write_json

AUDIO_FOLDER = "audio_from_pickles"

_CLIPS = "clips.json"
_STORED: dict[str, type] = {
    **{"position": int, "num_samples": int},
    **dict.fromkeys(("person", "text", "emotion", "digest"), str),
}
_WAV_HEADER = 44


def clip_folder(root: Path, path: Path) -> Path:
    """Return the folder for a pickle's audio; another content has another folder.

    Raises:
        InputError: the pickle cannot be read.
    """
    try:
        return root / AUDIO_FOLDER / f"{path.stem}_{sha256(path)[:8]}"
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); restore the file") from error


def wav_path(folder: Path, clip: Clip) -> Path:
    """Return where a clip's audio lies."""
    return folder / f"{clip.position:05}.wav"


def written_clips(folder: Path, path: Path) -> list[Clip] | None:
    """Return the clips of a pickle whose audio is all on disk; None where any is not."""
    try:
        rows = json.loads((folder / _CLIPS).read_text(encoding="utf-8"))
        clips = [_from_json(row, path) for row in rows]
        whole = all(
            wav_path(folder, clip).stat().st_size == _WAV_HEADER + 2 * clip.num_samples
            for clip in clips
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return clips if whole else None


def write_clips(folder: Path, clips: Sequence[Clip]) -> None:
    """Write each clip's audio as 16-bit wav at 48 kHz, then what the clips say.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        for clip in tqdm(clips, desc=f"audio of {folder.name}", unit="clip", disable=None):
            with atomic_path(wav_path(folder, clip)) as temporary:
                soundfile.write(temporary, clip.audio, SAMPLE_RATE, subtype="PCM_16")
        write_json(folder / _CLIPS, [_to_json(clip) for clip in clips])
    except (OSError, soundfile.SoundFileError) as error:
        raise InputError(
            f"{folder}: the clips' audio cannot be written there ({error}); make the folder of the "
            "pickles writable, or copy them to one that is and has room for the audio"
        ) from error


def _to_json(clip: Clip) -> dict[str, Any]:
    return {name: getattr(clip, name) for name in _STORED}


def _from_json(row: dict[str, Any], path: Path) -> Clip:
    if not all(type(row[name]) is kind for name, kind in _STORED.items()):
        raise ValueError("another form of clips.json")
    return Clip(source=f"{path}, row {row['position'] + 1}", audio=None, **row)

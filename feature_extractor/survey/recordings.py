"""Figures of a corpus's audio files, from their headers or by decoding all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from feature_extractor.audio import AudioInfo, is_silent, load_audio, probe_many
from feature_extractor.settings import TrainingSettings
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError

# Stage 1 leaves longer clips out of training.
LONG_SECONDS = TrainingSettings.clip_length
_PERCENTILES = (5, 50, 95, 99)
_WORKERS = 8


def audio_figures(
    utterances: Sequence[Utterance], problems: list[str], *, listen: bool
) -> dict[str, Any]:
    """Return counts, durations and formats of the utterances' audio.

    Args:
        utterances: those of a corpus.
        problems: receives one message for each file that is unreadable.
        listen: decode every file, too, which finds silence, NaN and missing samples.

    Returns:
        ``files``, ``without_audio`` (utterance ids), ``shared`` (files that several utterances
        name), ``seconds`` (``total``, percentiles ``p5`` to ``p99`` and ``max`` of the files that
        can be read; None where there are none), ``long`` (number above `LONG_SECONDS`),
        ``sample_rates``, ``channels`` and ``encodings`` (number of files of each) and ``silent``
        (paths, None where not listened to).
    """
    users = Counter(u.wav for u in utterances if u.wav is not None)
    paths = list(users)
    infos, unreadable = probe_many(paths)
    problems += unreadable
    readable = {path: info for path, info in zip(paths, infos, strict=True) if info is not None}
    return {
        "files": len(paths),
        "without_audio": [u.id for u in utterances if u.wav is None],
        "shared": [str(path) for path, number in users.items() if number > 1],
        **_header_figures(list(readable.values())),
        "silent": find_silent(readable, problems) if listen else None,
    }


def _header_figures(infos: Sequence[AudioInfo]) -> dict[str, Any]:
    seconds = np.array([info.duration for info in infos])
    return {
        "seconds": _distribution(seconds) if len(seconds) else None,
        "long": int((seconds > LONG_SECONDS).sum()),
        "sample_rates": _tally(info.sample_rate for info in infos),
        "channels": _tally(info.channels for info in infos),
        "encodings": _tally(f"{info.container} {info.subtype}" for info in infos),
    }


def _distribution(seconds: np.ndarray) -> dict[str, float]:
    percentiles = np.percentile(seconds, _PERCENTILES)
    return {
        "total": float(seconds.sum()),
        **{f"p{rank}": float(at) for rank, at in zip(_PERCENTILES, percentiles, strict=True)},
        "max": float(seconds.max()),
    }


def _tally(values: Any) -> dict[str, int]:
    """Return how often each value occurs, the most frequent first."""
    counts = Counter(values)
    return {str(value): counts[value] for value in sorted(counts, key=lambda v: (-counts[v], v))}


def find_silent(infos: dict[Path, AudioInfo], problems: list[str]) -> list[str]:
    """Decode every file and return the silent ones.

    Args:
        infos: what the header of each file says.
        problems: receives one message for each file with NaN, infinite or missing samples.
    """

    def listen_to(path: Path) -> bool | InputError:
        try:
            # At the file's own rate: resampling costs most and tells nothing here.
            return is_silent(load_audio(path, infos[path].sample_rate))
        except InputError as error:
            return error

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        heard = pool.map(listen_to, infos)
        results = list(tqdm(heard, total=len(infos), desc="listening", unit="file"))
    problems += [str(result) for result in results if isinstance(result, InputError)]
    return [str(path) for path, silent in zip(infos, results, strict=True) if silent is True]

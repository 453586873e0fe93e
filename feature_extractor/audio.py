"""Audio files: durations from their headers, and loading as 16 kHz mono."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from graph_er.errors import InputError

SAMPLE_RATE = 16_000

# Below this many files a pool and a progress bar cost more than they give.
_MANY_FILES = 2000
# libsndfile's log on a data chunk that promises more bytes than the file holds.
_CUT_SHORT = re.compile(r"^data\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
# Recorders that write to a pipe cannot know the length and put the largest number there.
_UNKNOWN_LENGTH = 0x7FFF_0000


def probe_duration(path: Path) -> float:
    """Return the seconds of audio in a file, read from its header only.

    Raises:
        InputError: no audio in a known format, no samples, or cut short.
    """
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(f"{path}: no readable audio ({error}); restore the file") from error
    cut = _CUT_SHORT.search(info.extra_info)
    if cut and int(cut[2]) < int(cut[1]) < _UNKNOWN_LENGTH:
        raise InputError(
            f"{path}: cut short, {cut[2]} of {cut[1]} bytes of audio; restore the file"
        )
    if info.frames <= 0:
        raise InputError(f"{path}: holds no audio samples; restore the file")
    return info.frames / info.samplerate


def probe_durations(paths: Sequence[Path]) -> tuple[list[float], list[str]]:
    """Probe many files; threads and a progress bar where there are thousands.

    Returns:
        Seconds per path, ``[N]``, NaN for a file that is unreadable; and one message for each
        of those, in the order of `paths`.
    """
    if len(paths) <= _MANY_FILES:
        results = [_duration_or_error(path) for path in paths]
    else:
        with ThreadPoolExecutor(max_workers=8) as pool:
            probed = pool.map(_duration_or_error, paths)
            results = list(tqdm(probed, total=len(paths), desc="audio headers", unit="file"))
    durations = [math.nan if isinstance(result, InputError) else result for result in results]
    return durations, [str(result) for result in results if isinstance(result, InputError)]


def _duration_or_error(path: Path) -> float | InputError:
    try:
        return probe_duration(path)
    except InputError as error:
        return error


def load_audio(path: Path, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Load a file as mono: channels are averaged, then resampled with soxr at high quality.

    Args:
        path: a file in any format, rate and channel count that libsndfile reads.
        sample_rate: wanted rate in Hz.

    Returns:
        float32 samples, ``[samples]``, nominally within -1 to 1.

    Raises:
        InputError: as `probe_duration`; also fewer samples than the header says, NaN or infinity.
    """
    probe_duration(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            promised, source_rate = file.frames, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise InputError(f"{path}: no readable audio ({error}); restore the file") from error
    if len(samples) < promised:
        raise InputError(
            f"{path}: {len(samples)} samples where the header says {promised}; restore the file"
        )
    if not np.isfinite(samples).all():
        raise InputError(f"{path}: holds NaN or infinite samples; restore or convert the file")
    mono = samples.mean(axis=1, dtype=np.float32)
    return mono if source_rate == sample_rate else _resample(mono, source_rate, sample_rate)


def _resample(samples: np.ndarray, source_rate: int, sample_rate: int) -> np.ndarray:
    import librosa  # here: slow to import, and rarely needed, since the corpora are at 16 kHz

    resampled = librosa.resample(
        samples, orig_sr=source_rate, target_sr=sample_rate, res_type="soxr_hq"
    )
    return np.ascontiguousarray(resampled, dtype=np.float32)

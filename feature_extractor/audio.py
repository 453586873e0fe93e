"""Audio files: what their headers say, and loading as mono at the encoder's rate."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from graph_er.errors import InputError
from graph_er.running.regular_files import require_regular

SAMPLE_RATE = 16_000

# Below this many files a pool and a progress bar cost more than they give.
_MANY_FILES = 2000
# libsndfile's log on a data chunk (WAV, AIFF, AU) that promises more bytes than the file has.
_CUT_SHORT = re.compile(
    r"^\s*(?:data|SSND|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE
)
# Recorders that write to a pipe cannot know the length and put the largest number there.
_UNKNOWN_LENGTH = 0x7FFF_0000
# An MP3 without a table of contents is as long as its first frame's bit rate makes it.
_MP3_TOLERANCE = 0.05
# Speech comes in these; libsndfile reads older ones as well, some of them without end if damaged.
_CONTAINERS = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "NIST")
# Beyond these a header is forged or damaged, or the file is no clip of one utterance.
_LONGEST_HOURS = 4
_RATES = (1_000, 768_000)
_MOST_CHANNELS = 64
_MOST_BYTES = 64 << 30
# Of a clip at the wanted rate: the longest at 16 kHz.
_MOST_FRAMES = _LONGEST_HOURS * 3600 * SAMPLE_RATE
# No codec puts minutes of speech into fewer bytes; digital silence, packed, takes 50 a second.
_LEAST_BYTES = 200
_LONG_SECONDS = 600
# Nominally samples are within -1 to 1; beyond this they are no audio, and sums of them overflow.
_LOUDEST = 1e6
# Samples per channel that are decoded at a time.
_BLOCK = 1 << 16
# Ten steps of 16-bit audio: more than dither or a codec leaves, less than the quietest room.
_SILENT_SWING = 3e-4


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says.

    Attributes:
        duration: seconds.
        sample_rate: Hz.
        channels: their number.
        subtype: how samples are coded, as libsndfile names it, e.g. ``PCM_16`` or ``VORBIS``.
        container: kind of file, likewise, e.g. ``WAV``, ``FLAC``, ``OGG`` or ``MP3``.
    """

    duration: float
    sample_rate: int
    channels: int
    subtype: str
    container: str


class ForwardFile(soundfile.SoundFile):
    """An audio file that is read on from where it is, the same samples however large the blocks.

    `soundfile.SoundFile` seeks to where it is after every block, if it can. A frame of MP3 is coded
    in bytes of the frames before it, too, which are lost by that.
    """

    def seekable(self) -> bool:
        """Have nothing sought that nobody asked for."""
        return False

    @property
    def can_seek(self) -> bool:
        """Tell whether `seek` works."""
        return super().seekable()


def probe_audio(path: Path) -> AudioInfo:
    """Read the header of an audio file, and nothing else of it.

    An Ogg file does not say how long it ought to be: one that was cut is a shorter one.

    Raises:
        InputError: no audio in a known format, no samples, cut short, or a length, rate or number
            of channels that no clip has.
    """
    with _opened(path) as file:
        return _info_of(path, file)


def _opened(path: Path) -> ForwardFile:
    require_regular(path, _MOST_BYTES)
    try:
        return ForwardFile(str(path))
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(f"{path}: no readable audio ({error}); restore the file") from error


def _info_of(path: Path, file: soundfile.SoundFile) -> AudioInfo:
    if file.format not in _CONTAINERS:
        raise InputError(
            f"{path}: is {file.format}, none of {', '.join(_CONTAINERS)}; convert it to WAV"
        )
    cut = _CUT_SHORT.search(file.extra_info)
    if cut and int(cut[2]) < int(cut[1]) < _UNKNOWN_LENGTH:
        raise InputError(
            f"{path}: cut short, {cut[2]} of {cut[1]} bytes of audio; restore the file"
        )
    if file.frames <= 0:
        raise InputError(f"{path}: holds no audio samples; restore the file")
    _require_plausible(path, file)
    duration = file.frames / file.samplerate
    return AudioInfo(duration, file.samplerate, file.channels, file.subtype, file.format)


def _require_plausible(path: Path, info: soundfile.SoundFile) -> None:
    lowest, highest = _RATES
    if not lowest <= info.samplerate <= highest:
        raise InputError(
            f"{path}: {info.samplerate} Hz by its header, which is not within {lowest} to "
            f"{highest}; restore or convert the file"
        )
    if info.channels > _MOST_CHANNELS:
        raise InputError(
            f"{path}: {info.channels} channels by its header, more than {_MOST_CHANNELS}; restore "
            "or convert the file"
        )
    if info.frames > _LONGEST_HOURS * 3600 * info.samplerate:
        raise InputError(
            f"{path}: no length in its header, or more than {_LONGEST_HOURS} hours, the most that "
            "a clip may last; encode the file again or cut it"
        )
    seconds, size = info.frames / info.samplerate, path.stat().st_size
    if seconds > _LONG_SECONDS and size < _LEAST_BYTES * seconds:
        raise InputError(
            f"{path}: {seconds / 60:.0f} minutes in {size:,} bytes, which no speech packs into; "
            "restore the file or cut its silence"
        )


def probe_many(paths: Sequence[Path]) -> tuple[list[AudioInfo | None], list[str]]:
    """Probe many files; threads and a progress bar where there are thousands.

    Returns:
        What each header says, ``[N]``, None for a file that is unreadable; and one message for
        each of those, in the order of `paths`.
    """
    if len(paths) <= _MANY_FILES:
        results = [_info_or_error(path) for path in paths]
    else:
        with ThreadPoolExecutor(max_workers=8) as pool:
            probed = pool.map(_info_or_error, paths)
            results = list(tqdm(probed, total=len(paths), desc="audio headers", unit="file"))
    infos = [result if isinstance(result, AudioInfo) else None for result in results]
    return infos, [str(result) for result in results if isinstance(result, InputError)]


def probe_duration(path: Path) -> float:
    """Return the seconds of audio in a file; raises as `probe_audio`."""
    return probe_audio(path).duration


def probe_durations(paths: Sequence[Path]) -> tuple[list[float], list[str]]:
    """Return the seconds per path, ``[N]``, NaN if unreadable, and the messages of `probe_many`."""
    infos, errors = probe_many(paths)
    return [math.nan if info is None else info.duration for info in infos], errors


def _info_or_error(path: Path) -> AudioInfo | InputError:
    try:
        return probe_audio(path)
    except InputError as error:
        return error


def load_audio(path: Path | str, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Load a file as mono: channels are averaged, then resampled with soxr at high quality.

    The file is decoded block by block, so that memory is needed for the result alone.

    Args:
        path: a file in any format, rate and channel count that libsndfile reads.
        sample_rate: wanted rate in Hz.

    Returns:
        float32 samples, ``[samples]``, nominally within -1 to 1.

    Raises:
        InputError: as `probe_audio`; also fewer samples than the header says, NaN or infinity,
            more than fits into memory.
    """
    path = Path(path)
    with _opened(path) as file:
        info = _info_of(path, file)
        if info.duration * sample_rate > _MOST_FRAMES:
            raise InputError(
                f"{path}: {info.duration / 60:.0f} minutes at {sample_rate} Hz are too many "
                "samples for one clip; convert it to 16 kHz or cut it"
            )
        try:
            blocks = _mono_blocks(path, file, info)
            return _joined(_resampled(blocks, info.sample_rate, sample_rate))
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            raise InputError(f"{path}: no readable audio ({error}); restore the file") from error
        except MemoryError as error:
            raise InputError(f"{path}: its audio does not fit into memory; cut the file") from error


def _mono_blocks(path: Path, file: soundfile.SoundFile, info: AudioInfo) -> Iterator[np.ndarray]:
    """Decode all samples, channels averaged; one block at a time, since those may be many."""
    promised, total = file.frames, 0
    # Not beyond: what follows, such as tags, is no audio, and some decoders fail at it.
    while total < promised and len(
        block := file.read(frames=min(_BLOCK, promised - total), dtype="float32", always_2d=True)
    ):
        if not (block.max() <= _LOUDEST and block.min() >= -_LOUDEST):  # nor where either is NaN
            raise InputError(
                f"{path}: holds NaN or infinite samples, or absurdly large ones; restore or "
                "convert the file"
            )
        total += len(block)
        yield block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
    tolerance = _MP3_TOLERANCE if info.container == "MP3" else 0.0
    if total < promised * (1 - tolerance):
        raise InputError(
            f"{path}: {total} samples where the header says {promised}; restore the file"
        )


def _resampled(
    blocks: Iterable[np.ndarray], source_rate: int, sample_rate: int
) -> Iterator[np.ndarray]:
    """Resample as one signal what comes in blocks; as many samples as its length at the rate."""
    if source_rate == sample_rate:
        yield from blocks
        return
    import soxr  # here: rarely needed, since the corpora are at 16 kHz

    stream = soxr.ResampleStream(source_rate, sample_rate, 1, dtype="float32", quality="soxr_hq")
    read, written = 0, 0
    for block in blocks:
        read += len(block)
        chunk = stream.resample_chunk(block)
        written += len(chunk)
        yield chunk
    last = stream.resample_chunk(np.empty(0, np.float32), last=True)
    wanted = math.ceil(read * (sample_rate / source_rate)) - written
    yield np.pad(last[:wanted], (0, max(0, wanted - len(last))))


def _joined(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Join blocks as they come, without a second copy of them all."""
    content = bytearray()
    for block in blocks:
        content += block.tobytes()
    return np.frombuffer(content, np.float32)


def is_silent(samples: np.ndarray) -> bool:
    """Tell whether mono `samples` ``[samples]``, nominally -1 to 1, hold no sound to hear.

    A constant offset is no sound either. No samples at all are silent.
    """
    return len(samples) == 0 or float(np.ptp(samples)) / 2 <= _SILENT_SWING

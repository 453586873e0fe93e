"""Who spoke when from an RTTM file (NIST Rich Transcription Time Marked, as diarisers write it)."""

from __future__ import annotations

from pathlib import Path

from feature_extractor.corpora.text_files import KOREAN_ENCODINGS, Record, decode_file

# type file channel onset duration orthography subtype name [confidence [lookahead]]
_FEWEST_FIELDS = 8


def read_rttm(path: Path, recording_stem: str, problems: list[str]) -> list[Record]:
    """Return a row of ``speaker, start, end`` for each ``SPEAKER`` line of one recording.

    Args:
        path: the file; lines of other types and comments (``;;``) are passed over.
        recording_stem: where the file tells of several recordings, the id of the wanted one.
        problems: receives a message for each line that is none.
    """
    lines = []
    for number, line in enumerate(decode_file(path, KOREAN_ENCODINGS).splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";;") or fields[0] != "SPEAKER":
            continue
        source = f"{path}, line {number}"
        if len(fields) < _FEWEST_FIELDS:
            problems.append(
                f"{source}: {len(fields)} fields; SPEAKER lines have 9 or 10: SPEAKER file "
                "channel onset duration <NA> <NA> name <NA>"
            )
            continue
        lines.append((source, fields))
    files = dict.fromkeys(fields[1] for _, fields in lines)
    if len(files) > 1 and recording_stem not in files:
        problems.append(
            f"{path}: tells of {len(files)} recordings ({', '.join(files)[:200]}), none of them "
            f"{recording_stem}; keep the lines of one"
        )
        return []
    wanted = recording_stem if len(files) > 1 else next(iter(files), "")
    chosen = [(source, fields) for source, fields in lines if fields[1] == wanted]
    if not lines and not problems:
        problems.append(f"{path}: holds no SPEAKER line; is it an RTTM file?")
    return [record for line in chosen if (record := _record(*line, problems))]


def _record(source: str, fields: list[str], problems: list[str]) -> Record | None:
    try:
        start, duration = float(fields[3]), float(fields[4])
    except ValueError:
        problems.append(
            f"{source}: onset {fields[3]!r} and duration {fields[4]!r} are not both numbers; "
            "correct them"
        )
        return None
    row = {"speaker": fields[7], "start": round(start, 6), "end": round(start + duration, 6)}
    return Record(source, {name: str(value) for name, value in row.items()}, row)

"""The document on a corpus as tables and lines for people, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from feature_extractor.corpora.problems import shorten
from feature_extractor.survey.recordings import LONG_SECONDS
from graph_er.report.lettering import text_width
from graph_er.running.counted import counted

_WIDTH = 100
_SHOWN = 5


def render(document: Mapping[str, Any]) -> str:
    """Return what `survey.document.survey` found as text; every problem is in it."""
    lines = [f"{document['corpus']} in {document['root']}", _verdict(document)]
    lines += _policies(document)
    if document["counts"] is not None:
        lines += ["", *_counts(document["counts"])]
        lines += ["", *_sides(document)]
        lines += ["", "Dialogues", *_dialogues(document["turns"])]
        lines += ["", "Audio", *_audio(document["audio"])]
        lines += ["", "Texts", *_texts(document)]
        if speakers := list(_speakers(document)):
            lines += ["", "Speakers", *speakers]
    for title in ("notice", "problem"):
        messages = document[f"{title}s"]
        if messages:
            lines += ["", counted(len(messages), title), *_bullets(messages)]
    return "\n".join(lines)


def _verdict(document: Mapping[str, Any]) -> str:
    if not document["usable"]:
        return "NOT USABLE"
    whole = {None: "", True: " and whole", False: ", but its counts are not those of a whole copy"}
    return "usable" + whole[document["whole"]]


def _policies(document: Mapping[str, Any]) -> Iterator[str]:
    given = {name: value for name, value in document["policies"].items() if value is not None}
    if given:
        yield "read with " + ", ".join(f"{name} {value}" for name, value in given.items())


def _counts(counts: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [["Counts", "found", "expected", ""]]
    for count in counts:
        found, expected = count["found"], count["expected"]
        known = "-" if expected is None else f"{expected:,}"
        rows.append([count["name"], f"{found:,}", known, _difference(found, expected)])
    return _table(rows)


def _difference(found: int, expected: int | None) -> str:
    if expected is None or found == expected:
        return ""
    return f"{abs(found - expected):,} {'too few' if found < expected else 'too many'}"


def _sides(document: Mapping[str, Any]) -> list[str]:
    """Return one column per side: sizes, then each emotion with its share of the side."""
    sides = {name: side for name, side in document["sides"].items() if side["utterances"]}
    title = _split_name(document["split"])
    rows = [[title, *(name.replace("_", " ") for name in sides)]]
    for name in ("dialogues", "utterances", "speakers"):
        rows.append([name, *(_number(side[name]) for side in sides.values())])
    rows.append(["audio, hours", *(f"{side['seconds'] / 3600:.2f}" for side in sides.values())])
    for emotion in next(iter(sides.values()))["emotions"]:
        shares = (_share(side["emotions"][emotion], side["utterances"]) for side in sides.values())
        rows.append([emotion, *shares])
    return _table(rows)


def _split_name(split: Mapping[str, Any] | None) -> str:
    if split is None:
        return "No split"
    fold = "" if split["fold"] is None else f", fold {split['fold']}"
    return f"Split {split['name']}{fold}"


def _number(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _share(part: int, whole: int) -> str:
    """Return a number and its percentage in a column of constant width."""
    return f"{part:,} {100 * part / whole if whole else 0:5.1f} %"


def _dialogues(turns: Mapping[str, float]) -> Iterator[str]:
    yield _line("utterances", "  ".join(f"{name} {turns[name]:g}" for name in turns))
    if turns["max"] == 1:
        yield _line("", "each is a dialogue of its own: stage 3 has no context to use")


def _audio(audio: Mapping[str, Any]) -> Iterator[str]:
    seconds = audio["seconds"]
    yield _line("files", f"{audio['files']:,}")
    if seconds is not None:
        spread = "  ".join(f"{name} {seconds[name]:.2f}" for name in seconds if name != "total")
        yield _line("total", f"{seconds['total'] / 3600:.2f} h")
        yield _line("seconds", spread)
        yield _line(f"over {LONG_SECONDS:g} s", f"{audio['long']:,}")
        for name in ("sample_rates", "channels", "encodings"):
            tally = ", ".join(f"{value} ({number:,})" for value, number in audio[name].items())
            yield _line(name.replace("_", " "), tally)
    for title, name in (("no audio", "without_audio"), ("file shared", "shared")):
        if audio[name]:
            yield _named(title, audio[name])
    if audio["silent"] is not None:
        yield _named("silent", audio["silent"])


def _texts(document: Mapping[str, Any]) -> Iterator[str]:
    yield _named("empty", document["empty_texts"])
    shared = document["shared_texts"]
    if shared is not None:
        yield _line(
            "in train too",
            f"{shared['seen']:,} of {shared['utterances']:,} utterances of test with a text "
            f"({100 * shared['share']:.1f} %)",
        )
        yield _line("", f"{shared['texts_seen']:,} of {shared['texts']:,} different texts")


def _speakers(document: Mapping[str, Any]) -> Iterator[str]:
    everybody = document["sides"]["all"]["speakers"]
    if everybody is None:
        yield _line("", "the corpus does not tell who speaks: a voice may be on several sides")
        return
    for sides, names in document["shared_speakers"].items():
        yield _named(sides.replace("/", " and "), names)


def _named(title: str, names: Sequence[str]) -> str:
    return _line(title, f"{len(names):,}" + (f": {shorten(names, _SHOWN)}" if names else ""))


def _line(title: str, text: str) -> str:
    """Return a line whose text stands in one column; long ones go on in that column."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"  {title:<16}",
        subsequent_indent=" " * 18,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _bullets(messages: Sequence[str]) -> Iterator[str]:
    for message in messages:
        yield textwrap.fill(
            message,
            _WIDTH,
            initial_indent="  - ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return aligned lines, the first column to the left; all but the first row are indented."""
    names = [rows[0][0], *(f"  {row[0]}" for row in rows[1:])]
    width = max(map(text_width, names))
    columns = [max(map(text_width, column)) for column in zip(*rows, strict=True)][1:]
    return [
        "  ".join(
            [
                name + _space(name, width),
                *(_space(cell, size) + cell for cell, size in zip(row[1:], columns, strict=True)),
            ]
        ).rstrip()
        for name, row in zip(names, rows, strict=True)
    ]


def _space(text: str, width: int) -> str:
    """Return what `text` lacks of `width` columns."""
    return " " * (width - text_width(text))

"""Transcripts of the ETRI corpora: read one file, and strip the transcribers' marks from its text.

Marks as documented with KEMDy20 and counted in KEMDy19: ``b/`` breath, ``n/`` and ``N/`` noise,
``l/`` filler, ``u/`` unintelligible, ``c/`` continuous speech, ``o/`` and ``s/`` (undocumented),
``*`` uncertain word, ``+`` stutter, ``(X+X) X`` repetition, ``X (Y)`` an extra word; in KEMDy20
alone also ``/`` after an interjection.
"""

from __future__ import annotations

import re
from pathlib import Path

from graph_er.errors import InputError
from graph_er.running.normal_form import normal_form
from graph_er.running.regular_files import require_regular

# Goes into the key of every cached text feature: raise it whenever `clean_transcript` changes.
TRANSCRIPT_VERSION = 2

_MOST_BYTES = 1 << 18

_HANGUL = "가-힣ㄱ-ㆎ"
_IN_ASCII_AND_HANGUL = re.compile(rf"[\x00-\x7f{_HANGUL}]*")
_ANY_HANGUL = re.compile(rf"[{_HANGUL}\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")
# Letters and Latin-1's signs, which Hangul of cp949 becomes in UTF-8.
_FOREIGN = re.compile(r"[^\W\d_\x00-\x7f]|[\xa1-\xbf\xf7]")
_SIGN_AT_NUMBER = re.compile(r"(?<=[0-9])[\xa1-\xbf\xf7]|[\xa1-\xbf\xf7](?=[0-9])")
# A letter with an accent or a sign in a word ("café"), or signs as sentences have them ("« a »").
_LATIN = re.compile(
    r"""[A-Za-z][^\W\x00-\x7f] | [^\W\x00-\x7f][A-Za-z]
        | [A-Za-z][\xa1-\xbf\xf7] | [\xa1-\xbf\xf7][A-Za-z]
        | \xab [^\xab\xbbA-Za-z0-9]* [A-Za-z0-9] [^\xab\xbb]* \xbb
        | \xa1 [^\xa1!A-Za-z]* [A-Za-z] [^\xa1!]* !
        | \xa9 \s (?: [A-Z][a-z]{2} | [0-9]{4} )
    """,
    re.VERBOSE,
)
# Two Latin words are of a sentence; one alone ("ok") may stand in Korean.
_TWO_WORDS = re.compile(r"\b[A-Za-z][a-z]+\b.*\b[A-Za-z][a-z]+\b", re.DOTALL)

# The guards keep ordinary text: "web/", "http://n/", "x.com?b/", "s/w", "ON/OFF" and "N/A" hold
# no mark, while one that follows Hangul, a digit, a capital or punctuation is one.
_MARKS = re.compile(
    r"""(?<! [/_@] ) (?<! [a-z][.?=&:-] )
        (?: (?<![a-z]) [cnulbos] | (?<![A-Za-z]) N (?! /A(?![A-Za-z/]) ) )
        / (?: [cnNulbos]/ )*         # marks in a row: "n/b/"
        (?! [a-z] (?![a-z/]) )       # a lone letter after the slash makes it an abbreviation
    """,
    re.VERBOSE,
)
_SPAN = re.compile(r"\(([^()]*)\)")
_BLANKS = re.compile(r"\s*")
# Between digits the two signs are arithmetic that somebody wrote, not marks.
_SIGNS = re.compile(r"(?<!\d)[+*]|[+*](?!\d)")
# KEMDy20's slash after an interjection, perhaps with another mark between or behind.
_INTERJECTION = re.compile(r"(?<![^\s가-힣.,?!~…*+)])/(?=[\s.,?!~…*+)]|[cnNulbos]/|$)")


def clean_transcript(text: str, *, interjections: bool = False) -> str:
    """Return `text` without annotation marks, on one line, with single blanks.

    Parentheses: a stutter that the speaker then completes, ``(X+X) X``, is dropped, since the
    word stands after it and the text encoders have read fluent text only. Every other
    parenthesis keeps its words and loses its brackets, because those words were spoken: the
    extra word of ``X (Y)`` and a stutter that is never completed. So no word is lost that the
    cleaned text does not hold, unlike with dropping all spans, and no word is said thrice, unlike
    with dropping only the brackets (the two rules of earlier systems).

    Args:
        text: one transcript, with or without line ends; decomposed Hangul is composed.
        interjections: a slash that ends a Hangul word marks an interjection, as in KEMDy20; it
            goes and the word stays.

    Returns:
        The words; ``""`` if there were only marks. Cleaning the result again changes nothing.

    Raises:
        InputError: as `graph_er.running.normal_form.normal_form`.
    """
    previous, cleaned = None, normal_form(text)
    # A removal can bring the halves of another mark or letter together, so repeat; each pass only
    # shortens.
    while cleaned != previous:
        previous = cleaned
        cleaned = normal_form(_strip_once(cleaned, interjections))
    return cleaned


def _strip_once(text: str, interjections: bool) -> str:
    if interjections:
        text = _INTERJECTION.sub("", text)
    text = _MARKS.sub("", text)
    text = _SPAN.sub(_resolve_span, text)
    text = _SIGNS.sub(" ", text).replace("(", " ").replace(")", " ")
    return " ".join(text.split())


def _resolve_span(span: re.Match[str]) -> str:
    """Return what a parenthesis leaves: nothing for a completed stutter, else its words."""
    inside = span.group(1)
    pieces = [piece.strip() for piece in inside.split("+") if piece.strip()]
    if "+" not in inside:
        return f" {inside} "
    blanks = _BLANKS.match(span.string, span.end())
    assert blanks is not None  # none are some, too
    following = blanks.end()
    stutter = all(span.string.startswith(piece, following) for piece in pieces)
    return " " if stutter else f" {inside} "


def read_transcript(path: Path) -> str:
    """Return a transcript file's text as one uncleaned line; several lines join with a blank.

    UTF-8 (with or without BOM) is tried first and strictly: cp949 decodes UTF-8 Hangul into
    garbage without an error. The reverse fails but for a few syllables, which come out as foreign
    letters and signs (see `_is_cp949`).

    Raises:
        InputError: the file is neither UTF-8 nor cp949, cannot be read, holds NUL, or is larger
            than 256 KiB.
    """
    require_regular(path, _MOST_BYTES)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); restore the file") from error
    if b"\0" in content:
        raise InputError(
            f"{path}: holds NUL characters, which no text does; is it UTF-16? save it as UTF-8"
        )
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8-sig" and _is_cp949(content, text):
            continue
        return " ".join(text.split())
    raise InputError(f"{path}: is neither UTF-8 nor cp949 text; restore the file or save as UTF-8")


def _is_cp949(content: bytes, as_utf8: str) -> bool:
    """Tell whether bytes that are UTF-8 as well, by chance, are Hangul in cp949.

    That of "체크" is "üũ" in UTF-8, that of "짝" "¦".
    """
    unmarked = _MARKS.sub(" ", as_utf8)  # the letter of a mark is no word's
    # Signs at numbers ("25°") are taken as such where nothing else foreign stands in the text.
    if not _FOREIGN.search(_SIGN_AT_NUMBER.sub(" ", unmarked)) or _ANY_HANGUL.search(as_utf8):
        return False
    if _LATIN.search(unmarked) or _TWO_WORDS.search(unmarked):
        return False
    try:
        # Not cp949's further syllables: hardly any is used, and "à" alone would be one.
        return _IN_ASCII_AND_HANGUL.fullmatch(content.decode("euc_kr")) is not None
    except UnicodeDecodeError:
        return False

"""Live answers over a pipe: a turn as JSON in every line in, its prediction in every line out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from graph_er.errors import InputError
from graph_er.inference.live import LiveStream
from graph_er.inference.predictions import prediction_line
from graph_er.running.counted import counted
from graph_er.running.regular_files import unique_keys

_LONGEST_LINE = 1_000_000


def answer_lines(stream: LiveStream, lines: Iterable[str], write: Callable[[str], Any]) -> int:
    """Answer each line as soon as it is there.

    A turn that cannot be used is answered ``{"error": ...}`` and is not heard; the next ones are
    answered as if it had not been spoken.

    Args:
        stream: the conversation.
        lines: JSON objects, see `live.LiveStream.push`; empty lines are skipped.
        write: gets each answer, a line with its end; has to flush it.

    Returns:
        How many turns were answered.

    Raises:
        InputError: at the end, if turns were refused.
    """
    answered, refused = 0, 0
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix("\ufeff")
        if not line.strip():
            continue
        try:
            answer = prediction_line(stream.push(_turn(line)))
            answered += 1
        except InputError as error:
            told = {"error": f"line {number}: {error}"}
            answer = json.dumps(told, ensure_ascii=False)
            refused += 1
        write(f"{answer}\n")
    if refused:
        raise InputError(
            f"{refused} of {counted(answered + refused, 'turn')} refused; their answers tell why"
        )
    return answered


def _turn(line: str) -> dict[str, Any]:
    if len(line) > _LONGEST_LINE:
        raise InputError(f"{len(line):,} characters; at most {_LONGEST_LINE:,} are read")
    try:
        turn = json.loads(line, object_pairs_hook=unique_keys)
        # Half of a surrogate pair is JSON, but no text that could be answered with.
        json.dumps(turn, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InputError(f"no JSON ({error}); write one object a line") from error
    if not isinstance(turn, dict):
        raise InputError(f"{line.strip()[:40]!r} is no JSON object; write one object a line")
    return turn

"""Collecting what is wrong with a corpus, so that the user hears of all of it at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from feature_extractor.utterance import Corpus
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.splits import natural_key

_SHOWN = 20
_LONGEST = 600  # letters of one problem: values of files stand in it


class CorpusProblems(InputError):  # noqa: N818 - named for the list that it is
    """What is wrong with a corpus: `problems`, one message each, and what is `usable` of it.

    Attributes:
        problems: one readable message each, naming file, row, value and remedy.
        usable: the corpus without what is wrong, or None where nothing is left.
    """

    def __init__(self, problems: Sequence[str], where: str, usable: Corpus | None) -> None:
        listed = shorten(problems, separator="\n  ")
        super().__init__(f"{where}: {counted(len(problems), 'problem')}\n  {listed}")
        self.problems = tuple(problems)
        self.usable = usable


def shorten(items: Sequence[str], shown: int = _SHOWN, separator: str = ", ") -> str:
    """Join the first `shown` items, long ones cut, and say how many more there are."""
    rest = len(items) - shown
    listed = separator.join(
        item if len(item) <= _LONGEST else f"{item[: _LONGEST // 2]} ... {item[-_LONGEST // 2 :]}"
        for item in items[:shown]
    )
    return f"{listed}{separator}and {rest} more" if rest > 0 else listed


def tell_ignored(paths: Sequence[Path], suffix: str, what: str, notices: list[str]) -> None:
    """Tell of files that are not read because of their names; hidden ones are nobody's data.

    Args:
        paths: of files that are not read.
        suffix: of those to tell of, in either case.
        what: they would be under another name, in the plural.
        notices: receives a notice if there are any.
    """
    seen = (path for path in paths if not path.name.startswith("."))
    told = sorted(str(path) for path in seen if path.suffix.lower() == suffix)
    if told:
        notices.append(f"no {what} by their names, ignored: {shorten(told, 5)}.")


def tell_unnamed(
    found: Iterable[Path],
    named: Collection[Path],
    row: str,
    problems: list[str],
    notices: list[str],
) -> None:
    """Tell of audio on disk that no row names; where rows are broken nobody knows what they name.

    Args:
        found: audio files on disk.
        named: those that rows name, whatever becomes of the rows later.
        row: what would name them, in the singular.
        problems: what was found wrong with the rows.
        notices: receives a notice if there are any.
    """
    others = set() if problems else set(found) - set(named)
    # A link, or a disk blind to case, gives one file several names.
    read = {_file(path) for path in named} if others else set()
    unnamed = [str(path) for path in others if _file(path) not in read]
    if unnamed:
        listed = shorten(sorted(unnamed, key=natural_key), 5)
        notices.append(f"{counted(len(unnamed), 'wav')} that no {row} names, not read: {listed}.")


def _file(path: Path) -> tuple[int, int] | Path:
    """Return what two names of one file have in common; of none, its name."""
    try:
        status = path.stat()
    except OSError:
        return path
    return status.st_dev, status.st_ino


def raise_problems(problems: Sequence[str], where: str, usable: Corpus | None = None) -> None:
    """Raise one error that lists the problems, if there are any.

    Args:
        problems: one readable message each, naming file, row, value and remedy.
        where: what they were found in, for the heading.
        usable: the corpus without them, for `feature_extractor.check`.

    Raises:
        CorpusProblems: there is at least one problem.
    """
    if problems:
        raise CorpusProblems(problems, where, usable)

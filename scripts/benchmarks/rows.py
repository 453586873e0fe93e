"""One measured quantity: ours beside a reference, the goal, and whether both give one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from graph_er.errors import InputError

Unit = Literal["s", "bytes", "score", "times"]
GoalKind = Literal["ratio at least", "ours at most"]
_GOAL_KINDS = ("ratio at least", "ours at most")


@dataclass(frozen=True)
class Goal:
    """What a row is held to: a smallest ratio, or a largest value of ours in the row's unit."""

    kind: GoalKind
    value: float

    def __post_init__(self) -> None:
        """Refuse kinds that nobody judges."""
        if self.kind not in _GOAL_KINDS:
            raise InputError(f"goal kind {self.kind!r}; known are {', '.join(_GOAL_KINDS)}")


@dataclass(frozen=True)
class Check:
    """Whether ours and the reference give the same result, looked at before they are timed.

    Attributes:
        what: what was compared, in words.
        difference: how far they are apart; for a similarity, the similarity itself.
        tolerance: what that is held to.
        passed: whether it holds.
    """

    what: str
    difference: float
    tolerance: float
    passed: bool


def at_most(what: str, difference: float, tolerance: float) -> Check:
    """Return the check that a difference is within a tolerance; NaN is not."""
    return Check(what, float(difference), tolerance, bool(difference <= tolerance))


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        stage: name of the measurement that made it.
        title: what was measured.
        unit: of `ours` and `reference`: ``s``, ``bytes``, ``score`` (0 to 1, more is better) or
            ``times`` (a quotient, less is better).
        ours, reference: medians; None where there is nothing to measure.
        items: how many `item` one repetition works through, for the throughput; 0 for none.
        item: name of these, e.g. ``edges``.
        goal: what the row is held to, if anything.
        check: comparison of the results, if there are two.
        memory_ours, memory_reference: peak bytes of a process of its own, or None.
        note: what a reader must know, such as what was extrapolated.
    """

    stage: str
    title: str
    unit: Unit
    ours: float | None
    reference: float | None = None
    items: float = 0
    item: str = ""
    goal: Goal | None = None
    check: Check | None = None
    memory_ours: int | None = None
    memory_reference: int | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better ours is: above 1 it is faster, smaller, or scores higher."""
        if self.ours is None or not self.reference:
            return None
        if self.unit == "score":
            return self.ours / self.reference
        return self.reference / self.ours if self.ours else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or without a measurement."""
        if self.goal is None or self.ours is None:
            return None
        if self.goal.kind == "ours at most":
            return self.ours <= self.goal.value
        return None if self.ratio is None else self.ratio >= self.goal.value

    @property
    def throughput(self) -> float | None:
        """Items per second of ours."""
        return self.items / self.ours if self.items and self.ours and self.unit == "s" else None

    def plain(self) -> dict[str, Any]:
        """Return plain values for ``benchmark.json``, with what is derived from them."""
        derived = {"ratio": self.ratio, "met": self.met, "throughput": self.throughput}
        return {**asdict(self), **derived}


def row_from(values: Mapping[str, Any]) -> Row:
    """Return the row that `Row.plain` gave; what is derived is derived again.

    Raises:
        InputError: fields are missing, unknown or of the wrong kind.
    """
    known = {k: v for k, v in values.items() if k not in ("ratio", "met", "throughput")}
    try:
        goal, check = known.pop("goal", None), known.pop("check", None)
        row = Row(**known, goal=goal and Goal(**goal), check=check and Check(**check))
        _ = row.met, row.throughput, row.ratio
    except (TypeError, AttributeError) as error:
        raise InputError(f"not a row of a benchmark ({error})") from error
    return row


def failed_checks(rows: list[Row]) -> list[Row]:
    """Return the rows whose results are not the same."""
    return [row for row in rows if row.check is not None and not row.check.passed]

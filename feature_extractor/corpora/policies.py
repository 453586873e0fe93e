"""How a checkpoint's corpus was read: kept in its configuration, taken up again later.

A record holds the policies by name as plain values, and of an emotion map, a file, the content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_extractor.corpora import EMOTION_MAP, POLICY_CHOICES
from feature_extractor.corpora.aihub_dialogue_labels import emotion_map_content, read_emotion_map
from graph_er.errors import InputError
from graph_er.running.run_record import RECORD_NAME, read_run_record

if TYPE_CHECKING:
    from feature_extractor.configuration import UtteranceConfig

# It decides what becomes of ties, not whose or which label is told: scores under another are asked
# for with reason.
_FREE = "multi_label"


def policy_record(policies: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policies that a corpus is read with as plain values.

    Raises:
        InputError: a file that one names cannot be read.
    """
    return {
        policy: emotion_map_content(value) if isinstance(value, Path) else value
        for policy, value in policies.items()
    }


def is_policy_record(value: Any) -> bool:
    """Tell whether `value` has the form of a record."""
    return isinstance(value, dict) and all(
        found is None or isinstance(found, dict)
        if policy == EMOTION_MAP
        # As text, since 4.0, which is no choice, equals 4.
        else repr(found) in map(repr, POLICY_CHOICES.get(policy, ()))
        for policy, found in value.items()
    )


def named_policies(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record for scores and dialogue files: an emotion map by the SHA-256 of what it says.

    The map of this package stays None.
    """
    return {
        policy: _digest(read_emotion_map(value)) if isinstance(value, Mapping) else value
        for policy, value in record.items()
    }


def choose_policies(
    corpus: str,
    given: Mapping[str, Any],
    trained: UtteranceConfig,
    folder: Path,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Return the policies that are asked for, and of the others those that a checkpoint records.

    Args:
        corpus: name of the corpus that is to be read; what was recorded of another does not count.
        given: policies by name, those alone that were asked for.
        trained: the checkpoint's configuration.
        folder: where the checkpoint lies.
        tell: receives a line where ties are read in another way than the checkpoint's.

    Raises:
        InputError: one that was given contradicts the record, and the labels would be others than
            those learnt; or the record names an emotion map that is not there and none is given, or
            does not tell how such a corpus is read.
    """
    recorded = _recorded(corpus, trained, folder)
    for policy, value in given.items():
        if policy not in recorded or _same(policy, value, recorded[policy]):
            continue
        was, now = shown_policy(policy, recorded[policy]), shown_policy(policy, value)
        if policy != _FREE:
            raise InputError(
                f"{folder} was trained with {was}, so {now} would give it labels that it did not "
                f"learn; leave --{policy} out to take the checkpoint's, or train stage 1 with {now}"
            )
        tell(f"{folder} was trained with {was}; the corpus is read with {now} here, as asked for")
    kept = {policy: value for policy, value in recorded.items() if policy not in given}
    lost = kept.get(EMOTION_MAP)
    if isinstance(lost, Path) and not _is_there(lost):
        raise InputError(
            f"{folder} was trained with --emotion_map {lost}, which is not there; give it, or a "
            "copy, with --emotion_map"
        )
    return {**kept, **given}


def shown_policy(policy: str, value: Any) -> str:
    """Return a policy as messages name it."""
    if policy != EMOTION_MAP or isinstance(value, Path):
        return f"--{policy} {value}"
    return f"{'an' if value else 'no'} --{policy} of its own"


def _recorded(corpus: str, trained: UtteranceConfig, folder: Path) -> Mapping[str, Any]:
    if trained.policies is not None:
        return trained.policies if trained.corpus == corpus else {}
    # Earlier releases kept them in the record of the run alone, and of a file the path.
    run = read_run_record(folder).get("config", {})
    if isinstance(run, dict):
        if run.get("corpus") != corpus:
            return {}
        record = {policy: run[policy] for policy in POLICY_CHOICES if policy in run}
        path = run.get(EMOTION_MAP)
        if is_policy_record(record) and isinstance(path, str | None):
            map_path = Path(path) if path else None
            return {**record, **({EMOTION_MAP: map_path} if EMOTION_MAP in run else {})}
    raise InputError(f"{folder / RECORD_NAME}: does not tell how {corpus} was read; restore it")


def _same(policy: str, one: Any, other: Any) -> bool:
    if policy != EMOTION_MAP:
        return one == other
    if isinstance(other, Path) and not _is_there(other):
        return True  # what cannot be compared is taken as it is given
    return read_emotion_map(one) == read_emotion_map(other)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, say
        return False


def _digest(labels: Mapping[str, str | None]) -> str:
    return hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()

"""The dialogue file: the one schema between feature extraction and the graph, and its only I/O.

The file is a pickled list in the format of COGMEN (Joshi et al., NAACL 2022), extended by position:

== =========================================================================================
0  dialogue ids, ``<session>_<script>``
1  {dialogue: [speaker, ...]}
2  {dialogue: [integer label, ...]}
3  {dialogue: [text feature, ...]}, 1-D float arrays
4  {dialogue: [audio feature, ...]}
5  {dialogue: [visual feature, ...]}
6  {dialogue: [sentence, ...]}
7  train dialogue ids (dev not among them when we write)
8  test dialogue ids
9  {dialogue: [utterance id, ...]}; COGMEN's own files end before it
10 {"dev_ids": [...], "emotions": [...], provenance ...}; ours, optional
== =========================================================================================

Utterances stand in time order; their ids may begin anew in each dialogue. Elements 5 and 6 may be
None or empty. The positional list exists in this module alone; what others' files have in other
forms is brought to it by `graph_er.schema.dialogue_forms`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graph_er.errors import InputError
from graph_er.running.files import atomic_path
from graph_er.schema.dialogue import Dialogue, DialogueFile, check_labels
from graph_er.schema.dialogue_forms import as_listed, side_in_order
from graph_er.schema.dialogue_limits import NAMED_BY_DIALOGUE, Limits, require_readable
from graph_er.schema.dialogue_pickle import first_line, read_plain_pickle
from graph_er.schema.emotions import DATASET_EMOTIONS, MODALITY_NAMES
from graph_er.schema.pickle_writing import PickleStream
from graph_er.schema.python2_text import decoded, may_be_of_python2
from graph_er.schema.splits import named_by_dialogue, session_of, split_dev

Features = Callable[[Dialogue, str], np.ndarray | None]

SCHEMA_VERSION = 1
_FEATURE_POSITIONS = {"t": 3, "a": 4, "v": 5}
_LONGEST_PREFIX = 240  # leaves room for a number in an id
_MOST_UNNAMED_LABELS = 1000  # keeps a stray number from becoming a billion names
_INFO_KEYS = ("dev_ids", "emotions", "schema_version")
_LISTED = {"train": "element 7", "test": "element 8", "dev": "'dev_ids' (in element 10)"}


def read_dialogues(path: Path | str, dataset: str | None = None) -> DialogueFile:
    """Read a dialogue file: ours, the seed's (10 elements) or COGMEN's own (9 elements).

    Where the file names no dev dialogues, the last sessions of its train dialogues become dev
    (`graph_er.schema.splits.split_dev`). Where it names no emotions, `dataset` does, else they are
    ``"0"`` to ``"C-1"``.

    Raises:
        InputError: the file is missing, hostile, malformed, a feature is not finite, or `dataset`
            is none of `graph_er.schema.emotions.DATASET_EMOTIONS`.
    """
    if dataset is not None and dataset not in DATASET_EMOTIONS:
        known = ", ".join(DATASET_EMOTIONS)
        raise InputError(f"dataset {dataset!r:.80} is not known; known are {known}")
    path = Path(path)
    contents = [read_plain_pickle(path)]
    if may_be_of_python2(path):
        contents.append(decoded(contents.pop()))
    try:
        return _from_list(contents.pop(), dataset, Limits(path.stat().st_size))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:  # a list can be filled with anything
        raise InputError(
            f"{path}: not a dialogue file in COGMEN format ({type(error).__name__}: "
            f"{first_line(error)})"
        ) from error


def require_side(file: DialogueFile, name: str) -> tuple[Dialogue, ...]:
    """Return the dialogues of side ``train``, ``dev`` or ``test``.

    Raises:
        InputError: it has none.
    """
    dialogues = file.side(name)
    if not dialogues:
        taken = (
            "; without that list dev is taken from train by whole sessions, of which there must be "
            "two or more"
        )
        raise InputError(
            f"the dialogue file has no {name} dialogues; list some in its {_LISTED[name]}, or take "
            f"another file{taken if name == 'dev' else ''}"
        )
    return dialogues


def write_dialogues(path: Path | str, file: DialogueFile, features: Features | None = None) -> None:
    """Write a dialogue file, all of it or nothing; plain pickle loads it back, numpy 1 or 2.

    Args:
        path: the file.
        file: what to write.
        features: gives the features ``[U, D]`` of a dialogue by modality, or None; asked once for
            each, one modality after the other, in the order of the file, so that they need not be
            in memory together. By default those that the dialogues hold.

    Raises:
        InputError: not one row of features per utterance, a feature that is not finite, or
            something else that `read_dialogues` would refuse.
    """
    with atomic_path(Path(path)) as temporary, temporary.open("wb") as target:
        _write(PickleStream(target), file, features or Dialogue.features)


def _write(stream: PickleStream, file: DialogueFile, features: Features) -> None:
    def by_dialogue(name: str) -> Iterator[tuple[str, list[Any]]]:
        return ((d.id, list(getattr(d, name))) for d in file.dialogues)

    def rows(modality: str) -> Iterator[tuple[str, np.ndarray | None]]:
        for dialogue in file.dialogues:
            found = features(dialogue, modality)
            if found is not None:
                _check_features(found, dialogue, MODALITY_NAMES[modality])
            yield dialogue.id, found

    info = {**file.info, "dev_ids": list(file.dev_ids), "emotions": list(file.emotions)}
    require_readable(file.dialogues, info)
    _emotions(info["emotions"], None, (), Limits(sys.maxsize))
    with stream.list():
        stream.value([dialogue.id for dialogue in file.dialogues])
        stream.mapping(by_dialogue("speakers"))
        stream.mapping((dialogue.id, dialogue.labels.tolist()) for dialogue in file.dialogues)
        for modality in _FEATURE_POSITIONS:
            stream.mapping(rows(modality), stream.rows)
        stream.mapping(by_dialogue("sentences"))
        stream.value(list(file.train_ids))
        stream.value(list(file.test_ids))
        stream.mapping(by_dialogue("utterance_ids"))
        stream.value({**info, "schema_version": SCHEMA_VERSION})


def _check_features(features: np.ndarray, dialogue: Dialogue, name: str) -> None:
    if len(features) != len(dialogue):
        raise InputError(
            f"dialogue {dialogue.id}: {len(features)} {name} features for {len(dialogue)} "
            "utterances"
        )
    if features.dtype.kind not in "fiub" or features.size == 0:
        found = f"{features.dtype}, {features.shape}"
        raise InputError(f"dialogue {dialogue.id}: {name} features are no numbers ({found})")
    with np.errstate(over="ignore"):  # readers take them as float32
        rows = features.reshape(len(features), -1).astype(np.float32, copy=False)
    _require_finite(rows, dialogue.id, name, dialogue.utterance_ids)


def _from_list(raw: Any, dataset: str | None, limits: Limits) -> DialogueFile:
    if not isinstance(raw, list | tuple) or len(raw) not in (9, 10, 11):
        size = f" of {len(raw)}" if isinstance(raw, list | tuple) else ""
        raise InputError(
            f"expected a list of 9, 10 or 11 elements, found {type(raw).__name__}{size}"
        )
    info = dict(raw[10] or {}) if len(raw) == 11 else {}
    limits.info(info)
    version = info.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise InputError(f"schema version {version!r:.40}; this release reads {SCHEMA_VERSION}")
    for key in NAMED_BY_DIALOGUE:
        limits.named(info, key)
    raw = as_listed(raw, limits)
    ids = limits.ids(raw[0], "element 0")
    if not ids:
        raise InputError("it holds no dialogue")
    named = named_by_dialogue(info, "sessions")
    dialogues = tuple(
        _dialogue(raw, i, session_of(i, info) if i in named else None, limits) for i in ids
    )
    train_ids, dev_ids = _train_and_dev(limits.ids(raw[7], "element 7"), ids, info, limits)
    return DialogueFile(
        dialogues=dialogues,
        train_ids=train_ids,
        dev_ids=dev_ids,
        test_ids=limits.ids(raw[8], "element 8"),
        emotions=_emotions(info.get("emotions"), dataset, dialogues, limits),
        info={key: value for key, value in info.items() if key not in _INFO_KEYS},
    )


def _dialogue(
    raw: Sequence[Any], dialogue_id: str, session: str | None, limits: Limits
) -> Dialogue:
    # Sentences and utterance ids may be absent, but not those of one dialogue alone.
    given = [position for position in (6, 9) if position < len(raw) and raw[position]]
    for position in (1, 2, *given):
        if dialogue_id not in raw[position]:
            raise InputError(f"dialogue {dialogue_id} is missing in element {position}")
    where = f"dialogue {dialogue_id}"
    labels = limits.list_of(raw[2][dialogue_id], f"{where}: labels")
    limits.numbers(labels, f"{where}: labels")
    named = (raw[9] or {}).get(dialogue_id) if len(raw) > 9 else None
    utterance_ids = limits.ids([] if named is None else named, f"{where}: utterance ids")
    said = (raw[6] or {}).get(dialogue_id)
    sentences = limits.texts([] if said is None else said, f"{where}: sentences")
    prefix = dialogue_id[:_LONGEST_PREFIX]
    utterance_ids = utterance_ids or tuple(f"{prefix}_{i:03d}" for i in range(len(labels)))
    features = {
        MODALITY_NAMES[modality]: _features(
            raw[position], dialogue_id, MODALITY_NAMES[modality], utterance_ids, limits
        )
        for modality, position in _FEATURE_POSITIONS.items()
    }
    return Dialogue(
        id=dialogue_id,
        utterance_ids=utterance_ids,
        speakers=limits.speakers(raw[1][dialogue_id], f"{where}: these cannot be speaker labels"),
        labels=labels,
        sentences=sentences or ("",) * len(labels),
        session=session,
        **features,
    )


def _features(
    by_dialogue: Any, dialogue_id: str, name: str, utterance_ids: Sequence[str], limits: Limits
) -> np.ndarray | None:
    rows = by_dialogue.pop(dialogue_id, None) if isinstance(by_dialogue, dict) else None
    if rows is None or len(rows) == 0:
        return None
    where = f"dialogue {dialogue_id}: {name} features"
    for row in limits.list_of(rows, where):
        limits.numbers(row, where)
    rows = [np.asarray(row) for row in rows]
    widths = {row.size for row in rows}
    if len(widths) > 1:
        raise InputError(
            f"dialogue {dialogue_id}: {name} features of unequal widths {sorted(widths)}"
        )
    if widths == {0}:  # another way to write that there are none
        return None
    if any(row.dtype.kind == "c" for row in rows):
        raise InputError(f"dialogue {dialogue_id}: {name} features are complex numbers")
    flat = [row if row.ndim == 1 else row.reshape(-1) for row in rows]
    with np.errstate(over="ignore", invalid="ignore"):  # the check that follows names them
        features = np.concatenate(flat, dtype=np.float32, casting="unsafe").reshape(len(rows), -1)
    _require_finite(features, dialogue_id, name, utterance_ids)
    return features


def _require_finite(
    features: np.ndarray, dialogue_id: str, name: str, utterance_ids: Sequence[str]
) -> None:
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        named = utterance_ids[row] if row < len(utterance_ids) else row
        raise InputError(
            f"dialogue {dialogue_id}, utterance {named}: the {name} feature is not finite; "
            "extract it again"
        )


def _train_and_dev(
    listed: Sequence[str], ids: Sequence[str], info: dict[str, Any], limits: Limits
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if info.get("dev_ids") is not None:
        dev = limits.ids(side_in_order(info["dev_ids"], ids, "'dev_ids'", limits), "'dev_ids'")
    else:
        sessions = {session_of(i, info) for i in listed}
        # Of one session no dev can be taken. Such a file can be evaluated, and is not trained on.
        taken = {*split_dev(sessions)[1]} if len(sessions) > 1 else set()
        dev = tuple(i for i in listed if session_of(i, info) in taken)
    on_dev = set(dev)
    return tuple(i for i in listed if i not in on_dev), dev


def _emotions(
    named: Sequence[Any] | None,
    dataset: str | None,
    dialogues: Sequence[Dialogue],
    limits: Limits,
) -> tuple[str, ...]:
    if named is not None:
        named = list(named) if isinstance(named, np.ndarray) else named
        if not isinstance(named, list | tuple) or len(set(named)) < len(named):
            raise InputError(f"'emotions' must be a list of different names, not {named!r:.200}")
        return limits.ids(named, "'emotions'")
    if dataset is not None:
        for dialogue in dialogues:
            check_labels(
                dialogue, DATASET_EMOTIONS[dataset], "name the right label set with --dataset"
            )
        return DATASET_EMOTIONS[dataset]
    highest = max((int(d.labels.max()) for d in dialogues), default=-1)
    if highest >= _MOST_UNNAMED_LABELS:
        raise InputError(f"label {highest} in a file that names no emotions; is it a label?")
    return tuple(str(label) for label in range(highest + 1))

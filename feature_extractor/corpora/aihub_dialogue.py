"""AI Hub emotional dialogues (감성대화 말뭉치): the human's side of talks to one `Corpus`.

Expected below the root, in any folders: ``…_Training.json`` and ``…_Validation.json`` (see
`aihub_dialogue_talks`) or workbooks ``.xlsx`` (see `aihub_dialogue_xlsx`); a file belongs to the
part that its name or its folder names. Where a part has both, its JSON is read. The emotion is a
talk's and becomes that of each of its sentences, by an approximate map (`aihub_dialogue_labels`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from feature_extractor.audio import probe_durations
from feature_extractor.corpora.aihub_dialogue_files import find_wavs, read_parts
from feature_extractor.corpora.aihub_dialogue_labels import EmotionMap, read_emotion_map
from feature_extractor.corpora.aihub_dialogue_talks import Talk
from feature_extractor.corpora.hashed_sides import in_hashed_ninth
from feature_extractor.corpora.problems import raise_problems, shorten
from feature_extractor.file_tree import files_below
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.emotions import KEMDY_EMOTIONS
from graph_er.schema.splits import natural_key

# Talks of the release of 2022-11: 51,628 for training and 6,640 for validation.
AIHUB_DIALOGUE_COUNTS = {"dialogues": 58_268}

_NOTICES = (
    "Emotions are mapped to seven approximately; the corpus has no neutral talks.",
    "The system's turns are no human speech and are left out; the talk's emotion is given to each "
    "of the human's sentences.",
    "Who wrote or spoke a talk is not published: one person may be on several sides. Validation is "
    "test, and a ninth of Training, by the hash of the talk id, is dev.",
)


def read_aihub_dialogue(root: Path, *, emotion_map: EmotionMap = None) -> Corpus:
    """Read the talks of the corpus that lie below a folder.

    Args:
        root: the folder with the JSON files or workbooks, and the wavs if there are any.
        emotion_map: a JSON file from the corpus's emotions to the seven, or its content; None
            for the one of this package. An emotion that the map lacks is a problem, one that it
            maps to null is left out.

    Returns:
        The human's sentences ordered by (talk, turn). `start` counts the turns, since there are no
        times. `speaker_id` is None: profile and persona name a constellation of age, sex,
        situation and emotion that was given to writers, not a person.

    Raises:
        InputError: no such layout, or problems in the files: all of them in one message.
    """
    root = Path(root)
    emotions = read_emotion_map(emotion_map)
    files = files_below(root, (".json", ".xlsx", ".wav"))
    problems: list[str] = []
    notices: list[str] = []
    talks = _one_per_id(read_parts(root, files, problems, notices), problems, notices)
    _tell_shared_profiles(talks, notices)
    talks = _with_sentences(_with_label(talks, emotions, problems, notices), notices)
    wavs = find_wavs([talk for talk, _ in talks], files, problems, notices)
    durations, unreadable = probe_durations(list(wavs.values()))
    problems += unreadable
    labels = {name: emotion for name, emotion in emotions.items() if emotion is not None}
    seconds = dict(zip(wavs, durations, strict=True))
    utterances = [
        utterance
        for talk, _ in talks
        if not math.isnan(seconds.get(talk.id, 0.0))
        for utterance in _utterances(talk, labels, wavs.get(talk.id), seconds.get(talk.id, 0.0))
    ]
    corpus = _corpus(utterances, {talk.id: side for talk, side in talks}, notices)
    raise_problems(problems, str(root), usable=corpus)
    if corpus is None:
        raise InputError(f"{root}: no talk is left; {' '.join(notices)}")
    return corpus


def _one_per_id(
    talks: Iterable[tuple[Talk, str]], problems: list[str], notices: list[str]
) -> list[tuple[Talk, str]]:
    """Return (talk, side), one per id and in natural order; contradictions are a problem."""
    by_id: dict[str, list[tuple[Talk, str]]] = {}
    for talk, side in talks:
        by_id.setdefault(talk.id, []).append((talk, side))
    kept, repeated = [], []
    for talk_id in sorted(by_id, key=natural_key):
        # "test" sorts before "train": what is in both is never trained on.
        same = sorted(by_id[talk_id], key=lambda pair: (pair[1], pair[0].source))
        first, side = same[0]
        if len({(talk.emotion, talk.sentences, talk.wav) for talk, _ in same}) > 1:
            sources = "; ".join(talk.source for talk, _ in same)
            problems.append(f"talk {talk_id} has different contents ({sources}); remove one")
            continue
        dev = side == "train" and in_hashed_ninth(talk_id)
        kept.append((first, "dev" if dev else side))
        if len(same) > 1:
            repeated.append(talk_id)
    if repeated:
        notices.append(
            f"{counted(len(repeated), 'talk occurs', 'talks occur')} "
            "several times, kept once, in Validation if they are "
            f"there: {shorten(repeated, shown=5)}."
        )
    return kept


def _tell_shared_profiles(talks: Sequence[tuple[Talk, str]], notices: list[str]) -> None:
    sides: dict[str, set[str]] = {}
    for talk, side in talks:
        if talk.profile is not None:
            sides.setdefault(talk.profile, set()).add("test" if side == "test" else "train")
    shared = sorted((name for name, found in sides.items() if len(found) > 1), key=natural_key)
    if shared:
        notices.append(
            f"{len(shared)} of {len(sides)} profiles have talks in both Training and Validation: "
            f"{shorten(shared, shown=5)}."
        )


def _with_label(
    talks: Sequence[tuple[Talk, str]],
    labels: Mapping[str, str | None],
    problems: list[str],
    notices: list[str],
) -> list[tuple[Talk, str]]:
    """Return the talks whose emotion the map maps; one that it lacks is a problem."""
    counts = Counter(talk.emotion for talk, _ in talks)
    for emotion in sorted(set(counts) - set(labels)):
        source = next(talk.source for talk, _ in talks if talk.emotion == emotion)
        problems.append(
            f"{source}: emotion {emotion!r} ({counted(counts[emotion], 'talk')}) is not in the "
            "emotion map; correct it or add it to a map given with --emotion_map"
        )
    left_out = sum(count for emotion, count in counts.items() if labels.get(emotion, "") is None)
    if left_out:
        notices.append(
            f"{counted(left_out, 'talk')} left out, since the emotion map has null for the emotion."
        )
    return [(talk, side) for talk, side in talks if labels.get(talk.emotion)]


def _with_sentences(
    talks: Sequence[tuple[Talk, str]], notices: list[str]
) -> list[tuple[Talk, str]]:
    spoken = [(talk, side) for talk, side in talks if talk.sentences]
    if len(spoken) < len(talks):
        notices.append(
            f"{counted(len(talks) - len(spoken), 'talk')} without a human sentence dropped."
        )
    return spoken


def _utterances(
    talk: Talk, labels: Mapping[str, str], wav: Path | None, duration: float
) -> list[Utterance]:
    return [
        Utterance(
            id=f"{talk.id}_HS{number:02}",
            session=talk.id,
            dialogue=talk.id,
            speaker="human",
            start=number - 1.0,
            end=number - 1.0 + duration,
            wav=wav,
            duration=duration,
            text=sentence,
            emotion=labels[talk.emotion],
        )
        for number, sentence in talk.sentences
    ]


def _corpus(
    utterances: Sequence[Utterance], official: Mapping[str, str], notices: Sequence[str]
) -> Corpus | None:
    """Return the corpus, or None where nothing is left of it."""
    if not utterances:
        return None
    spoken = dict.fromkeys(utterance.dialogue for utterance in utterances)
    return Corpus(
        "aihub_dialogue",
        KEMDY_EMOTIONS,
        tuple(utterances),
        (*_NOTICES, *notices),
        official={dialogue: official[dialogue] for dialogue in spoken},
    )

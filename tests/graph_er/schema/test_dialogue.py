"""Dialogues of a file: what tells that those of another file are the same ones."""

from dataclasses import replace

import pytest

from tests.graph_er.dialogue_factory import make_file

FILE = make_file()
IDS = FILE.train_ids


def changed(**fields):
    first, *rest = FILE.dialogues
    return replace(FILE, dialogues=(replace(first, **fields), *rest))


def test_the_same_dialogues_are_known_in_another_order_with_other_sides_and_features():
    dialogues = tuple(replace(d, text=d.text + 1) for d in FILE.dialogues[::-1])
    other = replace(FILE, dialogues=dialogues, train_ids=FILE.test_ids, test_ids=FILE.train_ids)
    assert other.content_sha256(IDS[::-1]) == FILE.content_sha256(IDS)


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": (FILE.dialogues[0].labels + 1) % 3},
        {"speakers": ("F",) * len(FILE.dialogues[0])},
        {"sentences": ("말",) * len(FILE.dialogues[0])},
        {"utterance_ids": tuple(f"x{i}" for i in range(len(FILE.dialogues[0])))},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_others_under_their_ids_are_not(fields):
    assert changed(**fields).content_sha256(IDS) != FILE.content_sha256(IDS)


def test_without_all_of_them_nothing_is_told():
    assert FILE.content_sha256([]) is None
    assert FILE.content_sha256([*IDS, "Sess99_script01"]) is None

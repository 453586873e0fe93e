"""Segment ids of the ETRI corpora: what follows the grammar is taken apart, all else is named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_extractor.corpora import kemdy19_annotation, kemdy20_annotation
from tests.feature_extractor import kemdy19_writer, kemdy20_writer

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)
SESSIONS = st.integers(1, 120).map("{:02}".format)
TWO, THREE = st.integers(0, 99).map("{:02}".format), st.integers(0, 999).map("{:03}".format)
LETTERS = st.sampled_from("FM")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("ids")


@st.composite
def nearly(draw, identifier):
    """Draw an id with one place deleted, doubled, or overwritten by anything."""
    text = draw(identifier)
    place = draw(st.integers(0, len(text) - 1))
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
    other = draw(st.just("") | st.just(2 * text[place]) | st.sampled_from("_0١FM") | anything)
    return text[:place] + other + text[place + 1 :]


def is_number(text, digits):
    return len(text) == digits and all(digit in "0123456789" for digit in text)


def is_session(text):
    return text[:4] == "Sess" and len(text) > 5 and is_number(text[4:], len(text) - 4)


def read_kemdy19(root, session, identifier):
    """Return the row of an id, if it gives one, and the problems."""
    segment = kemdy19_writer.Segment(identifier, 0, 1, "neutral")
    path = kemdy19_writer.write_annotation(root, session, "F", [segment])
    rows, problems = [], []
    for own_rows in (True, False):
        read = kemdy19_annotation.read_annotation
        rows += read(path, own_rows=own_rows, problems=problems)
    return rows, sorted(set(problems)), path


def read_kemdy20(root, session, identifier):
    """Return the row of an id, if it gives one, the problems, and the repaired ids."""
    segment = kemdy20_writer.Segment(identifier, 0, 1, "neutral")
    path = kemdy20_writer.write_annotation(root, session, [segment])
    problems, repaired = [], []
    rows = kemdy20_annotation.read_annotation(path, problems, repaired)
    return rows, problems, path, repaired


@QUICK
@given(SESSIONS, st.sampled_from(["script", "impro"]), TWO, LETTERS, THREE)
def test_a_kemdy19_id_is_taken_apart(root, session, part, number, speaker, turn):
    dialogue = f"Sess{session}_{part}{number}"
    identifier = f"{dialogue}_{speaker}{turn}"
    (row,), problems, _ = read_kemdy19(root, session, identifier)
    assert problems == []
    found = (row.id, row.session, row.dialogue, row.part, row.speaker)
    assert found == (identifier, f"Sess{session}", dialogue, part, speaker)


@QUICK
@given(SESSIONS, SESSIONS, TWO, THREE, LETTERS, THREE)
def test_a_kemdy20_id_is_taken_apart_and_its_session_is_the_files(
    root, session, written, script, user, sex, turn
):
    rest = f"script{script}_User{user}{sex}_{turn}"
    (row,), problems, _, repaired = read_kemdy20(root, session, f"Sess{written}_{rest}")
    assert problems == []
    assert repaired == ([] if written == session else [f"Sess{written}_{rest}"])
    found = (row.id, row.session, row.dialogue, row.speaker)
    dialogue = f"Sess{session}_script{script}"
    assert found == (f"Sess{session}_{rest}", f"Sess{session}", dialogue, f"User{user}{sex}")


@QUICK
@given(nearly(st.builds("Sess07_{}{}_{}{}".format, *(st.just("impro"), TWO, LETTERS, THREE))))
def test_a_kemdy19_id_that_is_off_by_a_little_is_named_or_still_one(root, identifier):
    rows, problems, path = read_kemdy19(root, "07", identifier)
    written = identifier.strip()
    session, part, turn = (*written.split("_"), "", "")[:3] if written.count("_") == 2 else [""] * 3
    good = session == "Sess07" and part[:-2] in ("impro", "script") and is_number(part[-2:], 2)
    if good and turn[:1] in ("F", "M") and is_number(turn[1:], 3):
        assert ([row.id for row in rows], problems) == ([written], [])
    else:
        assert rows == []
        (problem,) = problems
        assert problem.startswith(f"{path}, line ")
        assert repr(written) in problem


@QUICK
@given(nearly(st.builds("Sess07_script{}_User{}{}_{}".format, *(TWO, THREE, LETTERS, THREE))))
def test_a_kemdy20_id_that_is_off_by_a_little_is_named_or_still_one(root, identifier):
    rows, problems, path, _ = read_kemdy20(root, "07", identifier)
    written = identifier.strip()
    pieces = written.split("_")
    session, script, user, turn = pieces if len(pieces) == 4 else [""] * 4
    good = is_session(session) and script[:-2] == "script" and is_number(script[-2:], 2)
    good = good and user[:4] == "User" and is_number(user[4:-1], 3) and user[-1:] in ("F", "M")
    if good and is_number(turn, 3):
        assert ([row.id.split("_")[1:] for row in rows], problems) == ([pieces[1:]], [])
    else:
        assert rows == []
        (problem,) = problems
        assert problem.startswith(f"{path}, line ")
        assert repr(written) in problem

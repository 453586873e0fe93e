"""Properties of splits: sides apart, nothing lost, nothing left to chance."""

from __future__ import annotations

import json
import random
import unicodedata
from dataclasses import replace

import pytest

from feature_extractor.splits.ids import read_split_ids
from feature_extractor.splits.splitting import SIDES, split_corpus
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.schema.splits import split_sessions


def utterance(dialogue, number=0, **fields):
    values = {"session": dialogue.split("_")[0], "speaker": "F", "text": "", "emotion": "sad"}
    return Utterance(
        id=f"{dialogue}_{number:03}", dialogue=dialogue, start=float(number), end=number + 1.0,
        wav=None, duration=0.0, **{**values, **fields},
    )  # fmt: skip


def corpus_of(utterances, **fields):
    return Corpus("tiny", ("happy", "sad"), tuple(utterances), **fields)


def conversations(sessions=12, dialogues=2, speakers=True):
    """Two speakers per session, who meet in each of its dialogues."""
    return corpus_of(
        utterance(
            f"Sess{s:02}_script{d}", n, speaker="FM"[n % 2],
            speaker_id=f"Sess{s:02}_{'FM'[n % 2]}" if speakers else None,
        )
        for s in range(1, sessions + 1)
        for d in range(dialogues)
        for n in range(3)
    )  # fmt: skip


def readings(speakers=9, sentences=10, named=True):
    """Each speaker reads each sentence; every reading is a dialogue."""
    return corpus_of(
        utterance(
            f"s{s}_r{r:02}", session=f"s{s}", speaker_id=f"s{s}" if named else None,
            sentence=f"r{r:02}",
        )
        for s in range(speakers)
        for r in range(sentences)
    )  # fmt: skip


def isolated():
    """Readings of nobody's name, each a session of its own, as AI Hub 263 has them."""
    rows = readings(named=False).utterances
    return corpus_of(replace(row, session=row.dialogue) for row in rows)


def on_sides(corpus, split, field):
    """Values of a field of the utterances, by side."""
    sides = split.by_dialogue()
    return {
        side: {getattr(u, field) for u in corpus.utterances if sides.get(u.dialogue) == side}
        for side in SIDES
    }


def disjoint(sets):
    return sum(map(len, sets.values())) == len(set().union(*sets.values()))


def shuffled(corpus, seed):
    groups = list(corpus.dialogues().values())
    random.Random(seed).shuffle(groups)
    rows = tuple(row for group in groups for row in group)
    return replace(corpus, utterances=rows)


# Specification, number of folds, corpus, and the fields that its sides never share.
CASES = [
    ("official", None, conversations(), ("session", "speaker_id")),
    ("session5", None, conversations(), ("session", "speaker_id")),
    ("sessions:3,12", None, conversations(), ("session", "speaker_id")),
    ("folds:5", 5, conversations(), ("session", "speaker_id")),
    ("speakers:4", 4, conversations(), ("session", "speaker_id")),
    ("speakers:3", 3, readings(), ("speaker_id",)),
    ("sentences:5", 5, readings(), ("sentence",)),
    ("folds:5", 5, isolated(), ("session", "sentence")),
    ("official", None, isolated(), ("session", "sentence")),
    ("crossed:3", 9, readings(), ("speaker_id", "sentence")),
    ("crossed:4", 16, readings(speakers=5), ("speaker_id", "sentence")),
]


@pytest.mark.parametrize(("spec", "folds", "corpus", "apart"), CASES)
def test_sides_are_apart_and_every_dialogue_is_accounted_for(spec, folds, corpus, apart):
    for fold in range(1, folds + 1) if folds else [None]:
        split = split_corpus(corpus, spec, fold)
        everything = [*split.train, *split.dev, *split.test, *split.left_out]
        assert sorted(everything) == sorted(corpus.dialogues())
        assert min(len(split.train), len(split.dev), len(split.test)) >= 1
        for field in ("dialogue", *apart):
            assert disjoint(on_sides(corpus, split, field)), field
        assert bool(split.left_out) == spec.startswith("crossed")
        assert (split.name, split.fold) == (spec, fold)
        assert split.by_dialogue().keys() == {*corpus.dialogues()} - {*split.left_out}


@pytest.mark.parametrize(("spec", "folds", "corpus", "apart"), [c for c in CASES if c[1]])
def test_folds_test_every_dialogue_exactly_once(spec, folds, corpus, apart):
    tested = [d for fold in range(1, folds + 1) for d in split_corpus(corpus, spec, fold).test]
    assert sorted(tested) == sorted(corpus.dialogues())


@pytest.mark.parametrize(("spec", "folds", "corpus", "apart"), CASES)
def test_the_order_of_utterances_does_not_matter(spec, folds, corpus, apart):
    fold = 2 if folds else None
    expected = split_corpus(corpus, spec, fold)
    for seed in range(3):
        assert split_corpus(shuffled(corpus, seed), spec, fold) == expected


def test_official_without_one_published_is_the_last_two_sessions():
    corpus = conversations(sessions=20)
    split = split_corpus(corpus)
    for side, sessions in zip(SIDES, split_sessions(corpus.sessions), strict=True):
        found = {dialogue.split("_")[0] for dialogue in getattr(split, side)}
        assert found == set(sessions)
    assert {dialogue[:6] for dialogue in split.test} == {"Sess19", "Sess20"}
    assert split.warnings == ()


def test_the_published_sides_are_taken_and_what_they_do_not_name_is_left_out():
    corpus = conversations(sessions=4)
    sides = {"Sess01": "train", "Sess02": "dev", "Sess03": "test"}
    official = {d: sides[d[:6]] for d in corpus.dialogues() if d[:6] in sides}
    split = split_corpus(replace(corpus, official=official))
    assert split.by_dialogue() == official
    assert {dialogue[:6] for dialogue in split.left_out} == {"Sess04"}


def test_dev_is_the_last_ninth_of_the_training_sessions_where_none_is_published():
    corpus = conversations(sessions=13)
    official = {d: "test" if d < "Sess03" else "train" for d in corpus.dialogues()}
    split = split_corpus(replace(corpus, official=official))
    assert {dialogue[:6] for dialogue in split.dev} == {"Sess12", "Sess13"}
    assert {dialogue[:6] for dialogue in split.test} == {"Sess01", "Sess02"}


def test_published_sides_may_share_speakers_but_that_is_told():
    corpus = readings(speakers=2, sentences=6)
    official = dict.fromkeys(corpus.dialogues(), "train") | {"s0_r00": "test", "s1_r05": "dev"}
    warnings = " ".join(split_corpus(replace(corpus, official=official)).warnings)
    assert "2 speakers are on more than one side: s0, s1." in warnings
    assert "2 sentences are on more than one side: r00, r05." in warnings


@pytest.mark.parametrize("named", [True, False])
def test_sentence_folds_warn_of_voices(named):
    split = split_corpus(readings(named=named), "sentences:5", 1)
    wanted = "9 speakers are on more than one side" if named else "90 utterances do not tell who"
    assert any(wanted in warning for warning in split.warnings)


@pytest.mark.parametrize("spec", ["folds:3", "sessions:1", "ids"])
def test_a_speaker_on_two_sides_is_refused(tmp_path, spec):
    everywhere = [replace(u, speaker_id="Joey") for u in conversations().utterances]
    path = tmp_path / "ids.json"
    path.write_text(json.dumps({"train": ["Sess01_script0"], "test": ["Sess02_script0"],
                                "dev": ["Sess03_script0"]}))  # fmt: skip
    spec = f"ids:{path}" if spec == "ids" else spec
    with pytest.raises(InputError, match=r"puts 1 speaker.*\(Joey\).*speakers:K"):
        split_corpus(corpus_of(everywhere), spec, 1 if spec.startswith("folds") else None)


def test_contiguous_folds_of_sessions():
    corpus = conversations(sessions=20)
    tests = [split_corpus(corpus, "folds:5", fold).test for fold in range(1, 6)]
    numbers = [sorted({int(d[4:6]) for d in test}) for test in tests]
    assert numbers == [[*range(first, first + 4)] for first in (1, 5, 9, 13, 17)]


def test_neighbours_in_name_are_not_neighbours_in_sentence_folds():
    # The first half of the sentences is of one emotion, as in corpora that number them so.
    corpus = readings(speakers=3, sentences=60)
    for fold in range(1, 6):
        split = split_corpus(corpus, "sentences:5", fold)
        for side in SIDES:
            halves = {int(dialogue[-2:]) < 30 for dialogue in getattr(split, side)}
            assert halves == {True, False}


def test_speakers_who_meet_stay_together():
    rows = []
    for pair in range(4):
        for turn, speaker in enumerate((f"p{pair}", f"p{pair + 10}")):
            rows.append(utterance(f"d{pair}", turn, session=f"d{pair}", speaker_id=speaker))
    rows.append(utterance("d9", 0, session="d9", speaker_id="p13"))
    for fold in range(1, 5):
        split = split_corpus(corpus_of(rows), "speakers:4", fold)
        sides = split.by_dialogue()
        assert sides["d3"] == sides["d9"]


def test_training_shares_neither_speaker_nor_sentence_with_the_held_out():
    corpus = readings()
    for fold in range(1, 10):
        split = split_corpus(corpus, "crossed:3", fold)
        speakers = {d.split("_")[0] for d in (*split.dev, *split.test)}
        sentences = {d.split("_")[1] for d in (*split.dev, *split.test)}
        for dialogue in split.train:
            speaker, sentence = dialogue.split("_")
            assert speaker not in speakers
            assert sentence not in sentences
        for dialogue in split.left_out:
            speaker, sentence = dialogue.split("_")
            assert speaker in speakers or sentence in sentences


def test_a_default_split_of_folds_takes_the_first():
    corpus = replace(conversations(), default_split="folds:4")
    assert split_corpus(corpus) == split_corpus(corpus, "folds:4", 1)
    assert split_corpus(corpus, None, 3) == split_corpus(corpus, "folds:4", 3)


@pytest.mark.parametrize("form", ["json", "csv", "bom"])
def test_a_file_of_ids(tmp_path, form):
    sides = {"train": ["Sess01_script0", "Sess01_script1", "Sess02_script0"],
             "test": ["Sess04_script0"]}  # fmt: skip
    path = tmp_path / "mine.txt"
    if form == "json":
        path.write_text(json.dumps(sides))
    else:
        rows = [f"{identifier},{side}" for side, ids in sides.items() for identifier in ids]
        text = "\n".join(["id,side", *rows])
        path.write_text(text, encoding="utf-8-sig" if form == "bom" else "utf-8")
    split = split_corpus(conversations(sessions=4), f"ids:{path}")
    assert split.train == ("Sess01_script0", "Sess01_script1")
    assert (split.dev, split.test) == (("Sess02_script0",), ("Sess04_script0",))
    assert len(split.left_out) == 4


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ('{"train": ["x"], "test": ["Sess01_script0", "Sess01_script0"], "practice": ["y"]}',
         ["train, entry 1: there is no dialogue 'x'", "already at test, entry 1",
          "side 'practice' is none of train, dev, test"]),
        ('{"train": ["Sess01_script0"]}', ["names no test dialogue"]),
        ('{"test": ["Sess01_script0"]}', ["names no train dialogue"]),
        ('{"train": "Sess01_script0"}', ["'train' is no list of ids"]),
        ('{"train": [', ["is no JSON"]),
        ("id,side\nx,train\nSess01_script0,dev\nSess01_script0,test\nSess02_script0,tset",
         ["line 2: there is no dialogue 'x'", "line 4: 'Sess01_script0' stands already at line 3",
          "line 5: side 'tset'"]),
        ("dialogue,side\nx,train", ["has no column id"]),
        ("", ["has no column id and side"]),
        (b"\xff\xfe", ["is not UTF-8"]),
    ],
)  # fmt: skip
def test_a_wrong_file_of_ids_is_told_in_full(tmp_path, content, messages):
    path = tmp_path / "ids"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        split_corpus(conversations(), f"ids:{path}")
    assert str(path) in str(error.value)
    for message in messages:
        assert message in str(error.value)


@pytest.mark.parametrize(("file", "corpus"), [("NFD", "NFC"), ("NFC", "NFD"), ("NFD", "NFD")])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_ids_in_a_file_are_found_in_either_normal_form(tmp_path, form, file, corpus):
    names = ("대화1", "대화2", "대화3")
    there = [unicodedata.normalize(corpus, name) for name in names]
    train, dev, test = (unicodedata.normalize(file, name) for name in names)
    path = tmp_path / f"ids.{form}"
    if form == "json":
        path.write_text(json.dumps({"train": [train], "dev": [dev], "test": [test]}))
    else:
        path.write_text(f"id,side\n{train},train\n{dev},dev\n{test},test\n", encoding="utf-8")
    split = read_split_ids(path, there)
    assert split == {side: [name] for side, name in zip(SIDES, there, strict=True)}
    path.write_text(json.dumps({"train": [train, names[0]], "test": [test, there[2]]}))
    with pytest.raises(InputError, match=r"'대화1' stands already at train, entry 1"):
        read_split_ids(path, names)


def test_ids_in_a_file_are_found_without_the_signs_that_nobody_sees(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("id,side\na\u200b,train\n\ufeffb,test\n", encoding="utf-8")
    assert read_split_ids(path, ["a", "b"]) == {"train": ["a"], "dev": [], "test": ["b"]}


def test_an_absent_file_of_ids_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        split_corpus(conversations(), f"ids:{tmp_path / 'none.json'}")


@pytest.mark.parametrize(
    ("spec", "fold", "message"),
    [
        ("thirds", None, r"'thirds' is unknown; known are official, session5"),
        ("folds:x", None, r"'folds:x' is unknown"),
        ("sessions:", None, r"is unknown"),
        ("ids:", None, r"is unknown"),
        ("folds:5", None, r"needs --fold, a number from 1 to 5"),
        ("folds:5", 0, r"--fold is 0; --split folds:5 has folds 1 to 5"),
        ("folds:5", 6, r"--fold is 6"),
        ("crossed:3", 10, r"folds 1 to 9"),
        ("folds:1", 1, r"at least two folds"),
        ("crossed:2", 1, r"take crossed:3 or more"),
        ("folds:13", 1, r"needs at least 13 sessions; there are 12: Sess01"),
        ("speakers:13", 1, r"needs at least 13 groups of speakers; there are 12"),
        ("official", 2, r"--fold 2: split official has no folds"),
        (None, 2, r"--fold 2: split official has no folds"),
        ("session5", 1, r"no folds"),
        ("session77", None, r"there is no session '77'; the sessions are Sess01, Sess02"),
        ("sessions:1,Sess99", None, r"there is no session 'Sess99'; the sessions are Sess01"),
        ("sentences:3", 1, r"no sentences that several speakers read.*folds:K or speakers:K"),
        ("crossed:3", 1, r"no sentences that several speakers read"),
        ("sessions:" + ",".join(map(str, range(2, 13))), None, r"leaves 1 of 12 sessions"),
    ],
)
def test_what_cannot_be_is_said(spec, fold, message):
    with pytest.raises(InputError, match=message):
        split_corpus(conversations(), spec, fold)


def test_speakers_must_be_known():
    with pytest.raises(InputError, match=r"who speaks in 72 of 72 utterances \(Sess01_script0_000"):
        split_corpus(conversations(speakers=False), "speakers:3", 1)
    split = split_corpus(conversations(speakers=False), "folds:3", 1)
    assert "do not tell who speaks" in split.warnings[0]


def test_a_number_that_several_sessions_end_in_is_ambiguous():
    rows = [utterance(f"{room}{n}_d", session=f"{room}{n}") for room in "ab" for n in range(1, 4)]
    with pytest.raises(InputError, match=r"'2' may be a2, b2; the sessions are a1, a2"):
        split_corpus(corpus_of(rows), "session2")
    assert split_corpus(corpus_of(rows), "sessions:b2").test == ("b2_d",)


def test_an_empty_side_is_refused():
    corpus = conversations(sessions=3)
    official = dict.fromkeys(corpus.dialogues(), "train")
    with pytest.raises(InputError, match=r"leaves no test dialogue.* give another --split$"):
        split_corpus(replace(corpus, official=official))


def test_a_dialogue_in_two_sessions_is_refused():
    rows = [utterance("d1", 0, session="a"), utterance("d1", 1, session="b")]
    with pytest.raises(InputError, match="dialogue d1 of corpus tiny lies in sessions a and b"):
        split_corpus(corpus_of(rows), "folds:2", 1)


# What an inner split is made inside of, its fold, and what stays apart.
OUTER = [
    (None, None, conversations(), ("session", "speaker_id")),
    ("official", None, conversations(), ("session", "speaker_id")),
    ("session5", None, conversations(), ("session", "speaker_id")),
    ("folds:4", 2, conversations(), ("session", "speaker_id")),
    ("speakers:3", 3, readings(), ("speaker_id",)),
    ("crossed:4", 6, readings(), ("speaker_id",)),
    ("folds:3", 3, isolated(), ("session", "sentence")),
    ("sentences:5", 5, readings(), ("sentence",)),
]


@pytest.mark.parametrize(("spec", "fold", "corpus", "apart"), OUTER)
def test_inner_folds_divide_the_training_side_alone(spec, fold, corpus, apart):
    outer = split_corpus(corpus, spec, fold)
    name = "inner:2" + (f"@{spec}" if spec else "") + (f"/{fold}" if fold else "")
    inner = [split_corpus(corpus, name, number) for number in (1, 2)]
    assert sorted(d for split in inner for d in split.test) == sorted(outer.train)
    for number, split in enumerate(inner, start=1):
        assert (split.is_inner, outer.is_inner) == (True, False)
        assert sorted((*split.train, *split.test)) == sorted(outer.train)
        assert split.dev == outer.dev
        assert sorted(split.left_out) == sorted((*outer.test, *outer.left_out))
        assert split.fold == number
        assert split_corpus(corpus, split.name, number) == split
        for field in ("dialogue", *apart):
            assert disjoint(on_sides(corpus, split, field)), field


def test_inner_folds_are_groups_of_neighbouring_sessions():
    corpus = conversations(sessions=12)  # 1 to 8 are train
    tests = [split_corpus(corpus, "inner:3", fold).test for fold in (1, 2, 3)]
    numbers = [sorted({int(dialogue[4:6]) for dialogue in test}) for test in tests]
    assert numbers == [[1, 2, 3], [4, 5, 6], [7, 8]]


def test_inner_splits_share_speakers_where_the_outer_may_only():
    everywhere = [replace(u, speaker_id="Joey") for u in conversations().utterances]
    sides = {"Sess11": "dev", "Sess12": "test"}
    official = {u.dialogue: sides.get(u.session, "train") for u in everywhere}
    split = split_corpus(corpus_of(everywhere, official=official), "inner:2", 1)
    assert any("1 speaker is on more than one side: Joey" in w for w in split.warnings)
    among_train = [replace(u, speaker_id="Joey") if u.session in ("Sess01", "Sess08") else u
                   for u in conversations().utterances]  # fmt: skip
    with pytest.raises(InputError, match=r"inner:2@session12 puts 1 speaker.*\(Joey\)"):
        split_corpus(corpus_of(among_train), "inner:2@session12", 1)


@pytest.mark.parametrize(
    ("spec", "fold", "message"),
    [
        ("inner:3", None, r"--split inner:3@official needs --fold, a number from 1 to 3"),
        ("inner:3", 4, r"--fold is 4; --split inner:3@official has folds 1 to 3"),
        ("inner:1", 1, r"at least two folds"),
        ("inner:9", 1, r"needs at least 9 sessions to train on; there are 8: Sess01"),
        ("inner:3@folds:4", 1, r"folds:4 needs --fold"),
        ("inner:3@folds:4/5", 1, r"--fold is 5; --split folds:4"),
        ("inner:3@", 1, r"'inner:3@' is unknown|has no folds"),
        ("inner:3@thirds", 1, r"'thirds' is unknown; known are .*inner:K@SPEC"),
        ("inner:3@inner:2/1", 1, r"'inner:2/1' is unknown"),
    ],
)
def test_what_cannot_be_inside_is_said(spec, fold, message):
    with pytest.raises(InputError, match=message):
        split_corpus(conversations(), spec, fold)


def random_readings(seed):
    """Speakers who read, each, some of the sentences."""
    rng = random.Random(seed)
    speakers, sentences = rng.randint(6, 20), rng.randint(6, 30)
    pairs = [(s, r) for s in range(speakers) for r in range(sentences) if rng.random() < 0.8]
    rng.shuffle(pairs)
    return corpus_of(
        utterance(f"s{s}_r{r}", session=f"s{s}", speaker_id=f"s{s}", sentence=f"r{r}")
        for s, r in pairs
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    ("kind", "folds", "apart"),
    [
        ("folds", 1, ("session", "speaker_id")),
        ("speakers", 1, ("speaker_id",)),
        ("sentences", 1, ("sentence",)),
        ("crossed", 2, ("speaker_id", "sentence")),
    ],
)
def test_any_corpus_of_readings_is_split_apart(seed, kind, folds, apart):
    corpus, count = random_readings(seed), 3 + seed % 3
    tested = []
    for fold in range(1, count**folds + 1):
        split = split_corpus(corpus, f"{kind}:{count}", fold)
        for field in ("dialogue", *apart):
            assert disjoint(on_sides(corpus, split, field))
        sizes = len(split.train) + len(split.dev) + len(split.test) + len(split.left_out)
        assert sizes == len(corpus.dialogues())
        tested += split.test
    assert sorted(tested) == sorted(corpus.dialogues())

"""Tables, annotation files, transcripts and folders that are damaged, forged or no files at all."""

import json
import random
import zipfile
from functools import partial

import pytest

from feature_extractor.transcript import clean_transcript
from graph_er.conversations.conversation_input import read_turns
from graph_er.errors import InputError
from graph_er.running.normal_form import normal_form
from graph_er.schema.splits import natural_key
from tests.faults.hostile_files import (
    PLACES,
    mutated,
    put,
    read_corpus,
    refused,
    write_noise,
)
from tests.feature_extractor import (
    aihub263_writer,
    aihub_dialogue_writer,
    iemocap_writer,
    kemdy19_writer,
    kemdy20_writer,
    meld_writer,
)

KIND = "Hostile tables and annotations"
MARKS = "a" + "\u0315\u0300" * 100_000  # sorting these takes minutes
TEXTGRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 2\ntiers? <exists>\n'
    'size = 1\nitem []:\n item [1]:\n  class = "IntervalTier"\n  name = "A"\n  xmin = 0\n'
    "  xmax = 2\n  intervals: size = 1\n  intervals [1]:\n   xmin = 0\n   xmax = 1\n"
    '   text = "{}"\n'
)
RTTM = "SPEAKER talk 1 {} {} <NA> <NA> {} <NA> <NA>\n"


def write_kemdy19(root):
    names = [f"Sess01_script01_{s}{n:03}" for n in range(3) for s in "FM"]
    kemdy19_writer.write_corpus(root, [kemdy19_writer.Segment(n, 0, 1, "neutral") for n in names])
    return {
        "annotation": root / "annotation" / "Session01_F_res.csv",
        "wav": kemdy19_writer.media_path(root, names[0], ".wav"),
        "txt": kemdy19_writer.media_path(root, names[0], ".txt"),
    }


def write_kemdy20(root):
    segments = kemdy20_writer.sessions_of(1)
    kemdy20_writer.write_corpus(root, segments)
    return {
        "annotation": kemdy20_writer.annotation_path(root, "01"),
        "txt": kemdy20_writer.media_path(root, segments[0].id, ".txt"),
    }


def write_meld(root):
    meld_writer.write_tables(root, {"train": [meld_writer.Line(0, 0), meld_writer.Line(0, 1)]})
    wavs = [
        meld_writer.write_wav(meld_writer.media_path(root, side, dialogue, number))
        for side, dialogue, number in (("train", 0, 0), ("train", 0, 1))
    ]
    return {"table": meld_writer.table_path(root, "train"), "wav": wavs[0]}


def write_iemocap(root):
    turns = [iemocap_writer.TurnSpec(f"Ses01F_impro01_F{n:03}", n, n + 1, "neu") for n in range(3)]
    iemocap_writer.write_release(root, turns)
    return {
        "evaluation": iemocap_writer.evaluation_path(root, turns[0].id),
        "transcription": iemocap_writer.transcript_path(root, turns[0].id),
        "wav": iemocap_writer.wav_path(root, turns[0].id),
    }


def write_aihub263(root):
    rows = [aihub263_writer.Row(aihub263_writer.wav_id(n), "그래", "neutral") for n in range(4)]
    aihub263_writer.write_release(root, "5차년도", rows)
    return {"table": root / "5차년도.csv"}


def write_json_talks(root):
    items = [aihub_dialogue_writer.item(n, "E18", "안녕", "그래") for n in range(3)]
    return {"json": aihub_dialogue_writer.write_json(root, "Training", items)}


def write_workbook(root):
    rows = [aihub_dialogue_writer.xlsx_row(n, "기쁨", "안녕") for n in range(3)]
    return {"xlsx": aihub_dialogue_writer.write_xlsx(root, "Training", rows)}


CORPORA = {
    "kemdy19": write_kemdy19,
    "kemdy20": write_kemdy20,
    "meld": write_meld,
    "iemocap": write_iemocap,
    "aihub263": write_aihub263,
    "aihub_dialogue": write_json_talks,
}
FILES = [
    *(("kemdy19", name) for name in ("annotation", "wav", "txt")),
    *(("kemdy20", name) for name in ("annotation", "txt")),
    *(("meld", name) for name in ("table", "wav")),
    *(("iemocap", name) for name in ("evaluation", "transcription", "wav")),
    *(("aihub263", "table"), ("aihub_dialogue", "json")),
]


@pytest.mark.parametrize(
    ("corpus", "name", "place"),
    [
        (*file, place)
        for file in FILES
        for place in PLACES
        # A program may be text in some encoding.
        if place != "a program" or file[1] not in ("txt", "transcription")
    ],
)
def test_what_stands_in_the_place_of_a_corpus_file(tmp_path, corpus, name, place, records):
    root = tmp_path / corpus
    root.mkdir()
    path = CORPORA[corpus](root)[name]
    put(path, place)
    refused(read_corpus, corpus, root, naming=str(root), folder=root)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.rttm", "t.TextGrid", "t.xlsx"])
def test_what_stands_in_the_place_of_a_conversation(tmp_path, name, place, records):
    recording = write_noise(tmp_path / "talk.wav") if name in ("t.rttm", "t.TextGrid") else None
    (tmp_path / name).touch()
    put(tmp_path / name, place)
    if name == "t.xlsx":
        xlsx = {p.name: p for p in write_workbook(tmp_path / "root").values()}
        (path,) = xlsx.values()
        put(path, place)
        root = tmp_path / "root"
        refused(read_corpus, "aihub_dialogue", root, naming="Training", folder=tmp_path)
    else:
        refused(read_turns, tmp_path / name, recording, naming=name, folder=tmp_path)
    records.add(KIND, tried=1, survived=1)


def csv_of(*rows, columns="speaker,wav,text"):
    return "\n".join((columns, *rows)).encode()


def row_of(**cells):
    return json.dumps({"speaker": "A", "text": "그래", **cells}).encode()


TABLES = {
    "nothing": ("t.csv", b""),
    "a mark of its encoding alone": ("t.csv", b"\xef\xbb\xbf"),
    "no row": ("t.csv", b"speaker,text\n"),
    "blank rows": ("t.csv", b"speaker,text\n,,\n\n , \n"),
    "another encoding": ("t.csv", "speaker,text\nA,그래\n".encode("utf-16")),
    "an open quote": ("t.csv", csv_of('A,,"그래', "B,,응")),
    "a stray quote": ("t.csv", csv_of('A,,"그"래', "B,,응")),
    "a cell of 200,000 letters": ("t.csv", csv_of("A,," + "x" * 200_000)),
    "2,000 columns": ("t.csv", csv_of("A,,a", columns="speaker,wav,text" + ",x" * 2_000)),
    "200,000 columns": ("t.csv", csv_of("A", columns=",".join(map(str, range(200_000))))),
    "a column twice": ("t.csv", csv_of("A,,a,b", columns="speaker,wav,text,Text ")),
    "a control sign in a column": ("t.csv", csv_of("A,,a,b", columns="speaker,wav,text,\x1b[2J")),
    "too few cells": ("t.csv", csv_of("A,")),
    "too many cells": ("t.csv", csv_of("A,,a,b,c")),
    "another separator": ("t.csv", b"speaker;text\nA;a\n"),
    "a folder above": ("t.csv", csv_of("A,../secret.wav,a")),
    "a folder above, hidden": ("t.csv", csv_of("A,wav/../../secret.wav,a")),
    "a device": ("t.csv", csv_of("A,/dev/zero,a")),
    "another device": ("t.csv", csv_of("A,/dev/stdin,a")),
    "a process's memory": ("t.csv", csv_of("A,/proc/self/mem,a")),
    "a pipe as wav": ("t.csv", csv_of("A,pipe.wav,a")),
    "a folder as wav": ("t.csv", csv_of("A,.,a")),
    "a link to a device as wav": ("t.csv", csv_of("A,device.wav,a")),
    "a link to itself as wav": ("t.csv", csv_of("A,loop.wav,a")),
    "the table as wav": ("t.csv", csv_of("A,t.csv,a")),
    "a wav of 10,000 letters": ("t.csv", csv_of(f"A,{'w' * 10_000},a")),
    "a wav of 10,000 folders": ("t.csv", csv_of(f"A,{'w/' * 10_000},a")),
    "a wav with NUL": ("t.jsonl", row_of(wav="a\0.wav")),
    "a wav that is a list": ("t.jsonl", row_of(wav=["a.wav"])),
    "a wav on the network": ("t.csv", csv_of("A,http://example.org/a.wav,a")),
    "a wav of a shell": ("t.csv", csv_of("A,$(touch pwned).wav,a", "A,|touch pwned,a")),
    "no time": ("t.jsonl", row_of(start="nan")),
    "endless time": ("t.jsonl", row_of(start="inf")),
    "time beyond numbers": ("t.jsonl", row_of(start="9" * 5_000)),
    "negative time": ("t.jsonl", row_of(start=-1)),
    "time running back": ("t.jsonl", row_of(start=2, end=1)),
    "a time of a year": ("t.jsonl", row_of(start=3e7)),
    "an end alone": ("t.jsonl", row_of(end=1)),
    "a speaker who clears the screen": ("t.jsonl", row_of(speaker="\x1b[2J")),
    "a speaker of 1,000 letters": ("t.jsonl", row_of(speaker="A" * 1_000)),
    "an id with NUL": ("t.jsonl", row_of(utterance="a\0b", dialogue="d")),
    "a text of 200,000 letters": ("t.jsonl", row_of(text="가" * 200_000)),
    "a text of marks": ("t.jsonl", row_of(text=MARKS)),
    "a column of marks": ("t.jsonl", row_of(**{MARKS: 1})),
    "a speaker of marks": ("t.jsonl", row_of(speaker=MARKS)),
    "an id twice": ("t.jsonl", row_of(utterance="a", dialogue="d") * 2),
    "two ids that are one": (
        "t.jsonl",
        row_of(utterance="가", dialogue="d")
        + b"\n"
        + row_of(utterance="\u1100\u1161", dialogue="d"),
    ),
    "100,000 brackets": ("t.jsonl", b'{"speaker":"A","text":"a","x":' + b"[" * 100_000),
    "100,000 objects": ("t.jsonl", b'{"x":' * 100_000 + b"1" + b"}" * 100_000),
    "a number of 5,000 digits": (
        "t.jsonl",
        b'{"speaker":"A","text":"a","n":' + b"9" * 5_000 + b"}",
    ),
    "infinity": ("t.jsonl", b'{"speaker":"A","text":"a","n":-Infinity}'),
    "infinity by size": ("t.jsonl", b'{"speaker":"A","text":"a","n":1e999}'),
    "infinity in a list": ("t.jsonl", b'{"speaker":"A","text":"a","n":[{"m":1e999}]}'),
    "half a letter": ("t.jsonl", b'{"speaker":"A","text":"\\ud800"}'),
    "half a letter in a column": ("t.jsonl", b'{"speaker":"A","text":"a","\\udfff":1}'),
    "a key twice": ("t.jsonl", b'{"speaker":"A","text":"a","text":"b"}'),
    "keys that are one": ("t.jsonl", b'{"speaker":"A","text":"a","TEXT ":"b"}'),
    "a list": ("t.jsonl", b'["A","a"]'),
    "a truth": ("t.jsonl", b'{"speaker":true,"text":"a"}'),
    "half a line": ("t.jsonl", row_of()[:-3]),
    "everything in one line": ("t.jsonl", b"[" + row_of() + b"]"),
    "a page": ("t.csv", b"<!doctype html><script>alert(1)</script>"),
    "a picture": ("t.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
    "an archive": ("t.tsv", b"PK\x03\x04" + bytes(100)),
    "a pickle": ("t.csv", b"cos\nsystem\n(S'touch pwned'\ntR."),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables_of_turns(tmp_path, case, records):
    name, content = TABLES[case]
    for link, target in (("device.wav", "/dev/zero"), ("loop.wav", "loop.wav")):
        (tmp_path / link).symlink_to(target)
    for place in ("pipe.wav",):
        PLACES["a pipe"](tmp_path / place)
    (tmp_path / name).write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    refused(read_turns, tmp_path / name, naming=name, folder=tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    records.add(KIND, tried=1, survived=1)


TIMES = {
    "too few fields": ("t.rttm", "SPEAKER talk 1 0\n"),
    "no number": ("t.rttm", RTTM.format("a", "b", "A")),
    "no number by name": ("t.rttm", RTTM.format("nan", "1", "A")),
    "endless": ("t.rttm", RTTM.format("0", "inf", "A")),
    "beyond numbers": ("t.rttm", RTTM.format("9" * 5_000, "1", "A")),
    "negative": ("t.rttm", RTTM.format("-1", "1", "A")),
    "of no length": ("t.rttm", RTTM.format("0", "0", "A")),
    "after the end": ("t.rttm", RTTM.format("100", "1", "A")),
    "no speaker line": ("t.rttm", "LEXEME talk 1 0 1 <NA> <NA> A <NA>\n"),
    "of other recordings": ("t.rttm", "".join(f"SPEAKER r{n} 1 0 1 <NA> <NA> A\n" for n in "ab")),
    "a speaker with a control sign": ("t.rttm", RTTM.format("0", "0.1", "\x07")),
    "a speaker of 1,000 letters": ("t.rttm", RTTM.format("0", "0.1", "A" * 1_000)),
    "a speaker of marks": ("t.rttm", RTTM.format("0", "0.1", MARKS)),
    "no text grid": ("t.TextGrid", "hello"),
    "nothing in it": ("t.TextGrid", TEXTGRID.format("")),
    "10 ** 300 tiers": ("t.TextGrid", TEXTGRID.replace("size = 1\nitem", "size = 1e300\nitem")),
    "a count beyond numbers": (
        "t.TextGrid",
        TEXTGRID.replace("intervals: size = 1", f"intervals: size = {'9' * 400}"),
    ),
    "ends early": ("t.TextGrid", TEXTGRID[:200]),
    "a text for a number": ("t.TextGrid", TEXTGRID.replace("xmin = 0\nxmax", '"x"\nxmax')),
    "100,000 digits": ("t.TextGrid", TEXTGRID.replace("xmax = 1", f"xmax = {'1' * 100_000}x")),
    "a text of marks": ("t.TextGrid", TEXTGRID.format(MARKS)),
    "a control sign": ("t.TextGrid", TEXTGRID.format("\x1b[2J")),
    "running back": ("t.TextGrid", TEXTGRID.format("a").replace("xmax = 1\n", "xmax = -1\n")),
    "later than the end": ("t.TextGrid", TEXTGRID.format("a").replace("xmax = 1\n", "xmax = 99\n")),
}


@pytest.mark.parametrize("case", TIMES)
def test_times_in_a_recording(tmp_path, case, records):
    name, content = TIMES[case]
    recording = write_noise(tmp_path / "talk.wav", seconds=2)
    (tmp_path / name).write_text(content, encoding="utf-8")
    refused(read_turns, tmp_path / name, recording, naming=name, folder=tmp_path)
    records.add(KIND, tried=1, survived=1)


FOLDERS = {
    "a name that tells nobody": lambda f: (f / "hello.txt").write_text("a"),
    "a transcript of 1 MB": lambda f: (f / "A_001.txt").write_bytes(b"a" * 1_000_000),
    "a transcript of marks": lambda f: (f / "A_001.txt").write_text(MARKS[:100_000]),
    "a transcript of NULs": lambda f: (f / "A_001.txt").write_bytes(bytes(100)),
    "a transcript that is a folder": lambda f: (f / "A_001.txt").mkdir(),
    "a transcript that is a pipe": lambda f: PLACES["a pipe"](f / "A_001.txt"),
    "a transcript that never ends": lambda f: (f / "A_001.txt").symlink_to("/dev/zero"),
    "audio that never ends": lambda f: (f / "A_001.wav").symlink_to("/dev/urandom"),
    "audio that is a pipe": lambda f: PLACES["a pipe"](f / "A_001.wav"),
    "audio that is text": lambda f: (f / "A_001.wav").write_text("hello"),
    "a speaker of control signs": lambda f: (f / "\x1b[2J_001.txt").write_text("a"),
    "a name of broken bytes": lambda f: (f / "A\udcff_001.txt").write_text("a"),
    "a folder that holds itself": lambda f: (f / "again").symlink_to(f),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_folders_of_turns(tmp_path, case, records):
    folder = tmp_path / "talk"
    folder.mkdir()
    FOLDERS[case](folder)
    refused(read_turns, folder, naming="talk", folder=folder)
    records.add(KIND, tried=1, survived=1)


def replaced(old, new, path):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def talk(**changes):
    item = aihub_dialogue_writer.item(1, "E18", "안녕")
    for path, value in changes.items():
        at = item
        *keys, last = path.split("__")
        for key in keys:
            at = at[key]
        at[last] = value
    return json.dumps([item]).encode()


def talk_of_id(name):
    return talk(talk__id={"profile-id": "a", "talk-id": name})


def rewritten(content, path):
    path.write_bytes(content)


TALK = "aihub_dialogue", "json"
ANNOTATIONS = {
    "times beyond numbers": ("meld", "table", partial(replaced, b"00:16:", b"9" * 5_000 + b":16:")),
    "hours beyond numbers": ("meld", "table", partial(replaced, b"00:16:", b"9" * 400 + b":16:")),
    "a label that is none": ("meld", "table", partial(replaced, b"neutral", b"=1+1")),
    "a field of 200,000": ("kemdy19", "annotation", partial(replaced, b"F000", b"F" * 200_000)),
    "an id that leads out": ("kemdy19", "annotation", partial(replaced, b"F000", b"../../F000")),
    "an open quote": ("kemdy19", "annotation", partial(replaced, b"neutral", b'"neutral')),
    "a label with NUL": ("kemdy19", "annotation", partial(replaced, b"neutral", b"neu\0tral")),
    "an id that leads up": ("kemdy20", "annotation", partial(replaced, b"Sess01_s", b"../Ss")),
    "a turn that leads out": (
        *("iemocap", "evaluation"), partial(replaced, b"impro01_F000", b"impro01/../F000"),
    ),
    "a rating beyond all": ("iemocap", "evaluation", partial(replaced, b"[2.5", b"[" + b"9" * 500)),
    "an id of a path": ("aihub263", "table", partial(replaced, b"5e2", b"../")),
    "no list": (*TALK, partial(rewritten, b"{}")),
    "100,000 lists": (*TALK, partial(rewritten, b"[" * 100_000)),
    "a long number": (*TALK, partial(rewritten, b"[" + b"9" * 5_000 + b"]")),
    "items of no kind": (*TALK, partial(rewritten, b'[1,null,"a",[],{}]')),
    "a talk with NUL": (*TALK, partial(rewritten, talk_of_id("b\0"))),
    "a talk of 5,000 digits": (*TALK, partial(rewritten, talk_of_id("9" * 5_000))),
    "half a letter": (*TALK, partial(rewritten, talk(talk__content={"HS01": "\ud800"}))),
    "marks": (*TALK, partial(rewritten, talk(talk__content={"HS01": MARKS}))),
    "a wav above": (*TALK, partial(rewritten, talk(wav="../F_000001.wav"))),
    "a content of another kind": (*TALK, partial(rewritten, talk(talk__content=[1]))),
}  # fmt: skip


@pytest.mark.parametrize("case", ANNOTATIONS)
def test_annotations(tmp_path, case, records):
    corpus, name, spoil = ANNOTATIONS[case]
    root = tmp_path / corpus
    root.mkdir()
    spoil(CORPORA[corpus](root)[name])
    refused(read_corpus, corpus, root, naming=str(root), folder=root)
    records.add(KIND, tried=1, survived=1)


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
EMPTY_TEXTS = b"<sst>" + b"<si><t/></si>" * 1_000_000 + b"</sst>"
LAUGHS = b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + LAUGHS + b"]><worksheet>&j;</worksheet>"
SECRET = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet>&a;</worksheet>'
LATE = b'<row r="20000000"><c r="A20000000"><v>1</v></c></row></sheetData>'
WORKBOOKS = {
    "20 million rows": lambda name, c: c.replace(b"</sheetData>", LATE) if name == SHEET else c,
    "a million empty rows": lambda name, c: (
        c.replace(b"</sheetData>", b"<row/>" * 1_000_000 + b"</sheetData>") if name == SHEET else c
    ),
    "a million empty texts": lambda name, c: EMPTY_TEXTS if name in (SHEET, STRINGS) else c,
    "a large part": lambda name, c: random.Random(0).randbytes(2 << 20) if "theme" in name else c,
    "texts within texts": lambda name, c: ENTITIES if name == SHEET else c,
    "a file of others": lambda name, c: SECRET if name == SHEET else c,
    "no sheet": lambda name, c: b"" if name == SHEET else c,
    "no workbook": lambda name, c: b"<a/>" if "workbook" in name else c,
}


@pytest.mark.parametrize("case", WORKBOOKS)
def test_workbooks(tmp_path, case, records):
    path = write_workbook(tmp_path)["xlsx"]
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, WORKBOOKS[case](name, content))
    refused(read_corpus, "aihub_dialogue", tmp_path, naming=path.name, folder=tmp_path, seconds=60)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize(
    "text",
    [
        "()" * 100_000,
        "(a+a)" * 50_000,
        "((" * 100_000,
        "b/" * 100_000,
        "+" * 200_000,
        "N/" * 99_999,
    ],
)
def test_cleaning_takes_time_in_proportion(text):
    assert len(clean_transcript(text, interjections=True)) < len(text)


def test_marks_in_a_row_are_refused_and_writing_is_not():
    with pytest.raises(InputError, match="combining marks"):
        normal_form("가" * 1_000 + "a" + "\u0301" * 31)
    vietnamese = "e\u0302\u0301" * 5_000
    assert normal_form(vietnamese) == "\u1ebf" * 5_000


def test_ids_of_any_length_are_sorted_by_their_numbers():
    names = ["Sess10", "Sess2", "Sess02", f"Sess{'1' * 5_000}", "Sess0", "Sess", "9a"]
    assert sorted(names, key=natural_key) == [
        *("9a", "Sess", "Sess0", "Sess02", "Sess2", "Sess10", f"Sess{'1' * 5_000}"),
    ]


GOOD = {
    "t.csv": csv_of('A,talk.wav,"그래, ""응"""', "B,,=1+1", columns="speaker,wav,text"),
    "t.tsv": "speaker\tstart\ttext\nA\t0\t그래\nB\t1.5\t응\n".encode("cp949"),
    "t.jsonl": row_of(start=0, wav="talk.wav") + b"\n" + row_of(start=1),
    "t.rttm": (RTTM.format(0, 1, "A") + RTTM.format(1, 0.5, "B")).encode(),
    "t.TextGrid": TEXTGRID.format("그래").encode("utf-16"),
}


@pytest.mark.parametrize("examples", [120, pytest.param(20_000, marks=pytest.mark.fault)])
@pytest.mark.parametrize("name", GOOD)
def test_changed_tables_are_read_or_refused(tmp_path, name, examples, records):
    recording = write_noise(tmp_path / "talk.wav", seconds=2)
    recording = recording if name in ("t.rttm", "t.TextGrid") else None
    chance = random.Random(name)
    (tmp_path / name).write_bytes(GOOD[name])
    assert read_turns(tmp_path / name, recording)
    for _ in range(examples):
        (tmp_path / name).write_bytes(mutated(GOOD[name], chance))
        try:
            assert read_turns(tmp_path / name, recording)
        except InputError as error:
            message = str(error)
            assert name in message
    records.add("Changed tables and annotations", tried=examples, survived=examples)


@pytest.mark.parametrize("examples", [40, pytest.param(5_000, marks=pytest.mark.fault)])
@pytest.mark.parametrize(("corpus", "name"), [f for f in FILES if f[1] != "wav"])
def test_changed_annotations_are_read_or_refused(tmp_path, corpus, name, examples, records):
    path = CORPORA[corpus](tmp_path)[name]
    content, chance = path.read_bytes(), random.Random(corpus + name)
    for _ in range(examples):
        path.write_bytes(mutated(content, chance))
        try:
            assert read_corpus(corpus, tmp_path).utterances
        except InputError as error:
            message = str(error)
            assert str(tmp_path) in message
    records.add("Changed tables and annotations", tried=examples, survived=examples)

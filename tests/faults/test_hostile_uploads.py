"""What a browser sends: archives that lie, lead elsewhere or grow; conversations without end."""

import io
import random
import stat
import struct
import warnings
import zipfile
from contextlib import suppress

import pytest

from graph_er.conversations.confined_input import Bounds, read_confined
from graph_er.errors import InputError
from graph_er.web.uploads import LIMITS, collect
from tests.faults.hostile_files import PLACES, mutated, put, refused, write_noise

KIND = "Hostile uploads"


def zip_of(files, compression=zipfile.ZIP_DEFLATED, **attributes):
    """The bytes of an archive of (name, content) pairs."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in files:
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.compress_type = name, compression
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.writestr(info, content)
    return buffer.getvalue()


def linked(target):
    return zip_of([("a.wav", target)], create_system=3, external_attr=(stat.S_IFLNK | 0o777) << 16)


def listed(count, name=b"a.wav"):
    """An archive that is a list of files alone."""
    fields = (20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0)
    entry = b"PK\1\2" + struct.pack("<HHHHHHLLLHHHHHLL", *fields) + name
    content = entry * count
    shown = min(count, 0xFFFF)
    return content + b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, shown, shown, len(content), 0, 0)


def lying(old, new):
    """An archive whose headers tell another size."""
    content = zip_of([("a.wav", b"1" * old)])
    return content.replace(struct.pack("<L", old), struct.pack("<L", new))


def overlapping():
    """An archive whose list names one content many times."""
    whole = zip_of([("aaa.wav", bytes(900))])
    start, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    entries = b"".join(
        whole[start:end].replace(b"aaa", b"%03d" % number) for number in range(1_000)
    )
    tail = struct.pack("<HHHHLLH", 0, 0, 1_000, 1_000, len(entries), start, 0)
    return whole[:start] + entries + b"PK\5\6" + tail


NAMES = [
    *("../a.csv", "../../../../etc/cron.d/a.txt", "a/../../a.csv", "/tmp/a.csv", "//host/a.csv"),
    *("\\\\host\\share\\a.csv", "..\\a.csv", "C:\\a.csv", "c:a.csv", "a.csv:stream", "./a.csv"),
    *("a/./b.csv", "a//b.csv", "~/.ssh/a.txt", "~root/a.txt", ".bashrc.txt", "a/.git/b.txt"),
    *("a\nb.csv", "a\rb.csv", "a\tb.csv", "a\x1b[2Jb.csv", "a\x7fb.csv", "a\x85b.csv"),
    *("a\u202evsc.txt", "a\u200bb.csv", "a\u2028b.csv", "\ufeffa.csv", "x" * 500 + ".csv"),
    *("a/" * 50 + "b.csv", "a.csv/b.csv/../../../c.csv", "a.csv.exe", "a.pkl", "a.html", "a.svg"),
    *("a.py", "a.so", "a.zip", "a.tar.gz", "a", "a.csv "),
]
ARCHIVES = {
    "no archive": b"hello",
    "half an archive": zip_of([("a.wav", b"1" * 5_000)])[:60],
    "its end alone": b"PK\5\6" + bytes(18),
    "nothing in it": zip_of([]),
    "folders alone": zip_of([("a/", b""), ("a/b/", b"")]),
    "a file without a name": zip_of([("\0a.wav", b"1")]),
    "a link": linked("/etc/passwd"),
    "a link within": linked("b.wav"),
    "a link to a device": linked("/dev/zero"),
    "a device": zip_of([("a.wav", b"")], external_attr=(stat.S_IFCHR | 0o666) << 16),
    "a pipe": zip_of([("a.wav", b"")], external_attr=(stat.S_IFIFO | 0o666) << 16),
    "50 MB of zeros": zip_of([("a.wav", bytes(50_000_000))]),
    "an archive in it": zip_of([("a.zip", zip_of([("a.wav", bytes(900))]))]),
    "10 MB of text": zip_of([("a.csv", random.Random(0).randbytes(10_000_000))]),
    "5,000 files": zip_of([(f"{n}.txt", b"") for n in range(5_000)]),
    "a list of 100,000 files": listed(100_000),
    "a list of 400,000 files without names": listed(400_000, b""),
    "an end of large archives": zip_of([("a.wav", b"1")]).replace(
        b"PK\5\6", b"PK\6\7" + bytes(16) + b"PK\5\6"
    ),
    "one content 1,000 times": overlapping(),
    "a name twice": zip_of([("a.wav", b"1"), ("a.wav", b"2")]),
    "a name twice, in capitals": zip_of([("a.wav", b"1"), ("A.WAV", b"2")]),
    "a name twice, composed": zip_of([("\uac00.wav", b"1"), ("\u1100\u1161.wav", b"2")]),
    "a file and a folder of one name": zip_of([("a.wav", b"1"), ("a.wav/b.wav", b"2")]),
    "a size too small": lying(5_000, 10),
    "4 GB by its header": lying(5_000, 0xFFFF_FFFE),
    "a rare method": zip_of([("a.wav", b"1" * 99)], zipfile.ZIP_BZIP2),
    "another rare method": zip_of([("a.wav", b"1" * 99)], zipfile.ZIP_LZMA),
    "a sum that is wrong": zip_of([("a.wav", b"1" * 99)], zipfile.ZIP_STORED).replace(
        b"1" * 99, b"2" * 99
    ),
}


def unpack_here(content, folder):
    path = folder.parent / "x.zip"
    path.write_bytes(content)
    return refused(collect, [path], folder, naming="", folder=folder.parent, megabytes=150)


@pytest.fixture
def inside(tmp_path):
    (tmp_path / "work" / "in").mkdir(parents=True)
    return tmp_path / "work" / "in"


@pytest.mark.parametrize("name", NAMES)
def test_names_in_archives(tmp_path, inside, name, records):
    message = unpack_here(zip_of([(name, b"a")]), inside)
    assert "is no plain file name" in message or "are not taken" in message
    assert sorted(tmp_path.rglob("*")) == [inside.parent, inside, inside.parent / "x.zip"]
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("case", ARCHIVES)
def test_archives(tmp_path, inside, case, records):
    unpack_here(ARCHIVES[case], inside)
    found = [path for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink()]
    assert all(path.is_relative_to(inside) or path.name == "x.zip" for path in found)
    assert not any(path.is_symlink() for path in found)
    assert sum(path.stat().st_size for path in inside.rglob("*")) <= LIMITS.size
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("place", [place for place in PLACES if place != "a program"])
@pytest.mark.parametrize("name", ["x.zip", "a.csv"])
def test_what_stands_in_the_place_of_an_upload(tmp_path, inside, place, name, records):
    (tmp_path / name).touch()
    put(tmp_path / name, place)
    if name == "a.csv" and place in ("zeros", "noise"):
        collect([tmp_path / name], inside)
        refused(read_confined, inside, Bounds(), naming=name, folder=tmp_path)
    else:
        refused(collect, [tmp_path / name], inside, naming=name, folder=tmp_path)
    records.add(KIND, tried=1, survived=1)


JSON_ROW = b'{"speaker":"A","text":"a"}\n'
RTTM_ROW = b"SPEAKER a 1 0 0.1 <NA> <NA> A <NA> <NA>\n"
GRID = b'"ooTextFile"\n"TextGrid"\n0 9 <exists> 1 "IntervalTier" "A" 0 9 1000000\n'
CONVERSATIONS = {
    "a million rows": ("t.csv", b"speaker,text\n" + b"A,a\n" * 1_000_000),
    "half a million lines of JSON": ("t.jsonl", b'{"speaker":1}\n' * 500_000),
    "2,001 turns": ("t.jsonl", JSON_ROW * 2_001),
    "200,000 turns of a recording": ("t.rttm", RTTM_ROW * 190_000),
    "a million intervals": ("t.TextGrid", GRID + b'0 1 "a"\n' * 900_000),
    "a folder above": ("t.csv", b"speaker,wav\nA,../x.wav\n"),
    "a file of the system": ("t.csv", b"speaker,wav\nA,/etc/passwd\n"),
    "a device": ("t.csv", b"speaker,wav\nA,/dev/zero\n"),
    "another system's path": ("t.csv", b"speaker,wav\nA,C:\\a.wav\nB,\\\\host\\a.wav\n"),
}


@pytest.mark.parametrize("case", CONVERSATIONS)
def test_conversations_without_end_or_from_elsewhere(tmp_path, inside, case, records):
    name, content = CONVERSATIONS[case]
    assert len(content) < LIMITS.table
    (inside / name).write_bytes(content)
    if not name.endswith((".csv", ".jsonl")):
        write_noise(inside / "a.wav", seconds=1)
    refused(read_confined, inside, Bounds(), naming="", folder=inside, megabytes=900)
    records.add(KIND, tried=1, survived=1)


def test_a_link_among_the_files_is_refused(inside, records):
    (inside / "A_001.txt").symlink_to("/etc/hostname")
    refused(read_confined, inside, Bounds(), naming="a link", folder=inside)
    records.add(KIND, tried=1, survived=1)


@pytest.mark.parametrize("examples", [200, pytest.param(20_000, marks=pytest.mark.fault)])
def test_changed_archives_are_unpacked_or_refused(tmp_path, examples, records):
    files = [("talk.csv", b"speaker,text\nA,a\n"), ("a/b.wav", b"1" * 500), ("c.txt", b"a")]
    content, chance = zip_of(files), random.Random(0)
    path = tmp_path / "x.zip"
    for number in range(examples):
        path.write_bytes(mutated(content, chance))
        folder = tmp_path / str(number)
        folder.mkdir()
        with suppress(InputError):
            collect([path], folder)
        found = {p for p in tmp_path.rglob("*") if not p.is_dir()} - {path}
        assert all(p.is_relative_to(folder) and not p.is_symlink() for p in found)
        for place in sorted(folder.rglob("*"), reverse=True):
            place.rmdir() if place.is_dir() else place.unlink()
        folder.rmdir()
    records.add("Changed archives", tried=examples, survived=examples)

"""Archives and files from strangers: what is well formed comes in, nothing gets out or too big."""

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from feature_extractor.corpora.text_files import TABLE_SUFFIXES
from graph_er.conversations import conversation_input
from graph_er.conversations.recording_folder import AUDIO_SUFFIXES
from graph_er.errors import InputError
from graph_er.web.uploads import KINDS, LIMITS, Limits, collect, unpack


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def make_zip(path, files, compression=zipfile.ZIP_DEFLATED, **attributes):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.writestr(info, content)
    return path


def found(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_an_archive_is_unpacked_with_its_folders(tmp_path, folder):
    files = {"talk.csv": "a", "소리/첫째.WAV": b"\0" * 9, "t/notes.TextGrid": "b"}
    files |= {"__MACOSX/._talk.csv": "x", ".DS_Store": "x", "소리/Thumbs.db": "x"}
    unpack(make_zip(tmp_path / "x.zip", files), folder)
    assert found(folder) == ["t/notes.TextGrid", "talk.csv", "소리/첫째.WAV"]
    assert (folder / "talk.csv").read_text() == "a"


def test_names_of_korean_windows_are_read(tmp_path, folder):
    path = make_zip(tmp_path / "x.zip", {"AAAA.wav": b"1"})
    content = path.read_bytes().replace(b"AAAA", "민아".encode("cp949"))
    path.write_bytes(content)
    unpack(path, folder)
    assert found(folder) == ["민아.wav"]


@pytest.mark.parametrize(
    "name",
    [
        *("../out.csv", "a/../../out.csv", "/etc/out.csv", "a\\..\\out.csv", "C:/out.csv"),
        *("C:out.csv", "./out.csv", "a//out.csv", "~/out.csv", ".hidden.csv", ".ssh/x.txt"),
        *("a\nb.csv", "x" * 300 + ".csv", "a/" * 20 + "x.csv"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, folder, name):
    with pytest.raises(InputError, match="no plain file name"):
        unpack(make_zip(tmp_path / "x.zip", {name: "a"}), folder)
    assert found(tmp_path) == ["x.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path, folder, kind):
    archive = make_zip(
        tmp_path / "x.zip", {"a.wav": "/etc/passwd"}, external_attr=(kind | 0o777) << 16,
        create_system=3,
    )  # fmt: skip
    with pytest.raises(InputError, match="is a link or no regular file"):
        unpack(archive, folder)
    assert found(folder) == []


@pytest.mark.parametrize("name", ["inner.zip", "run.exe", "page.html", "model.pkl", "wav", "a.py"])
def test_other_kinds_are_refused(tmp_path, folder, name):
    inner = make_zip(tmp_path / "inner.zip", {"a.csv": "a"}).read_bytes()
    with pytest.raises(InputError, match="are not taken, only"):
        unpack(make_zip(tmp_path / "x.zip", {name: inner}), folder)


def test_bombs_are_refused(tmp_path, folder):
    bomb = make_zip(tmp_path / "bomb.zip", {"a.wav": b"\0" * 10_000_000})
    assert bomb.stat().st_size < 20_000
    with pytest.raises(InputError, match="packs like that"):
        unpack(bomb, folder)
    stored = make_zip(tmp_path / "x.zip", {"a.wav": b"1" * 900, "b.wav": b"1" * 900})
    for limits, message in (
        (Limits(size=1_500), "more than 0 MB in all"),
        (Limits(files=1), "holds 2 files; at most 1"),
    ):
        with pytest.raises(InputError, match=message):
            unpack(stored, folder, limits)
    table = make_zip(tmp_path / "t.zip", {"a.csv": b"1" * 900})
    with pytest.raises(InputError, match="of text"):
        unpack(table, folder, Limits(table=800))
    assert found(folder) == []


def test_a_header_that_lies_about_the_size_is_found_out(tmp_path, folder):
    archive = make_zip(tmp_path / "x.zip", {"a.wav": b"1" * 5_000})
    content = archive.read_bytes()
    assert content.count(struct.pack("<L", 5_000)) == 2
    archive.write_bytes(content.replace(struct.pack("<L", 5_000), struct.pack("<L", 10)))
    with pytest.raises(InputError, match=r"x\.zip: cannot be unpacked|larger than"):
        unpack(archive, folder)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 10


def test_encrypted_and_damaged_archives_are_refused(tmp_path, folder):
    whole = make_zip(tmp_path / "x.zip", {"a.wav": b"1" * 50_000, "b.wav": b"2" * 50_000})
    content = bytearray(whole.read_bytes())
    locked = bytearray(content)
    at = locked.rindex(b"PK\x01\x02")
    locked[at + 8] |= 1
    damaged = bytearray(content)
    damaged[60:70] = b"\xff" * 10
    for name, data, message in (
        ("locked", locked, "is encrypted"),
        ("damaged", damaged, "cannot be unpacked"),
        ("cut", content[:100], "is no ZIP archive"),
        ("empty", b"", "is no ZIP archive"),
    ):
        path = tmp_path / f"{name}.zip"
        path.write_bytes(data)
        (folder / name).mkdir()
        with pytest.raises(InputError, match=message):
            unpack(path, folder / name)


def test_a_file_twice_and_none_at_all(tmp_path, folder):
    with pytest.raises(InputError, match="is there twice"):
        unpack(make_zip(tmp_path / "x.zip", {"a.wav": "1", "A.WAV": "2"}), folder)
    with pytest.raises(InputError, match="holds no file"):
        unpack(make_zip(tmp_path / "y.zip", {"d/": "", ".DS_Store": "1"}), folder)


def test_single_files_are_copied(tmp_path, folder):
    for name in ("talk.csv", "one.wav"):
        (tmp_path / name).write_text(name)
    collect([tmp_path / "talk.csv", tmp_path / "one.wav"], folder)
    assert found(folder) == ["one.wav", "talk.csv"]


def test_single_files_keep_the_same_rules(tmp_path, folder):
    (tmp_path / "real.csv").write_text("x" * 50)
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    (tmp_path / "page.html").write_text("x")
    archive = make_zip(tmp_path / "x.zip", {"a.csv": "1"})
    for paths, limits, message in (
        ([], LIMITS, "no file was chosen"),
        (["link.csv"], LIMITS, "no regular file"),
        (["page.html"], LIMITS, "are not taken"),
        (["real.csv"], Limits(size=49), "in all"),
        (["real.csv"], Limits(table=49), "of text"),
        (["real.csv", "link.csv"], Limits(files=1), "2 files; at most 1"),
        ([archive.name, "real.csv"], LIMITS, "an archive stands alone"),
    ):
        with pytest.raises(InputError, match=message):
            collect([tmp_path / name for name in paths], folder, limits)
    assert found(folder) == []
    collect([archive], folder)
    assert found(folder) == ["a.csv"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_python_unpacks_without_bounds_are_refused(tmp_path, folder, method):
    archive = make_zip(tmp_path / "x.zip", {"a.csv": b"speaker,text\nA,x\n"}, compression=method)
    with pytest.raises(InputError, match="rare method; make a plain ZIP"):
        unpack(archive, folder)
    assert found(folder) == []


def test_what_can_be_sent_is_what_is_read_and_both_are_written_down_once():
    assert set(KINDS) == {*AUDIO_SUFFIXES, *TABLE_SUFFIXES, ".rttm", ".textgrid", ".txt"}
    texts = [
        path.read_text(encoding="utf-8")
        for path in Path(conversation_input.__file__).parents[1].rglob("*.py")
    ]
    for suffix, times in {".flac": 1, ".mp3": 1, ".textgrid": 1, ".tsv": 0}.items():
        assert sum(text.count(f'"{suffix}"') for text in texts) == times, suffix

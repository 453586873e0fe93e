from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from graph_er.errors import InputError
from graph_er.running import files, locks
from graph_er.running.files import atomic_path, sha256, write_json, write_text


def test_a_finished_file_replaces_the_old_one_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "옛것")
    write_text(path, "새것")
    assert path.read_text(encoding="utf-8") == "새것"
    assert list(path.parent.iterdir()) == [path]


def write_half_and_die(path):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("killed")


def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="killed"):
        write_half_and_die(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_seen_under_the_name_before_the_end(tmp_path):
    path = tmp_path / "model.pt"
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"all of it")
        assert not path.exists()
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".pt")
    assert path.read_bytes() == b"all of it"


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "ours", "")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1


def test_json_round_trips_and_stays_readable(tmp_path):
    path = tmp_path / "a.json"
    value = {"감정": ["행복", 1, 0.1, None, True]}
    write_json(path, value)
    assert json.loads(path.read_text(encoding="utf-8")) == value
    assert "행복" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), object()])
def test_what_json_cannot_hold_writes_nothing(tmp_path, bad):
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", {"f1": bad})
    assert list(tmp_path.iterdir()) == []


def test_sha256_of_known_content(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "abc") == expected


@pytest.mark.parametrize("name", ["a" * 251 + ".csv", "말" * 82 + ".csv", "a." + "b" * 250])
def test_a_long_name_that_is_allowed_is_taken_and_what_was_left_of_it_removed(
    tmp_path, monkeypatch, name
):
    path = tmp_path / name
    monkeypatch.setattr(files, "_NEWBORN_SECONDS", 0.0)
    with atomic_path(path) as temporary:
        assert len(os.fsencode(temporary.name)) <= 255
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    stem, suffix = files._kept(path)
    left = tmp_path / f".{stem}-12345678.partial{suffix}"
    left.write_text("half")
    write_text(path, "new")
    assert {*tmp_path.iterdir()} == {path}


def killed_writer(path):
    """Start a process that writes `path`; return it and its temporary file once that is there."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from graph_er.running.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); print(temporary, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    return process, Path(process.stdout.readline().decode().strip())


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "_NEWBORN_SECONDS", 0.0)
    path, other = tmp_path / "a.txt", tmp_path / ".a-12345678.partial.json"
    other.write_text("of another file")
    dead, left_behind = killed_writer(path)
    living, in_work = killed_writer(path)
    try:
        dead.kill()
        dead.communicate()
        assert left_behind.read_text() == "half"
        write_text(path, "whole")
        assert {*tmp_path.iterdir()} == {path, in_work, other}
    finally:
        living.kill()
        living.communicate()
    write_text(path, "whole")
    assert {*tmp_path.iterdir()} == {path, other}


def test_what_is_just_being_made_is_not_taken_for_left_behind(tmp_path):
    newborn = tmp_path / ".a-12345678.partial.txt"
    newborn.write_text("half")
    write_text(tmp_path / "a.txt", "whole")
    assert newborn.read_text() == "half"


def test_where_files_cannot_be_locked_nothing_is_taken_for_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_NEWBORN_SECONDS", 0.0)
    monkeypatch.setattr(locks, "CAN_LOCK", False)  # as on Windows
    other = tmp_path / ".a-12345678.partial.txt"
    other.write_text("half")
    write_text(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert other.read_text() == "half"


_HANDLES = Path("/dev/fd")  # of this process, on Linux and macOS


@pytest.mark.skipif(not _HANDLES.is_dir(), reason="no /dev/fd tells which files are open")
def test_what_is_written_is_renamed_when_nothing_holds_it_open_where_that_is_refused(
    tmp_path, monkeypatch
):
    """Windows neither renames nor removes a file that is open, and has no O_NOFOLLOW."""

    def replace(self, target):
        number = self.stat().st_ino
        for handle in _HANDLES.iterdir():
            with suppress(OSError):
                if os.fstat(int(handle.name)).st_ino == number:
                    raise PermissionError(13, "is being used by another process", str(self))
        os.replace(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(locks, "CAN_LOCK", False)
    monkeypatch.setattr(files, "_NEWBORN_SECONDS", 0.0)
    monkeypatch.delattr(os, "O_NOFOLLOW")
    other = tmp_path / ".a-12345678.partial.txt"
    other.write_text("half")
    path = tmp_path / "a.txt"
    for text in ("old", "new"):
        write_text(path, text)
        assert path.read_text() == text
    with pytest.raises(RuntimeError, match="killed"):
        write_half_and_die(path)
    assert {*tmp_path.iterdir()} == {path, other}


def test_a_name_that_cannot_be_taken_is_told_and_not_the_temporary_one(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match=r"\ba\.txt") as caught:
        write_text(tmp_path / "a.txt", "whole")
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_in_the_place_of_a_temporary_file_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_NEWBORN_SECONDS", 0.0)
    (tmp_path / "theirs").write_text("precious")
    (tmp_path / ".a-12345678.partial.txt").symlink_to(tmp_path / "theirs")
    write_text(tmp_path / "a.txt", "whole")
    assert (tmp_path / "theirs").read_text() == "precious"


def write_and_fail(path, error):
    with atomic_path(path):
        raise error


def torch_error():
    """Return what `torch.save` raises: an error of its own after one of the file's."""
    error = RuntimeError("unexpected pos 6976 vs 6900")
    error.__context__ = OSError(28, "No space left on device")
    return error


@pytest.mark.parametrize(
    "error",
    [
        torch_error(),
        OSError(28, "No space left on device"),
        ValueError("I/O error: it is full (os error 28)"),
        # What torch says where it opens the file itself.
        RuntimeError("basic_ios::clear: iostream error"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 2496 vs 2384"),
    ],
)
def test_an_error_of_the_operating_system_names_the_file(tmp_path, error):
    path = tmp_path / "a.txt"
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_and_fail(path, error)
    assert (caught.value.errno, caught.value.filename) == (28, str(path))
    assert list(tmp_path.iterdir()) == []


def test_what_the_system_said_is_told_rather_than_what_torch_leaves_to_guess(tmp_path):
    error = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 2496 vs 2384")
    error.__context__ = OSError(27, "File too large")
    with pytest.raises(OSError, match="File too large"):
        write_and_fail(tmp_path / "a.txt", error)


@pytest.mark.parametrize(
    "said", ["failed finding central directory", "mat1 and mat2 shapes cannot be multiplied"]
)
def test_another_error_of_torch_is_not_taken_for_a_full_disk(tmp_path, said):
    with pytest.raises(RuntimeError, match=said):
        write_and_fail(tmp_path / "a.txt", RuntimeError(said))


def test_what_a_user_is_told_already_stays_as_it_is(tmp_path):
    error = InputError("clip.wav: cannot be read")
    error.__context__ = OSError(5, "Input/output error")
    with pytest.raises(InputError, match="cannot be read"):
        write_and_fail(tmp_path / "a.txt", error)


def test_an_error_that_is_not_the_disks_keeps_its_own_words(tmp_path):
    with pytest.raises(OSError, match="a text of a library") as caught:
        write_and_fail(tmp_path / "a.txt", OSError("a text of a library"))
    assert caught.value.filename is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_file_is_not_replaced_by_one(tmp_path, linked):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    path = pipe
    if linked:
        path = tmp_path / "link"
        path.symlink_to(pipe)
    with pytest.raises(InputError, match="is a device or a pipe; name a file"):
        write_text(path, "x")
    assert pipe.is_fifo()
    assert {p.name for p in tmp_path.iterdir()} == {"pipe", path.name}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc tells what is open")
@pytest.mark.parametrize("hops", [1, 2])
def test_a_link_to_what_is_open_is_not_replaced_though_that_is_a_file(tmp_path, hops):
    with (tmp_path / "output").open("w") as output:
        links = [tmp_path / f"link{number}" for number in range(hops)]
        for link, target in zip(links, [f"/proc/self/fd/{output.fileno()}", *links], strict=False):
            link.symlink_to(target)
        with pytest.raises(InputError, match="is a device or a pipe; name a file"):
            write_text(links[-1], "x")
    assert all(link.is_symlink() for link in links)
    assert (tmp_path / "output").read_bytes() == b""


@pytest.mark.skipif(not Path("/dev").is_dir(), reason="devices have no folder here")
@pytest.mark.parametrize("folder", ["/dev", "/proc/self", "/dev/fd"])
def test_nothing_is_written_among_devices_through_a_link_either(tmp_path, folder):
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(InputError, match="is a device or a pipe; name a file"):
        files._refuse_device(tmp_path / "link" / "scores.json")


@pytest.mark.parametrize("target", ["/dev/shm", "/developers", "/process"])
def test_shared_memory_and_folders_of_like_names_may_be_written_to(tmp_path, target):
    (tmp_path / "link").symlink_to(f"{target}/none of this name")
    files._refuse_device(tmp_path / "link")
    files._refuse_device(Path(target) / "none of this name")


def test_a_link_may_still_be_replaced_by_a_file(tmp_path):
    (tmp_path / "theirs").write_text("precious")
    (tmp_path / "a.txt").symlink_to("theirs")
    (tmp_path / "round.txt").symlink_to("round.txt")
    for name in ("a.txt", "round.txt"):
        write_text(tmp_path / name, "whole")
        assert (tmp_path / name).read_text() == "whole"
        assert not (tmp_path / name).is_symlink()
    assert (tmp_path / "theirs").read_text() == "precious"

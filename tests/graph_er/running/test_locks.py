"""Locks, also where a file system has none."""

import errno
import os
import threading

import pytest

from graph_er.running import locks
from graph_er.running.locks import lock, still_named, try_lock

pytestmark = pytest.mark.skipif(not locks.CAN_LOCK, reason="no locks on this system")


def test_a_lock_is_one_holders_until_it_is_closed(tmp_path):
    path = tmp_path / "lock"
    with path.open("w") as first, path.open("w") as second:
        assert lock(first.fileno())
        assert try_lock(second.fileno()) is False
        waiting = threading.Thread(target=lock, args=(second.fileno(),), daemon=True)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        first.close()
        waiting.join(10)
        assert not waiting.is_alive()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_work_goes_on_where_the_file_system_has_no_locks(tmp_path, monkeypatch, number):
    def refuse(_handle, _kind):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with (tmp_path / "lock").open("w") as file:
        assert lock(file.fileno()) is False
        assert try_lock(file.fileno()) is None


def test_a_file_that_was_removed_is_no_longer_named(tmp_path):
    path = tmp_path / "lock"
    with path.open("w") as file:
        assert still_named(file.fileno(), path)
        path.unlink()
        assert not still_named(file.fileno(), path)
        path.touch()
        assert not still_named(file.fileno(), path)

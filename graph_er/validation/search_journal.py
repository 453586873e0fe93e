"""The journal of a search on disk, opened whole: a kill or a full disk may have cut its end."""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from graph_er.errors import InputError
from graph_er.running.files import disk_errors_named
from graph_er.running.regular_files import require_regular

logger = logging.getLogger(__name__)

JOURNAL_NAME = "search.log"
# So each record of Optuna begins, but for its number.
_RECORD = b'{"op_code":0,"worker_id":"'


def open_journal(out: Path) -> JournalStorage:
    """Open the journal in folder `out`, or begin one there; the caller has the folder to itself.

    A last record that was not written to its end never was: it is cut off.

    Raises:
        InputError: what bears the journal's name is none, or a link that leads out of the folder.
    """
    # Optuna's lock is a link to the path as it is given: a relative one would lead nowhere from
    # the lock's folder, and whoever finds such a lock left over would wait for ever.
    journal = (out / JOURNAL_NAME).absolute()
    if Path(os.path.realpath(journal)).parent != Path(os.path.realpath(out)):
        raise InputError(
            f"{journal}: is a link that leads elsewhere; remove it, or name another folder with "
            "--out"
        )
    _remove_lock_left_over(journal)
    if journal.exists():
        require_regular(journal)
        if _cut_torn_record(journal):
            logger.warning("%s: cut off a last record that was not written to its end", journal)
    try:
        storage = JournalStorage(_Journal(journal))
        for last in journal.read_bytes().splitlines()[-1:]:
            json.loads(last)  # Optuna minds it only once it has written another after it
    except OSError:
        raise
    except Exception as error:  # Optuna trusts what it reads
        raise InputError(
            f"{journal}: is not the journal of a search, or is broken ({type(error).__name__}: "
            f"{error!s:.80}); remove it to begin anew, or name another folder with --out"
        ) from error
    return storage


class _Journal(JournalFileBackend):
    """Optuna's journal, which a full disk leaves whole; the error names the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with disk_errors_named(self._path):
            try:
                super().append_logs(logs)
            except OSError:  # else the next record would be joined to half a one
                _cut_torn_record(self._path)
                raise


def _cut_torn_record(journal: Path) -> bool:
    """Cut off the beginning of a record after the last line; tell whether there was one.

    Raises:
        InputError: there is something else, which is let be.
    """
    content = journal.read_bytes()
    end = content.rfind(b"\n") + 1
    torn = re.sub(rb":\d+", b":0", content[end:], count=1)
    if not torn:
        return False
    if not torn.startswith(_RECORD) and not _RECORD.startswith(torn):
        raise InputError(
            f"{journal}: is not the journal of a search; remove it to begin anew, or name another "
            "folder with --out"
        )
    os.truncate(journal, end)
    return True


def _remove_lock_left_over(journal: Path) -> None:
    """Remove a lock that leads nowhere; any other that a search left Optuna takes over itself."""
    lock = journal.with_name(f"{journal.name}.lock")
    if lock.is_symlink() and not lock.exists():
        lock.unlink(missing_ok=True)
        logger.warning("removed %s, which a search that was killed left behind", lock)

"""An archive that ``torch.save`` wrote, looked through before torch reads it.

``weights_only`` keeps a file from running anything, but not from taking memory: an entry may be
compressed a thousandfold, a name in it may stand for so many bytes, a tensor may have no storage.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from graph_er.running.regular_files import require_regular
from graph_er.schema.pickle_scan import scan_program

_KINDS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
# What `torch.save` names for dictionaries of tensors and plain values.
_NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    *(f"torch {kind}Storage" for kind in _KINDS),
}


def require_sound_archive(path: Path) -> None:
    """Refuse what takes more than the size of the file, or holds more than tensors and values.

    Raises:
        InputError: it is no regular file.
        ValueError, OSError, zipfile.BadZipFile: it is no such archive.
    """
    require_regular(path)
    with path.open("rb") as file:
        if file.read(4) != b"PK\3\4":  # torch takes anything else for a file of its old format
            raise ValueError("not written by torch.save")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("an entry is compressed")
        names = [entry.filename for entry in entries]
        if len({*names}) < len(names):
            raise ValueError("an entry occurs twice")
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("the entries are larger than the file")
        programs = [name for name in names if name.endswith("/data.pkl")]
        if len(programs) != 1:
            raise ValueError("not written by torch.save")
        folder = programs[0].removesuffix("data.pkl")
        if ".." in folder or not all(name.startswith(folder) for name in names):
            raise ValueError("an entry leads out of the archive")
        foreign = scan_program(archive.read(programs[0])) - _NAMES
    if foreign:
        raise ValueError(f"it names {min(foreign)!r:.60}, no part of tensors and plain values")

import io
import pickle
import zipfile

import pytest
import torch

from graph_er.errors import InputError
from graph_er.networks.tensor_archive import require_sound_archive


def saved(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_what_torch_saves_is_sound(tmp_path):
    path = tmp_path / "model.pt"
    kinds = (torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool)
    tensors = {str(kind): torch.ones(3, 2).to(kind) for kind in kinds}
    shared = torch.arange(6.0)
    path.write_bytes(
        saved({"weights": tensors, "views": [shared[:3], shared], "n": [1, "a", None]})
    )
    require_sound_archive(path)


def test_an_old_file_before_the_archive_is_found(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps({"old": 1}, 2) + saved({"new": torch.ones(1)}))
    assert zipfile.is_zipfile(path)
    with pytest.raises(ValueError, match="not written by"):
        require_sound_archive(path)


def test_compressed_entries_are_refused(tmp_path):
    path = tmp_path / "model.pt"
    source = zipfile.ZipFile(io.BytesIO(saved({"w": torch.ones(9)})))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    with pytest.raises(ValueError, match="compressed"):
        require_sound_archive(path)


def test_a_folder_is_no_archive(tmp_path):
    with pytest.raises(InputError, match="no regular file"):
        require_sound_archive(tmp_path)

"""What an interrupted training of stage 1 left behind, as far as it is whole."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_model, save_model
from torch import nn
from transformers.utils import SAFE_WEIGHTS_NAME

from graph_er.errors import InputError
from graph_er.running.files import atomic_path, write_json
from graph_er.running.regular_files import read_json_file

_TRAINER_STATE = "trainer_state.json"
_NUMBERED = re.compile("checkpoint-([0-9]+)")


def last_complete(folder: Path) -> Path | None:
    """Return the newest complete `Trainer` checkpoint in `folder`, and delete incomplete ones.

    `Trainer` writes its state file last, so a checkpoint with a whole one is complete, unless its
    weights were cut short later, by a full disk or a copy. What has no number is none of its own.
    """
    numbered = {
        int(found[1]): path
        for path in folder.glob("checkpoint-*")
        if (found := _NUMBERED.fullmatch(path.name))
    }
    for _, path in sorted(numbered.items(), reverse=True):
        try:
            state = read_json_file(path / _TRAINER_STATE)
            if not isinstance(state, dict):
                raise InputError(f"{path / _TRAINER_STATE}: no state of a training")
            with safe_open(path / SAFE_WEIGHTS_NAME, framework="pt"):
                pass
        except (InputError, OSError, SafetensorError):
            shutil.rmtree(path)
        else:
            _find_best_again(path, state)
            return path
    return None


def _find_best_again(checkpoint: Path, state: dict[str, Any]) -> None:
    """Tell `Trainer` where its best checkpoint is now: beside this one, wherever the folder went.

    It would go on without one where the path of then leads nowhere, and end on the last epoch.
    """
    best = state.get("best_model_checkpoint")
    if isinstance(best, str) and not Path(best).is_dir():
        state["best_model_checkpoint"] = str(checkpoint.with_name(Path(best).name))
        write_json(checkpoint / _TRAINER_STATE, state)


def keep_step(model: nn.Module, path: Path, summary: dict[str, Any]) -> None:
    """Keep a finished step's weights and summary, the former last: then the step is done."""
    write_json(path.with_suffix(".json"), summary)
    with atomic_path(path) as temporary:
        save_model(model, str(temporary))


def finished_step(model: nn.Module, path: Path) -> dict[str, Any] | None:
    """Load what `keep_step` kept, if it did."""
    if not path.exists():
        return None
    load_model(model, str(path))
    return read_json_file(path.with_suffix(".json"))

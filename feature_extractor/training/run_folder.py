"""The output folder of a stage 1 run: whose it is, whether it may be used, and emptying it.

A folder is a run's by the marks that stage 1 leaves there: ``checkpoints/settings.json`` while it
trains, ``run.json`` beside our ``config.json`` once it is finished.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.fusion.registry import same_options
from feature_extractor.networks.checkpoint_files import CHECKPOINT_FILES
from feature_extractor.sources import SIDES
from feature_extractor.training.fit import CHECKPOINTS
from graph_er.errors import InputError
from graph_er.running.clutter import is_clutter
from graph_er.running.files import write_json
from graph_er.running.regular_files import read_json_file
from graph_er.running.run_record import RECORD_NAME, read_run_record
from graph_er.scoring.evaluation_files import EVALUATION_NAME, PREDICTIONS_NAME, evaluation_path

STEPS = ("text", "audio", "fusion")  # of `fusion.late_fusion.LateFusion`
_SETTINGS = "settings.json"
_SETTINGS_KEYS = {"corpus_sha256", "modalities", "transcript_version"}

# Digests of audio and of encoders in folders, which earlier releases left out: None is "not known"
# there. An encoder of another name shows by that.
_LATER_DIGESTS = ("text_weights", "audio_weights", "text_files", "audio_files", "audio_sha256")

_EVALUATIONS = tuple(evaluation_path(Path(), side).parent for side in SIDES)

# All files that stage 1 and its evaluation write, below the folder.
_WRITTEN = (
    *(*CHECKPOINT_FILES, RECORD_NAME, ".run-*.partial.json"),
    *(EVALUATION_NAME, PREDICTIONS_NAME),
    *(f"{folder}/{EVALUATION_NAME}" for folder in _EVALUATIONS),
    *(f"{folder}/{PREDICTIONS_NAME}" for folder in _EVALUATIONS),
    *(f"{folder}/.*.partial.*" for folder in _EVALUATIONS),
    *(f"{CHECKPOINTS}/{_SETTINGS}", f"{CHECKPOINTS}/.settings-*.partial.json"),
    *(f"{CHECKPOINTS}/checkpoint-*/**/*", f"{CHECKPOINTS}/*/checkpoint-*/**/*"),
    # Of models that are trained in several steps.
    *(f"{CHECKPOINTS}/{step}.{kind}" for step in STEPS for kind in ("safetensors", "json")),
    *(f"{CHECKPOINTS}/.{step}*.partial.*" for step in STEPS),
)
# Archives for Comet; those of earlier runs stay.
_ARCHIVES = "comet"


def is_finished(folder: Path) -> bool:
    """Tell whether a run in `folder` has come to its end."""
    return (folder / RECORD_NAME).is_file()


def check_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse a folder that a run may not write to; nothing is changed.

    Raises:
        InputError: it holds a run and neither option was given, or files that are not stage 1's.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is a file, not a folder; choose another --out")
    if not _is_run(folder):
        # A run that could not write its mark, on a full disk say, leaves empty folders.
        marks = (f"{CHECKPOINTS}/.settings-*.partial.json", f"{_ARCHIVES}/**/*")
        if _files(folder, "**/*") - _files(folder, *marks):
            raise InputError(f"{folder} holds other files than a run's; choose another --out")
    elif overwrite:
        _refuse_foreign_files(folder)
    elif is_finished(folder) and not resume:
        raise InputError(f"{folder} holds a finished run; add --overwrite or choose another --out")
    elif not resume:
        raise InputError(
            f"{folder} holds an unfinished run; add --resume to go on, --overwrite to start again"
        )


def check_same_options(folder: Path, config: dict[str, Any]) -> None:
    """Refuse to go on with a run in `folder`, finished or not, that has other options.

    Raises:
        InputError: it has; the message names each that differs. Or its record holds no options.
    """
    if is_finished(folder):
        before = read_run_record(folder).get("config", {})
    elif (before := _read_object(folder / CHECKPOINTS / _SETTINGS)) is None:
        return
    if not isinstance(before, dict):
        raise InputError(f"{folder / RECORD_NAME}: does not tell the run's options; restore it")
    # Said only since there may be others.
    before = {"processes": 1, "speaker_scaling": False, **before}
    now = json.loads(json.dumps(config))
    # Who decodes changes nothing, unless each of them draws what to change.
    free = set() if now.get("speed_perturbation") else {"num_workers"}
    free |= {key for key in _LATER_DIGESTS if before.get(key) is None}
    options = before.get("fusion_options"), now.get("fusion_options")
    # What is chosen for a new model may have to be given for one of an earlier release.
    free |= {"fusion_options"} if same_options(now.get("fusion"), *options) else set()
    differing = [key for key in now if key not in free and before.get(key) != now[key]]
    if differing:
        changes = "; ".join(f"{key} was {before.get(key)!r}, is {now[key]!r}" for key in differing)
        raise InputError(
            f"{folder}: cannot go on with other options ({changes}); "
            "give the former ones, add --overwrite or choose another --out"
        )


def open_folder(folder: Path, config: dict[str, Any], *, overwrite: bool) -> None:
    """Mark `folder` as that of a run of `config`; with `overwrite`, empty it of the run before.

    Raises:
        InputError: as `check_folder` and `check_same_options`.
    """
    settings = folder / CHECKPOINTS / _SETTINGS
    if overwrite:
        check_folder(folder, resume=False, overwrite=True)
    if not (overwrite and _is_run(folder)):
        check_same_options(folder, config)
        write_json(settings, config)
        return
    _remove_epochs(folder)
    # Before the rest is deleted: killed in between, the folder still bears a mark.
    write_json(settings, config)
    for path in _files(folder, *_WRITTEN) - {settings}:
        path.unlink()
    _remove_empty(*(folder / evaluation for evaluation in _EVALUATIONS))
    _remove_empty(*(folder / CHECKPOINTS / step for step in STEPS))


def discard_unstarted(folder: Path) -> None:
    """Take the marks off a run that was refused before its first epoch was kept.

    They would only stand in the way of the corrected command.
    """
    checkpoints = folder / CHECKPOINTS
    if not _epochs(folder) and not any(checkpoints.glob("*.safetensors")):
        (checkpoints / _SETTINGS).unlink(missing_ok=True)
        _remove_empty(checkpoints, folder / _ARCHIVES, folder)


def discard_unmarked(folder: Path) -> None:
    """Remove the checkpoints of a run whose folder was removed while it wrote.

    Without its mark nothing goes on with them, and no other run would begin beside them.
    """
    checkpoints = folder / CHECKPOINTS
    if checkpoints.is_dir() and not (checkpoints / _SETTINGS).exists():
        _remove_epochs(folder, ignore_errors=True)  # the run has failed already, and tells of that
        for path in _files(folder, *(kind for kind in _WRITTEN if kind.startswith(CHECKPOINTS))):
            path.unlink(missing_ok=True)
        _remove_empty(*(checkpoints / step for step in STEPS), checkpoints, folder)


def _is_run(folder: Path) -> bool:
    settings = _read_object(folder / CHECKPOINTS / _SETTINGS)
    if settings is not None and settings.keys() >= _SETTINGS_KEYS:
        return True
    config = _read_object(folder / "config.json") or {}
    return is_finished(folder) and config.get("model_type") == UtteranceConfig.model_type


def _refuse_foreign_files(folder: Path) -> None:
    foreign = sorted(_files(folder, "**/*") - _files(folder, *_WRITTEN, f"{_ARCHIVES}/**/*"))
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise InputError(
            f"{folder} holds other files than a run's ({foreign[0].relative_to(folder)}{more}); "
            "move them away or choose another --out"
        )


def _files(folder: Path, *patterns: str) -> set[Path]:
    """Return what is neither a folder nor clutter, below `folder`; links are not followed."""
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    files = {path for path in found if path.is_symlink() or not path.is_dir()}
    return {path for path in files if not is_clutter(path.name)}


def _epochs(folder: Path) -> list[Path]:
    """Return the folders in which the state after single epochs is kept."""
    return [*(folder / CHECKPOINTS).glob("**/checkpoint-*")]


def _remove_epochs(folder: Path, *, ignore_errors: bool = False) -> None:
    for kept in _epochs(folder):
        shutil.rmtree(kept, ignore_errors=ignore_errors)


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _read_object(path: Path) -> dict[str, Any] | None:
    """Return a JSON object from a file, or None where there is none."""
    try:
        value = read_json_file(path)
    except InputError:
        return None
    return value if isinstance(value, dict) else None

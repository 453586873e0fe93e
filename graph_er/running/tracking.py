"""Experiment tracking with Comet: off (nothing is imported), offline (a zip file) or online."""

from __future__ import annotations

import argparse
import logging
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from graph_er.errors import InputError

logger = logging.getLogger(__name__)

Mode = Literal["off", "offline", "online"]
MODES: tuple[Mode, ...] = ("off", "offline", "online")


def add_comet_option(parser: argparse.ArgumentParser, what: str = "run") -> None:
    """Add ``--comet``; `what` is recorded."""
    parser.add_argument(
        "--comet",
        choices=MODES,
        default="off",
        help=f"record the {what} with Comet; offline needs neither key nor network (default: off)",
    )


class Tracker:
    """Where a run sends its parameters and numbers; this one keeps nothing (``--comet off``)."""

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record the configuration of the run."""

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Record numbers at an epoch or step."""

    def log_confusion_matrix(
        self, gold: Sequence[int], predicted: Sequence[int], emotions: Sequence[str], name: str
    ) -> None:
        """Record gold against predicted labels under a name unique in the run."""

    def end(self) -> None:
        """Finish the run; offline, this writes the zip file."""


class CometTracker(Tracker):
    """Records into a Comet experiment; what fails there costs the record alone, never the run.

    Args:
        experiment: Comet's.
        offline: whether it ends up in an archive.
    """

    def __init__(self, experiment: Any, *, offline: bool) -> None:
        self._experiment, self._offline = experiment, offline
        self._told = False

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record the configuration of the run."""
        self._try(self._experiment.log_parameters, dict(parameters))

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Record numbers at an epoch or step."""
        self._try(self._experiment.log_metrics, dict(metrics), step=step)

    def log_confusion_matrix(
        self, gold: Sequence[int], predicted: Sequence[int], emotions: Sequence[str], name: str
    ) -> None:
        """Record gold against predicted labels under a name unique in the run."""
        self._try(
            self._experiment.log_confusion_matrix,
            y_true=[int(label) for label in gold],
            y_predicted=[int(label) for label in predicted],
            labels=list(emotions),
            title=name,
            file_name=f"{name}.json",
        )

    def end(self) -> None:
        """Finish the run; offline, this writes the zip file, and a broken one is warned of."""
        self._try(self._experiment.end)
        if not self._offline:
            return
        # Comet goes to another folder where it cannot write, and keeps a full disk to itself.
        archive = Path(self._experiment.offline_directory) / f"{self._experiment.id}.zip"
        if not _is_whole(archive):
            logger.warning(
                "%s: what Comet was to record is lost, perhaps for want of disk; free some and run "
                "again for a record",
                archive,
            )

    def _try(self, record: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Have Comet record something; the first failure is warned of."""
        failure = _failure_of(record, *arguments, **options)
        if failure is not None:
            if not self._told:
                logger.warning(
                    "Comet failed (%s: %s); the run goes on, its record lacks this and maybe more",
                    type(failure).__name__,
                    failure,
                )
            self._told = True


def _failure_of(call: Callable[..., Any], *arguments: Any, **options: Any) -> Exception | None:
    """Call Comet, and return what failed there: a trained model is worth more than a record."""
    try:
        call(*arguments, **options)
    except Exception as error:  # another's code may raise anything
        return error
    return None


def _is_whole(archive: Path) -> bool:
    """Tell whether an offline archive holds all of what was recorded."""
    try:
        with zipfile.ZipFile(archive) as file:
            return "messages.json" in file.namelist() and file.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def forbid_error_reports() -> None:
    """Keep libraries from reporting on their own; effective before their first import.

    Transformers' Trainer imports an installed comet_ml whether it is used or not, so every
    command calls this first. Hugging Face's libraries tell the hub what they are used with.
    """
    os.environ.setdefault("COMET_ERROR_TRACKING_ENABLE", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def require_tracking(mode: Mode) -> None:
    """Check that a run can be recorded; to be called before the run changes anything.

    Raises:
        InputError: ``online`` without an API key.
    """
    if mode != "online":
        return
    forbid_error_reports()
    import comet_ml

    if not comet_ml.get_config("comet.api_key"):
        raise InputError(
            "--comet online needs a Comet API key: set COMET_API_KEY or run `comet login`; "
            "--comet offline needs none"
        )


def start_tracking(mode: Mode, *, name: str, folder: Path) -> Tracker:
    """Start recording a run.

    Args:
        mode: ``off``; ``offline``, a zip in `folder` with neither key nor network; ``online``,
            the user's Comet account.
        name: name of the experiment.
        folder: where offline archives go; made if absent.

    Raises:
        InputError: as `require_tracking`; or no archive can be written to `folder`.
    """
    if mode == "off":
        return Tracker()
    require_tracking(mode)
    forbid_error_reports()
    import comet_ml

    settings = comet_ml.ExperimentConfig(
        offline_directory=str(folder),
        name=name,
        # Only what the run logs itself leaves the machine: no source code, no environment.
        log_code=False,
        log_git_metadata=False,
        log_git_patch=False,
        log_env_details=False,
        auto_output_logging=False,  # type: ignore[arg-type]  # its documentation allows False
        auto_metric_logging=False,
        auto_param_logging=False,
        auto_histogram_weight_logging=False,
        parse_args=False,
        display_summary_level=0,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _end_open_one(comet_ml.get_running_experiment())
        experiment = comet_ml.start(
            online=mode == "online",
            mode="create",
            project_name="graph_er",
            experiment_config=settings,
        )
    except (OSError, comet_ml.exceptions.InvalidOfflineDirectory) as error:
        raise InputError(
            f"{folder}: Comet cannot write there ({error}); make it writable, free some disk, or "
            "leave --comet out"
        ) from error
    return CometTracker(experiment, offline=mode == "offline")


def _end_open_one(experiment: Any | None) -> None:
    """End the experiment of a run that was broken off; the next would end it half written."""
    failure = None if experiment is None else _failure_of(experiment.end)
    if failure is not None:
        logger.warning(
            "Comet failed (%s: %s) to end the record of an earlier run, which may be cut short; "
            "this run is recorded",
            type(failure).__name__,
            failure,
        )

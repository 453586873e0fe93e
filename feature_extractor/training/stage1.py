"""Stage 1 from a corpus on disk to a finished checkpoint folder."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from typing import Any

from feature_extractor.corpora.problems import shorten
from feature_extractor.evaluation import evaluate_utterances
from feature_extractor.execution import Execution, device_name, training_device
from feature_extractor.fusion.base import FusionModel
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.networks.encoders import quiet_transformers
from feature_extractor.settings import ModelSettings, TrainingSettings
from feature_extractor.sources import Tell, say_nothing
from feature_extractor.training.fit import CHECKPOINTS, Job, fit
from feature_extractor.training.launching import in_turn, joined
from feature_extractor.training.preparation import Prepared, Run, prepare
from feature_extractor.training.run_folder import discard_unmarked, discard_unstarted, open_folder
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.processes import (
    SharedError,
    first_only,
    gathered,
    is_first,
    launched,
    one_voice,
)
from graph_er.running.run_record import write_run_record
from graph_er.running.sole_writer import sole_writer
from graph_er.running.tracking import Tracker, require_tracking, start_tracking


def run_stage1(
    run: Run, model_settings: ModelSettings, settings: TrainingSettings, tell: Tell
) -> None:
    """Train on the corpus's training side, choose the epoch on dev, save to ``run.out``.

    ``run.json`` is written last: a folder without it is an unfinished run. It names the data by
    ``config["corpus_sha256"]`` (see `sources.corpus_digest`); its ``data``, name and digest of one
    data file, is that of a table, and null where a corpus is many files. Where a launcher started
    several processes, each calls this; ``run.out`` then lies where all of them see it.

    Args:
        run: what to train.
        model_settings: the model.
        settings: the training.
        tell: receives lines for the user.

    Raises:
        InputError: bad input, ``run.out`` holds a run that may not be replaced or is written to by
            another run, several processes cannot train this fusion model, or the run cannot be
            tracked.
    """
    started = time.monotonic()
    quiet_transformers()
    with one_voice():
        require_one_process(model_settings.fusion)
        device = training_device(run.device)
    with ExitStack() as held:
        with joined(device):
            speaks = is_first()
            first_only(lambda: require_tracking(run.comet))
            first_only(lambda: held.enter_context(sole_writer(run.out)))
            said = tell if speaks else say_nothing
            ready = in_turn(lambda: prepare(run, model_settings, settings, said))
            if ready is None:
                return
            tracker = first_only(lambda: _opened(run, ready.config, held)) or Tracker()
            job = Job(run.out, run.seed, device, tracker)
            training = _fit(run, ready, job)
            silent = _silent(ready)
        if speaks:
            _tell_silent(silent, tell)
            scores = _finish(run, ready, job, training, started)
            tell(
                f"best epoch {training['best_epoch']} of {settings.epochs}: dev loss "
                f"{training['best_dev_loss']:.4f}, weighted F1 {scores['weighted_f1']:.4f} "
                f"(n {scores['n']}); {time.monotonic() - started:.0f} s; saved to {run.out}"
            )


def require_one_process(fusion: str) -> None:
    """Refuse several processes to a fusion model with a loss of its own.

    The processes' losses are weighed by their numbers of utterances, which is right for a mean over
    utterances, as all of `losses.LOSSES` are. A model's own loss may hold means over some of them,
    as over those that have a modality or a rating.

    Args:
        fusion: its name in `FUSIONS`.

    Raises:
        InputError: a launcher started several processes, and the model has a loss of its own.
    """
    if launched() > 1 and FUSIONS[fusion].model.loss is not FusionModel.loss:
        raise InputError(
            f"--fusion {fusion} has a loss that {launched()} processes cannot divide; train it in "
            "one process: python feature_extractor/train.py, without torchrun or accelerate launch"
        )


def _opened(run: Run, config: dict[str, Any], held: ExitStack) -> Tracker:
    """Mark ``run.out`` as this run's, and record until `held` ends; raises as `run_stage1`."""
    tracker = start_tracking(run.comet, name=run.out.name, folder=run.out / "comet")
    held.callback(tracker.end)
    open_folder(run.out, config, overwrite=run.overwrite)
    tracker.log_parameters(config)
    return tracker


def _finish(
    run: Run, ready: Prepared, job: Job, training: dict[str, Any], started: float
) -> dict[str, Any]:
    """Score the trained model on the whole dev side and write the folder; return the scores."""
    execution = Execution(
        job.device, batch_size=ready.settings.batch_size, num_workers=ready.settings.num_workers
    )
    dev = evaluate_utterances(
        ready.checkpoint,
        ready.corpus,
        ready.whole_dev,
        run.seed,
        execution,
        states=ready.scaled_states,
    )
    gold, predicted = dev.utterances.gold, dev.probabilities.argmax(axis=1)
    pairs = gold.tolist(), predicted.tolist()
    job.tracker.log_confusion_matrix(*pairs, ready.corpus.emotions, "dev")
    ready.checkpoint.save(run.out)
    write_run_record(
        run.out,
        config=ready.config,
        seed=run.seed,
        metrics={"dev": dev.scores, "training": training},
        data=ready.data,
        started=started,
        device=device_name(job.device),
    )
    shutil.rmtree(run.out / CHECKPOINTS, ignore_errors=True)
    return dev.scores


def _fit(run: Run, ready: Prepared, job: Job) -> dict[str, Any]:
    """Train, from where a killed run stopped if that is wanted; see `training.fit`."""
    try:
        return fit(ready.checkpoint, ready.train, ready.dev, ready.settings, job, run.resume)
    except (InputError, OSError) as error:
        job.tracker.end()  # its archive goes into the folder, which would else be removed
        if is_first() or not isinstance(error, SharedError):
            discard_unmarked(run.out)
            if isinstance(error, InputError):
                discard_unstarted(run.out)
        raise


def _silent(ready: Prepared) -> list[Utterance]:
    """Return the utterances in which nothing is heard, whichever process decoded them."""
    silent: list[Utterance] = []
    for side in (ready.train, ready.dev):
        ids = {i for heard in gathered([utterance.id for utterance in side.silent]) for i in heard}
        silent += [utterance for utterance in side.utterances if utterance.id in ids]
    return silent


def _tell_silent(utterances: list[Utterance], tell: Tell) -> None:
    if utterances:
        ids = shorten([utterance.id for utterance in utterances])
        tell(f"{counted(len(utterances), 'utterance')} in which nothing is heard: {ids}")

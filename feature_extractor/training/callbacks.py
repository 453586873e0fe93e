"""What training does beside its steps: a progress bar, numbers to the tracker, seeds."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm
from transformers import (
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from graph_er.running.tracking import Tracker


class ProgressBar(TrainerCallback):
    """One progress bar over all steps, with the latest dev scores."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Open the bar, at the step where training starts or goes on."""
        # Said only where it holds, so that the environment may say it, too.
        shown: dict[str, Any] = {} if state.is_world_process_zero else {"disable": True}
        self._bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc="training",
            unit="step",
            **shown,
        )

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Advance by one step."""
        self._bar.update()

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **told: Any,
    ) -> None:
        """Show the dev scores of the epoch."""
        metrics = told["metrics"]
        dev = f"{metrics['eval_loss']:.3f}, wF1 {metrics['eval_weighted_f1']:.3f}"
        self._bar.set_postfix_str(f"epoch {state.epoch:.0f}, dev loss {dev}")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Close the bar."""
        self._bar.close()


class TrackerCallback(TrainerCallback):
    """Hands the numbers of each epoch to the tracker."""

    def __init__(self, tracker: Tracker) -> None:
        """Hand numbers to `tracker`."""
        self._tracker = tracker

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **told: Any,
    ) -> None:
        """Record numbers at their epoch, once where several processes train."""
        if state.is_world_process_zero:
            self._tracker.log_metrics(told["logs"], step=round(state.epoch))


class OwnDraws(TrainerCallback):
    """Lets each of several processes draw its own dropout; the first draws as one alone does."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Seed all but the first anew; a run that goes on reads its draws' state after this."""
        if args.process_index > 0:
            set_seed((args.seed + args.process_index) % 2**32)

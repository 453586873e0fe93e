"""Hugging Face `Trainer` with the losses of stage 1 and batches of like length.

In several processes it does what one does with their batches joined: the same batches, their last
one of an epoch included, the same mean of the loss, and dev scores of each utterance once. What
models draw at random, such as dropout, each process draws for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import Trainer
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import EvalLoopOutput, seed_worker

from feature_extractor.fusion.base import FusionOutput, Targets
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.global_batches import STAND_IN, GlobalBatches, collated
from feature_extractor.losses import LOSSES
from feature_extractor.settings import TrainingSettings
from graph_er.processes import SharedError, count

_NOT_READ = ("labels", "affect", STAND_IN)


class UtteranceTrainer(Trainer):
    """`Trainer` with our loss and batches of like length."""

    # The loss is a mean per batch, which `Trainer` divides by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(
        self, *, settings: TrainingSettings, lengths: Sequence[float], **options: Any
    ) -> None:
        """Train as `Trainer` does with `options`.

        Args:
            settings: tells the loss.
            lengths: of each training utterance, by which batches are put together.
            options: of `Trainer`.
        """
        super().__init__(**options)
        # The wrapper of distributed training hides it.
        self.fusion = self.model.fusion
        fusion = FUSIONS[self.model.config.fusion]
        self._criterion = LOSSES[settings.loss or fusion.loss]
        self._lengths = list(lengths)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch, with the outputs where asked for."""
        targets = Targets(inputs["labels"], inputs.get("affect"))
        rest = {name: value for name, value in inputs.items() if name not in _NOT_READ}
        outputs = model(**rest)
        output = FusionOutput(
            outputs.logits.float(),
            outputs.text_vector,
            outputs.audio_vector,
            outputs.auxiliary or {},
        )
        if model.training:
            loss = self.fusion.loss(output, targets, self._criterion)
        else:  # the criterion alone, which compares between models and epochs
            loss = self._criterion(output.logits, targets.labels)
        size = 0 if STAND_IN in inputs else len(targets.labels)
        whole, share = self._of_all(loss.detach(), size)
        if not torch.isfinite(whole):
            raise SharedError(
                f"the {'training' if model.training else 'dev'} loss became {whole.item()}; lower "
                "--lr and --head_lr, or look for audio files of extreme values"
            )
        if model.training:
            loss = loss * share
        return (loss, outputs) if return_outputs else loss

    def _of_all(self, loss: torch.Tensor, size: int) -> tuple[torch.Tensor, float | torch.Tensor]:
        """Return the mean loss of all processes' utterances, and the weight of this one's.

        The mean over processes, which is what distributed training takes, of the losses so
        weighted is the mean over utterances, where each process's is a mean over its own (see
        `stage1.require_one_process`).
        """
        if count() == 1:
            return loss, 1.0
        sums = self.accelerator.reduce(torch.stack([loss * size, torch.full_like(loss, size)]))
        return sums[0] / sums[1], size * count() / sums[1]

    def evaluation_loop(self, *arguments: Any, **options: Any) -> EvalLoopOutput:
        """Return the dev scores; in several processes with the loss of each utterance once.

        `Trainer` repeats utterances to fill the last batches, leaves them out of the scores, but
        not of these batches' losses.
        """
        output = super().evaluation_loop(*arguments, **options)
        if count() > 1:
            logits, labels = (
                torch.from_numpy(output.predictions),
                torch.from_numpy(output.label_ids),
            )
            output.metrics["eval_loss"] = self._criterion(logits.float(), labels).item()
        return output

    def get_train_dataloader(self) -> DataLoader:
        """Return this process's batches; `Trainer` itself would repeat utterances to fill them."""
        if count() == 1:
            return super().get_train_dataloader()
        order = self._get_train_sampler()
        return DataLoader(
            self.train_dataset,
            batch_sampler=GlobalBatches(order, len(self._lengths), self.args.train_batch_size),
            collate_fn=partial(collated, self.data_collator, self.train_dataset),
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            worker_init_fn=partial(
                seed_worker,
                num_workers=self.args.dataloader_num_workers,
                rank=self.args.process_index,
            ),
        )

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        """Group by known lengths; `Trainer` itself would decode every clip to learn them."""
        step_size = self.args.train_batch_size * self.args.gradient_accumulation_steps * count()
        return LengthGroupedSampler(step_size, lengths=self._lengths)

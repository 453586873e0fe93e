"""Hugging Face `Trainer` with the losses of stage 1 and batches of like length.

In several processes it does what one does with their batches joined: the same batches, their last
one of an epoch included, the same mean of the loss, and dev scores of each utterance once. What
models draw at random, such as dropout, each process draws for itself. Likewise a step of several
batches is one of their utterances, each of the same weight, though the epoch's last batch is short.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NoReturn

import torch
from accelerate.utils import gather_object
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import Trainer
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import EvalLoopOutput, seed_worker

from feature_extractor.batches.dataset import Example, UtteranceDataset
from feature_extractor.corpora.problems import shorten
from feature_extractor.execution import Execution
from feature_extractor.fusion.base import FusionModel, FusionOutput, Targets
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.networks.model import UtteranceOutput
from feature_extractor.settings import TrainingSettings
from feature_extractor.training.dev_chunks import LONG, Divided, divided, divided_logits
from feature_extractor.training.global_batches import STAND_IN, GlobalBatches, collated
from feature_extractor.training.losses import LOSSES
from graph_er.running.processes import SharedError, count
from graph_er.running.shared_memory import shared

_ROW = "row"
_NOT_READ = ("labels", "affect", STAND_IN, _ROW)
_SHOWN = 8


class NumberedExamples(Dataset):
    """Examples that hold the ``row`` that they are of, so that a bad loss can be traced to them."""

    def __init__(self, dataset: UtteranceDataset, clip_length: float = math.inf) -> None:
        """Number the examples of `dataset`, and mark those to be heard in chunks, see `LONG`."""
        self.dataset = dataset
        self._long = dataset.needs_chunks(clip_length)

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.dataset)

    def __getitem__(self, row: int) -> Example:
        """Return one example, not yet padded."""
        return {**self.dataset[row], _ROW: row, LONG: row in self._long}


class NumberedBatches:
    """A collator that keeps the ``row`` of each example, ``[B]``."""

    def __init__(self, collate: Any) -> None:
        """Collate the rest by `collate`."""
        self.collate = collate

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return a batch."""
        rows = torch.tensor([example[_ROW] for example in examples])
        rest = [{k: v for k, v in e.items() if k not in (_ROW, LONG)} for e in examples]
        long = [example[LONG] for example in examples]
        batch = divided(self.collate, rest, long) if any(long) else self.collate(rest)
        return shared({**batch, _ROW: rows})


class UtteranceTrainer(Trainer):
    """`Trainer` with our loss and batches of like length."""

    # The loss is a mean per batch, which `Trainer` divides by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(
        self,
        *,
        settings: TrainingSettings,
        lengths: Sequence[float],
        train: UtteranceDataset,
        dev: UtteranceDataset,
        collate: Any,
        **options: Any,
    ) -> None:
        """Train as `Trainer` does with `options`.

        Args:
            settings: tells the loss.
            lengths: of each training utterance, by which batches are put together.
            train: what to train on.
            dev: what to score each epoch on.
            collate: pads examples to batches.
            options: of `Trainer`.
        """
        # The wrapper of distributed training hides it.
        bare: Any = options["model"]
        self._clip_length: float = bare.config.clip_length
        super().__init__(
            train_dataset=NumberedExamples(train),
            eval_dataset=NumberedExamples(dev, self._clip_length),
            data_collator=NumberedBatches(collate),
            **options,
        )
        self.fusion: FusionModel = bare.fusion
        fusion = FUSIONS[bare.config.fusion]
        self._criterion = LOSSES[settings.loss or fusion.loss]
        self._lengths = list(lengths)
        # Rows of the batches since the last step, whose gradients are added up.
        self._since_step: list[torch.Tensor] = []
        # Utterances of all processes in a batch of the step that is under way, on average.
        self._mean_size = 0.0

    def get_batch_samples(
        self, epoch_iterator: Iterator, num_batches: int, device: torch.device
    ) -> tuple[list, torch.Tensor | int | None]:
        """Return the batches of a step as `Trainer` does; it divides their losses by their number.

        How many utterances they hold is noted, by which `compute_loss` weighs each.
        """
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        sizes = torch.tensor(float(sum(map(_size, batches))), device=device)
        whole = self.accelerator.reduce(sizes) if count() > 1 else sizes
        self._mean_size = float(whole) / len(batches)
        return batches, items

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch, with the outputs where asked for.

        Raises:
            SharedError: the loss is not finite; the message names step and utterances.
        """
        targets = Targets(inputs["labels"], inputs.get("affect"))
        rest = {name: value for name, value in inputs.items() if name not in _NOT_READ}
        outputs = self._divided(model, rest[LONG]) if LONG in rest else model(**rest)
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
        size = _size(inputs)
        whole = self._of_all(loss.detach(), size)
        if not torch.isfinite(whole):
            bad = ~output.logits.isfinite().all(dim=-1)
            # Where all logits are numbers, any of the batch may be behind the loss.
            rows = inputs[_ROW][bad] if bad.any() else inputs[_ROW]
            side = "training" if model.training else "dev"
            self._end(f"the {side} loss became {whole.item()}", side, rows if size else rows[:0])
        if model.training:
            self._since_step.append(inputs[_ROW][:size])
            # `Trainer` takes the mean over batches, distributed training that over processes: of
            # losses so weighted it is the mean over the step's utterances, where each is a mean
            # over its own (see `stage1.require_one_process`).
            loss = loss * (size * count() / self._mean_size)
        return (loss, outputs) if return_outputs else loss

    def _divided(self, model: nn.Module, batch: Divided) -> Any:
        """Return the output of dev utterances some of which are heard in chunks."""
        dtype = torch.bfloat16 if self.args.bf16 else torch.float32
        size = self.args.per_device_eval_batch_size
        execution = Execution(self.args.device, dtype=dtype, batch_size=size)
        dataset: Any = self.eval_dataset
        collate: Any = self.data_collator
        logits = divided_logits(
            model, collate.collate, dataset.dataset, batch, execution, self._clip_length
        )
        return UtteranceOutput(logits=logits)

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        """Return the gradient's norm before a step, or refuse one of which no step can be taken."""
        norm = super()._get_grad_norm(model, grad_norm)
        rows, self._since_step = torch.cat(self._since_step), []
        if not math.isfinite(float(norm)):  # of all processes: their gradients are one
            self._end("the gradient of the training loss is not finite", "training", rows)
        return norm

    def _end(self, what: str, side: str, rows: torch.Tensor) -> NoReturn:
        """Tell when it happened and to which utterances; all processes come here together."""
        dataset: Any = self.train_dataset if side == "training" else self.eval_dataset
        ids = [dataset.dataset.utterances[row].id for row in rows.tolist()]
        ids = gather_object(ids) if count() > 1 else ids
        epoch = math.floor(self.state.epoch or 0) + (side == "training")
        raise SharedError(
            f"{what} in epoch {epoch}, step {self.state.global_step + (side == 'training')} "
            f"(utterances {shorten(ids, shown=_SHOWN)}); lower --lr and --head_lr, or look for "
            "audio files of extreme values"
        )

    def _of_all(self, loss: torch.Tensor, size: int) -> torch.Tensor:
        """Return the mean loss of all processes' utterances."""
        if count() == 1:
            return loss
        sums = self.accelerator.reduce(torch.stack([loss * size, torch.full_like(loss, size)]))
        return sums[0] / sums[1]

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
            assert output.metrics is not None
            output.metrics["eval_loss"] = self._criterion(logits.float(), labels).item()
        return output

    def get_train_dataloader(self) -> DataLoader:
        """Return this process's batches; `Trainer` itself would repeat utterances to fill them."""
        if count() == 1:
            return super().get_train_dataloader()
        order = self._get_train_sampler()
        dataset: Any = self.train_dataset
        collate: Any = self.data_collator
        return DataLoader(
            dataset,
            batch_sampler=GlobalBatches(order, len(self._lengths), self.args.train_batch_size),
            collate_fn=partial(collated, collate, dataset),
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
        lengths: list[Any] = self._lengths  # of any unit: they are only compared
        return LengthGroupedSampler(step_size, lengths=lengths)


def _size(batch: dict[str, Any]) -> int:
    """Return how many utterances a batch is of, none where it stands in for one."""
    return 0 if STAND_IN in batch else len(batch["labels"])

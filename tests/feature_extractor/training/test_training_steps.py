"""Fusion models that are trained in several steps."""

import shutil

import pytest
import torch

from feature_extractor.networks.checkpoint import build_checkpoint
from feature_extractor.settings import ModelSettings, TrainingSettings
from feature_extractor.training.fit import CHECKPOINTS, Job, fit
from feature_extractor.training.run_folder import (
    STEPS,
    check_folder,
    discard_unstarted,
    open_folder,
)
from graph_er.running.tracking import Tracker
from tests.feature_extractor.tiny_corpus import EMOTIONS, make_audio_folder, make_text_folder
from tests.feature_extractor.training.test_fit import equal, sides

QUICK = TrainingSettings(
    epochs=2, batch_size=5, accumulate_grad=1, lr=1e-2, head_lr=1e-2, num_workers=0
)


def late_fusion(root):
    settings = ModelSettings(
        fusion="late_fusion",
        text_encoder=str(make_text_folder(root / "text")),
        audio_encoder=str(make_audio_folder(root / "audio")),
    )
    torch.manual_seed(1)
    return build_checkpoint(settings, "at", EMOTIONS)


def train(tmp_path, name, resume=False, tracker=None):
    checkpoint = late_fusion(tmp_path / name / "encoders")
    job = Job(tmp_path / name, 0, torch.device("cpu"), tracker or Tracker())
    torch.manual_seed(5)
    return checkpoint.model, fit(checkpoint, *sides(tmp_path), QUICK, job, resume)


class Watch(Tracker):
    """Notes the state of the model at the end of each step's last epoch; may stop there."""

    def __init__(self, stop_at=None):
        self.seen, self.stop_at = [], stop_at

    def log_metrics(self, metrics, *, step):
        if "eval_loss" in metrics:
            self.seen.append(metrics["eval_loss"])
            if len(self.seen) == self.stop_at:
                raise KeyboardInterrupt


def test_each_step_trains_its_own_part_and_leaves_the_others(tmp_path):
    checkpoint = late_fusion(tmp_path / "encoders")
    model = checkpoint.model
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    changed = {}
    plain = model.fusion.begin

    def noting(step):
        moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
        changed[step] = moved
        plain(step)

    model.fusion.begin = noting
    job = Job(tmp_path / "run", 0, torch.device("cpu"), Tracker())
    result = fit(checkpoint, *sides(tmp_path), QUICK, job)
    assert list(changed) == ["text", "audio", "fusion"]
    assert changed["text"] == set()
    assert any(name.startswith("text_encoder") for name in changed["audio"])
    assert not any(name.startswith("audio_encoder") for name in changed["audio"])
    assert any(name.startswith("audio_encoder") for name in changed["fusion"])
    texts = {name: p for name, p in model.named_parameters() if name.startswith("text_encoder")}
    after_text = {name for name in changed["audio"] if name.startswith("text_encoder")}
    assert {n for n, p in texts.items() if not torch.equal(p, before[n])} == after_text
    assert set(result["steps"]) == {"text", "audio"}
    assert result["best_epoch"] in (1, 2)


@pytest.mark.parametrize("stop_at", [1, 3, 5])
def test_a_killed_run_goes_on_in_the_step_where_it_was(tmp_path, stop_at):
    whole, whole_result = train(tmp_path, "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, "cut", tracker=Watch(stop_at))
    finished = [path.stem for path in (tmp_path / "cut" / CHECKPOINTS).glob("*.safetensors")]
    assert sorted(finished) == sorted(("text", "audio")[: (stop_at - 1) // 2])
    watch = Watch()
    resumed, result = train(tmp_path, "cut", resume=True, tracker=watch)
    assert len(watch.seen) == 2 * (3 - (stop_at - 1) // 2)
    assert result == whole_result
    assert equal(resumed, whole)


def test_the_run_folder_knows_what_the_steps_write(tmp_path):
    assert tuple(late_fusion(tmp_path / "encoders").model.fusion.steps) == STEPS
    config = {"corpus_sha256": "x", "modalities": "at", "transcript_version": 1}
    run = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, "cut", tracker=Watch(3))
    shutil.rmtree(run / "encoders")
    open_folder(run, config, overwrite=False)
    discard_unstarted(run)  # a step is finished: the run has started
    check_folder(run, resume=True, overwrite=False)
    open_folder(run, config, overwrite=True)
    left = [path.name for path in run.rglob("*") if path.is_file()]
    assert left == ["settings.json"]

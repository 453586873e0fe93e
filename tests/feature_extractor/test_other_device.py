"""Stage 2 keeps every tensor on the device that it runs on."""

import numpy as np
import pytest
import torch

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict
from tests.feature_extractor.tiny_corpus import make_checkpoint, make_corpus
from tests.pretended_device import pretended_device

WHOLE, IN_CHUNKS = 30.0, 0.2


@pytest.mark.parametrize("clip_length", [WHOLE, IN_CHUNKS])
@pytest.mark.parametrize("norm", ["layer", "group"])
def test_vectors_are_made_on_one_device(tmp_path, monkeypatch, norm, clip_length):
    # Tensors of inference mode pass by the pretended device.
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)
    corpus = make_corpus(tmp_path / "corpus", sessions=2)
    checkpoint = make_checkpoint(tmp_path / "encoders", norm=norm)
    dataset = UtteranceDataset(corpus, corpus.utterances, sampling_rate=checkpoint.sampling_rate)
    what = (checkpoint.model, checkpoint.collator(), dataset)
    here = predict(*what, Execution(torch.device("cpu"), batch_size=3), clip_length)
    with pretended_device() as device:
        there = predict(*what, Execution(torch.device(device), batch_size=3), clip_length)
    assert there.keys() == here.keys()
    for name, rows in here.items():
        np.testing.assert_allclose(there[name], rows, rtol=1e-4, atol=1e-5)

"""Encoders as pretrained: sentences go to their encoder whole, and audio goes its own way."""

import numpy as np
import pytest
import torch
from torch import nn

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict
from feature_extractor.networks.frozen import FrozenEncoders, SentenceCollator, load_frozen
from tests.feature_extractor.tiny_corpus import make_audio_folder, make_corpus

CPU = Execution(torch.device("cpu"), batch_size=4)


class Lengths(nn.Module):
    """An encoder of sentences that tells how long they are."""

    def encode(self, sentences, **options):
        return torch.tensor([[float(len(sentence))] for sentence in sentences])


@pytest.mark.parametrize("clip_length", [25.0, 0.2])
def test_sentences_and_audio_whole_or_in_chunks_are_those_of_each_alone(tmp_path, clip_length):
    corpus = make_corpus(tmp_path / "corpus", sessions=2)
    rate = 16_000
    dataset = UtteranceDataset(corpus, corpus.utterances, sampling_rate=rate)
    assert len(dataset.needs_chunks(0.2)) == 4
    hearing, collate, found_rate = load_frozen(None, str(make_audio_folder(tmp_path / "a")), None)
    assert found_rate == rate
    both = FrozenEncoders(Lengths(), hearing.audio_encoder)
    found = predict(both, SentenceCollator(collate), dataset, CPU, clip_length)
    alone = predict(hearing, collate, dataset, CPU, clip_length)
    assert set(alone) == {"audio"}
    np.testing.assert_allclose(found["audio"], alone["audio"], atol=1e-6)
    assert found["text"].ravel().tolist() == [len(u.text) for u in corpus.utterances]

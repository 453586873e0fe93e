"""On the demo corpus the default preset gains from context, and only because there is context."""

from dataclasses import replace

import numpy as np
import pytest

from feature_extractor import extract, train
from feature_extractor.demo_corpus.generate import generate_demo
from graph_er.answers.prediction import predict_logits
from graph_er.dialogues import read_dialogues
from graph_er.networks.config import ContextualConfig, TrainingConfig
from graph_er.networks.spec import spec_of
from graph_er.probabilities.finish import committee_log_probabilities
from graph_er.scoring.scores import score
from graph_er.training.fit import fit

pytestmark = pytest.mark.slow

SIDES = ("train", "dev", "test")
SEEDS = range(1, 6)
# The defaults are what is tested here: the claim is about them.
IN_CONTEXT = ContextualConfig()
ALONE = replace(
    IN_CONTEXT, context_layers=0, relational_layers=0, attention_layers=0, relative_audio=False
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    corpus = ["--corpus", "demo", "--root", str(folder / "corpus")]
    generate_demo(folder / "corpus")
    train.main([*corpus, "--modalities", "at", "--out", str(folder / "stage1")])
    features = str(folder / "features.pkl")
    extract.main([*corpus, "--checkpoint", str(folder / "stage1"), "--out", features])
    return read_dialogues(features)


def shuffled(dialogues, seed):
    """The same turns dealt out to dialogues of the same lengths at random."""
    turns = [
        (d.utterance_ids[i], d.speakers[i], d.labels[i], d.sentences[i], d.text[i], d.audio[i])
        for d in dialogues
        for i in range(len(d))
    ]
    order = iter(np.random.default_rng(seed).permutation(len(turns)))
    dealt = []
    for dialogue in dialogues:
        ids, speakers, labels, sentences, text, audio = zip(
            *(turns[next(order)] for _ in range(len(dialogue))), strict=True
        )
        dealt.append(
            replace(
                dialogue,
                utterance_ids=ids,
                speakers=speakers,
                labels=np.array(labels),
                sentences=sentences,
                text=np.stack(text),
                audio=np.stack(audio),
            )
        )
    return dealt


def weighted_f1(file, sides, config):
    """Mean test weighted F1 in points of models without decoding, which is context as well."""
    spec = spec_of(file, [*sides["train"], *sides["dev"]], "at", config)
    graphs = {name: spec.graphs(side, config) for name, side in sides.items()}
    gold = np.concatenate([dialogue.labels for dialogue in sides["test"]])
    found = []
    for seed in SEEDS:
        fitted = fit(
            lambda: spec.build(config),
            graphs["train"],
            graphs["dev"],
            file.emotions,
            TrainingConfig(),
            seed=seed,
        )
        model = spec.build(config)
        model.load_state_dict(fitted.weights)
        log_probabilities = committee_log_probabilities(predict_logits(model, graphs["test"]))
        predicted = log_probabilities.argmax(axis=-1)
        found.append(100 * score(gold, predicted, file.emotions)["weighted_f1"])
    return np.mean(found)


def test_context_helps_and_the_gain_is_gone_when_turns_are_shuffled(file):
    in_order = {name: file.side(name) for name in SIDES}
    dealt = {name: shuffled(file.side(name), seed) for seed, name in enumerate(SIDES)}
    gain = weighted_f1(file, in_order, IN_CONTEXT) - weighted_f1(file, in_order, ALONE)
    gain_shuffled = weighted_f1(file, dealt, IN_CONTEXT) - weighted_f1(file, dealt, ALONE)
    assert gain >= 4
    assert abs(gain_shuffled) <= 1

from dataclasses import replace

import numpy as np
import pytest
import torch

from graph_er.errors import InputError
from graph_er.networks.cogmen import Cogmen
from graph_er.networks.contextual import ContextualGNN
from graph_er.networks.sentence_cues import sentence_cues
from graph_er.networks.spec import ModelSpec, feature_widths, spec_of
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue, make_file
from tests.graph_er.tiny_models import COGMEN as COGMEN_CONFIG
from tests.graph_er.tiny_models import CONTEXTUAL, SPEC, logits

MUTE = replace(CONTEXTUAL, sentence_cues=False)


def without(file, **fields):
    dialogues = tuple(
        replace(d, **{name: change(d) for name, change in fields.items()}) for d in file.dialogues
    )
    return replace(file, dialogues=dialogues)


def test_a_dialogue_becomes_a_graph_with_modalities_in_the_order_given_and_cues_last():
    dialogue = make_dialogue("S1_a", 4)
    cues = torch.from_numpy(sentence_cues(dialogue.sentences))
    audio, text = torch.from_numpy(dialogue.audio), torch.from_numpy(dialogue.text)
    graph = SPEC.graph(dialogue, CONTEXTUAL)
    assert torch.equal(graph.x, torch.cat([audio, text], dim=1))
    assert graph.y.tolist() == dialogue.labels.tolist()
    assert graph.edge_index is None  # blocks are made from windows, batch by batch
    heard = replace(SPEC, cues=True).graph(dialogue, CONTEXTUAL)
    assert torch.equal(heard.x, torch.cat([audio, text, cues], dim=1))
    visual = replace(dialogue, visual=np.ones((4, 3), dtype=np.float32))
    three = ModelSpec("atv", (4, 6, 3), EMOTIONS, 2)
    assert torch.equal(three.graph(visual, CONTEXTUAL).x[:, 10:], torch.ones(4, 3))
    with pytest.raises(InputError, match=r"S1_a.*atv"):
        three.graph(dialogue, CONTEXTUAL)


def test_cogmen_gets_edges_of_its_windows():
    graph = SPEC.graph(make_dialogue("S1_a", 4), replace(COGMEN_CONFIG, wp=1, wf=0))
    assert graph.edge_index.t().tolist() == [[0, 0], [0, 1], [1, 1], [1, 2], [2, 2], [2, 3], [3, 3]]
    assert len(graph.edge_type) == 7


@pytest.mark.parametrize("modalities", ["a", "t", "at", "tv", "atv"])
def test_what_is_built_takes_what_the_spec_makes(modalities):
    dialogue = replace(make_dialogue("S1_a", 5), visual=np.ones((5, 3), dtype=np.float32))
    file = replace(make_file(), dialogues=(dialogue,), train_ids=("S1_a",), dev_ids=(), test_ids=())
    for config, kind in ((CONTEXTUAL, ContextualGNN), (COGMEN_CONFIG, Cogmen)):
        spec = spec_of(file, file.dialogues, modalities, config)
        model = spec.build(replace(config, context_heads=1) if kind is Cogmen else config)
        assert isinstance(model, kind)
        assert logits(model.eval(), [spec.graph(dialogue, config)]).shape[1:] == (5, 3)


def test_the_spec_of_a_run_is_read_from_its_dialogues():
    file = make_file(speakers=("A", "B", "C"))
    spec = spec_of(file, file.side("train"), "at", CONTEXTUAL)
    assert spec == ModelSpec("at", (4, 6), EMOTIONS, num_speakers=3, cues=True)


def test_cues_are_heard_with_text_where_wanted_and_where_there_are_sentences():
    file = make_file()
    silent = without(file, sentences=lambda dialogue: ("",) * len(dialogue))
    for modalities, config, dialogues, expected in (
        ("t", CONTEXTUAL, file, True),
        ("a", CONTEXTUAL, file, False),
        ("at", MUTE, file, False),
        ("at", COGMEN_CONFIG, file, False),
        ("at", CONTEXTUAL, silent, False),
    ):
        assert spec_of(dialogues, dialogues.dialogues, modalities, config).cues is expected


def test_a_file_that_does_not_fit_is_refused():
    SPEC.check(make_file())
    with pytest.raises(InputError, match=r"audio 4 \+ text 6.*audio 5 \+ text 6"):
        SPEC.check(make_file(widths=(6, 5)))
    with pytest.raises(InputError, match="emotions"):
        SPEC.check(replace(make_file(), emotions=("x", "y", "z")))
    with pytest.raises(InputError, match=r"no audio features .* which has t;"):
        SPEC.check(without(make_file(), audio=lambda dialogue: None))
    silent = without(make_file(), sentences=lambda dialogue: ("",) * len(dialogue))
    SPEC.check(silent)
    with pytest.raises(InputError, match="--no-sentence_cues"):
        replace(SPEC, cues=True).check(silent)


def test_widths_that_differ_between_dialogues_are_refused():
    dialogues = [make_dialogue("S1_a", 3), make_dialogue("S1_b", 3, widths=(7, 4))]
    assert feature_widths(dialogues, "a") == (4,)
    with pytest.raises(InputError, match="6 in S1_a, 7 in S1_b"):
        feature_widths(dialogues, "t")


@pytest.mark.parametrize(
    "change",
    [{"modalities": ""}, {"modalities": "ax"}, {"widths": (4,)}, {"widths": (4, 0)},
     {"num_speakers": 0}],
)  # fmt: skip
def test_a_spec_that_describes_nothing_is_refused(change):
    with pytest.raises(InputError):
        replace(SPEC, **change)


def test_numbers_in_place_of_names_become_the_names_of_the_spec():
    bare = replace(make_file(), emotions=("0", "1", "2"))
    assert SPEC.named(bare).emotions == SPEC.emotions
    fewer = [replace(d, labels=d.labels * 0) for d in bare.dialogues]
    assert SPEC.named(replace(bare, dialogues=tuple(fewer), emotions=("0",))).emotions == EMOTIONS
    for other in (("0", "1", "2", "3"), ("x", "y", "z"), ("1", "0", "2")):
        file = replace(bare, emotions=other)
        assert SPEC.named(file) is file
    with pytest.raises(InputError, match="name them with --dataset"):
        SPEC.check(replace(bare, emotions=("0", "1", "2", "3")))


def test_without_dialogues_there_is_no_spec():
    with pytest.raises(InputError, match="no dialogue to train on"):
        spec_of(make_file(), [], "at", CONTEXTUAL)

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import set_seed

from feature_extractor import compare_fusions as compare_fusions_command
from feature_extractor.caches.caching import Cache
from feature_extractor.evaluation import evaluate_utterances
from feature_extractor.execution import Execution
from feature_extractor.fusion.context import Context
from feature_extractor.fusion.registry import FUSIONS, fusion_options
from feature_extractor.fusion_study.baselines import _mean_and_deviation, baseline_rows
from feature_extractor.fusion_study.budget import LEARNING_RATES, Budget
from feature_extractor.fusion_study.ground import Ground, GroundChoice
from feature_extractor.fusion_study.lanes import Results, results_identity
from feature_extractor.fusion_study.page import comparison_page, models_without_gain
from feature_extractor.fusion_study.picture import comparison_figure
from feature_extractor.fusion_study.plan import (
    OURS,
    Condition,
    Trial,
    conditions,
    search_trials,
    seed_trials,
)
from feature_extractor.fusion_study.study import compare_fusions
from feature_extractor.fusion_study.trials import run_trial, untrained
from feature_extractor.networks.scaling import FrameScaler
from feature_extractor.settings import FUSION_CHOICES, FUSION_PRESETS, ModelSettings
from feature_extractor.sources import CorpusChoice, corpus_digest
from feature_extractor.training.fit import Job, fit
from feature_extractor.training.preparation import Run, prepare
from graph_er.errors import InputError
from graph_er.report.canvas import to_png
from graph_er.running.tracking import Tracker
from graph_er.scoring.scores import METRICS
from tests.feature_extractor.kemdy20_writer import sessions_of, write_corpus
from tests.feature_extractor.tiny_corpus import TEXTS, make_audio_folder, make_text_folder

CPU = torch.device("cpu")
EMOTIONS = ("neutral", "angry", "happy")


@pytest.fixture(scope="module")
def choice(tmp_path_factory):
    """A table of six sessions with noise for audio, and tiny encoders."""
    import soundfile

    root = tmp_path_factory.mktemp("study")
    rows = ["session,dialogue,utterance,speaker,wav,text,emotion"]
    rng = np.random.default_rng(0)
    for session in range(6):
        for turn in range(8):
            name = f"s{session}_{turn}.wav"
            soundfile.write(root / name, 0.1 * rng.standard_normal(4000), 16_000)
            emotion = EMOTIONS[(session + turn) % 3]
            words = TEXTS[(session * 3 + turn) % 4]
            speaker = f"p{session}{turn % 2}"
            rows.append(f"s{session},d{session},{turn},{speaker},{name},{words},{emotion}")
    (root / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return GroundChoice(
        corpus=CorpusChoice("table", root / "table.csv"),
        text_encoder=str(make_text_folder(root / "text")),
        audio_encoder=str(make_audio_folder(root / "audio")),
        context=0,
        cache=Cache(root / "cache"),
        execution=Execution(CPU),
    )


@pytest.fixture(scope="module")
def ground(choice):
    return Ground(choice, tell=lambda line: None)


def without_clips(choice, lacks):
    """The choice with another table, in which the rows of some clips name none."""
    table = choice.corpus.root
    lines = table.read_text("utf-8").splitlines()
    clips = [line.split(",")[4] for line in lines]
    rows = [
        line.replace(clip, "") if clip.endswith(".wav") and lacks(clip) else line
        for line, clip in zip(lines, clips, strict=True)
    ]
    other = table.with_name(f"without_{len(list(table.parent.glob('*.csv')))}.csv")
    other.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return replace(choice, corpus=CorpusChoice("table", other))


def with_long_clips(choice, names):
    """The choice with another table, in which some clips are longer than stage 1 trains on."""
    import soundfile

    table = choice.corpus.root
    text = table.read_text("utf-8")
    for name in names:
        noise = 0.1 * np.random.default_rng(1).standard_normal(26 * 16_000)
        soundfile.write(table.parent / f"long_{name}", noise, 16_000)
        text = text.replace(f",{name},", f",long_{name},")
    other = table.with_name(f"long_{len(list(table.parent.glob('*.csv')))}.csv")
    other.write_text(text, encoding="utf-8")
    return replace(choice, corpus=CorpusChoice("table", other))


def test_the_names_that_the_commands_offer_are_those_that_there_are():
    assert set(FUSION_CHOICES) == set(FUSIONS)


def test_every_model_is_compared_on_what_it_can_be_built_for_and_ours_comes_last():
    found = conditions(list(FUSIONS), ["a", "t", "at"])
    assert len(set(found)) == len(found)
    assert found[-1].fusion == OURS
    for name, fusion in FUSIONS.items():
        on = {c.modalities for c in found if c.fusion == name and not c.mfcc}
        assert on == set(fusion.modalities)
    on_mfcc = {"mfcc_transformer", "cross_modal_transformer", OURS}
    assert {c.fusion for c in found if c.mfcc} == on_mfcc
    assert len({Trial(c, 1e-3, 0).key for c in found}) == len(found)


def test_on_mfcc_no_model_is_compared_twice():
    found = conditions(list(FUSIONS), ["a", "t", "at"], "mfcc")
    assert not any(condition.mfcc for condition in found)
    every = conditions(list(FUSIONS), ["a", "t", "at"], "egemaps")
    assert found == [condition for condition in every if not condition.mfcc] != every


def test_every_model_gets_the_same_rates_and_seeds():
    one, other = Condition("concat", "at"), Condition(OURS, "at")
    for condition in (one, other):
        assert [t.lr for t in search_trials(condition)] == list(LEARNING_RATES)
        assert [t.seed for t in seed_trials(condition, 1e-3, 3)] == [0, 1, 2]


@pytest.mark.parametrize("fusion", ["concat", "late_fusion", "mlp_mixer", OURS])
def test_a_trial_is_the_same_each_time_and_another_with_another_seed(ground, fusion):
    budget = Budget(epochs=2, batch_size=8)
    condition = Condition(fusion, "at")

    def probabilities(seed):
        return run_trial(ground, Trial(condition, 1e-2, seed), budget, CPU)

    first, again, other = (probabilities(seed) for seed in (0, 0, 1))
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])
    assert first[1].shape == (len(ground.sides["test"]), 3)
    np.testing.assert_allclose(first[1].sum(axis=1), 1, atol=1e-6)
    assert first[0]["dev"] == again[0]["dev"]
    assert first[0]["parameters"] == sum(
        p.numel() for p in untrained(ground, condition).model.fusion.parameters()
    )


def test_training_never_sees_the_test_side(ground, monkeypatch):
    from feature_extractor.fusion_study import trials

    test, seen = {u.id for u in ground.sides["test"]}, []
    plain = trials.fit

    def noting(checkpoint, train, dev, *rest):
        seen.extend(u.id for side in (train, dev) for u in side.utterances)
        return plain(checkpoint, train, dev, *rest)

    monkeypatch.setattr(trials, "fit", noting)
    run_trial(ground, Trial(Condition("concat", "at"), 1e-2, 0), Budget(epochs=1), CPU)
    assert len(seen) == len(ground.sides["train"]) + len(ground.sides["dev"])
    assert not test & set(seen)


def test_only_results_of_the_same_ground_budget_and_code_are_taken_up(tmp_path, ground):
    trial = Trial(Condition("concat", "t"), 1e-3, 0)
    ground.prepare([trial.condition])
    results = Results(tmp_path, results_identity(ground, Budget()))
    assert results.load(trial) is None
    results.save(trial, {"dev_loss": 1.0}, np.eye(3))
    record, probabilities = results.load(trial)
    assert record["dev_loss"] == 1.0
    assert np.array_equal(probabilities, np.eye(3))
    other = Results(tmp_path, results_identity(ground, Budget(epochs=99)))
    assert other.load(trial) is None
    # Another study, killed after the first of its two files.
    np.save(tmp_path / f"{trial.key}.npy", 1 - results.finished(trial)[1])
    assert results.load(trial) is None
    (tmp_path / f"{trial.key}.json").write_text('{"identity": ')
    assert results.load(trial) is None


def test_trials_that_learn_votes_are_others_where_the_corpus_is_the_same(tmp_path, choice):
    root = write_corpus(tmp_path, sessions_of(5))
    grounds = [
        Ground(replace(choice, corpus=CorpusChoice("kemdy20", root, policies=policies)), print)
        for policies in ({}, {"multi_label": "soft"})
    ]
    assert len({corpus_digest(ground.corpus) for ground in grounds}) == 1
    assert len({ground.identity for ground in grounds}) == 2


@pytest.fixture
def command(tmp_path, choice):
    """Run the command on the table, with one model on text, for an epoch."""
    words = [
        *("--corpus", "table", "--root", str(choice.corpus.root)),
        *("--text_encoder", choice.text_encoder, "--audio_encoder", choice.audio_encoder),
        *("--out", str(tmp_path / "out"), "--cache_dir", str(tmp_path / "cache")),
        *("--fusions", "concat", "--modalities", "t"),
        *("--epochs", "1", "--seeds", "1", "--lanes", "1"),
    ]
    return lambda *further: compare_fusions_command.main([*words, *further])


def test_the_command_writes_a_table_and_a_picture_of_it(tmp_path, command, capsys):
    command("--device", "cpu")
    page = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "| concat" in page
    assert capsys.readouterr().out.endswith(f"{page}\n")
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert [row["fusion"] for row in results["rows"]] == ["concat"]
    assert (tmp_path / "out" / "results.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_does_not_pretend_to_train_on_one_of_several_gpus(command, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="CUDA_VISIBLE_DEVICES=1"):
        command("--device", "cuda:1")


def test_a_trial_is_a_training_of_stage_1_also_where_clips_lack_or_are_long(tmp_path, choice):
    deaf = without_clips(choice, lambda clip: clip[-5] in "25")
    deaf = with_long_clips(deaf, ["s0_0.wav", "s1_3.wav", "s3_1.wav"])
    ground, condition = Ground(deaf, print), Condition(OURS, "at")
    budget = Budget(epochs=2, batch_size=8)
    record, probabilities = run_trial(ground, Trial(condition, 1e-2, 3), budget, CPU)
    cache = deaf.cache.folder
    run = Run(deaf.corpus, "at", tmp_path, 3, "cpu", "off", False, False, cache)
    encoders = {"text_encoder": deaf.text_encoder, "audio_encoder": deaf.audio_encoder}
    settings = ModelSettings(fusion=OURS, **encoders)
    prepared = prepare(run, settings, budget.settings(1e-2), print)
    model = prepared.checkpoint.model
    set_seed(3)
    model.fusion.load_state_dict(untrained(ground, condition).model.fusion.state_dict())
    job = Job(tmp_path, 3, CPU, Tracker())
    summary = fit(prepared.checkpoint, prepared.train, prepared.dev, prepared.settings, job)
    assert (record["epoch"], record["dev_loss"]) == pytest.approx(
        (summary["best_epoch"], summary["best_dev_loss"])
    )
    for side in ("dev", "test"):
        scored = evaluate_utterances(
            prepared.checkpoint, prepared.corpus, ground.sides[side], 3, Execution(CPU)
        )
        assert record[side] == {name: scored.scores[name] for name in METRICS}
    np.testing.assert_allclose(probabilities, scored.probabilities, atol=1e-5)


def test_what_models_that_hear_leave_out_is_told(tmp_path, choice):
    deaf, said = without_clips(choice, lambda clip: clip[-5] in "25"), []
    what = (deaf, ["concat"], ["a"], Budget(epochs=1, seeds=1), tmp_path)
    results = compare_fusions(*what, 1, said.append)
    left_out = [line for line in said if "without audio" in line]
    assert [line.split(" utterances")[0] for line in left_out] == ["6 train", "2 dev"]
    told = "Utterances without audio, 6 of train and 2 of dev, are left out of what models that"
    assert told in comparison_page(results)


@pytest.mark.parametrize("modalities", ["a", "t"])
def test_too_long_clips_are_left_out_of_training_alone_and_that_is_told(
    tmp_path, choice, modalities, monkeypatch
):
    from feature_extractor.fusion_study import trials

    long = ["s0_0.wav", "s1_3.wav", "s3_1.wav", "s4_0.wav"]  # two of train, of dev, of test
    loud, said, seen = with_long_clips(choice, long), [], []
    plain = trials.fit

    def noting(checkpoint, train, dev, *rest):
        seen.append((len(train), len(dev)))
        return plain(checkpoint, train, dev, *rest)

    monkeypatch.setattr(trials, "fit", noting)
    ground, budget = Ground(loud, print), Budget(epochs=1, seeds=1)
    _, probabilities = run_trial(
        ground, Trial(Condition("concat", modalities), 1e-2, 0), budget, CPU
    )
    assert seen == [(len(ground.sides["train"]) - 2, len(ground.sides["dev"]))]
    assert len(probabilities) == len(ground.sides["test"])
    results = compare_fusions(loud, ["concat"], [modalities], budget, tmp_path, 1, said.append)
    assert "2 train utterances longer than 25 s left out of training" in said
    told = "Clips longer than 25 s, 2 of train, are left out of what models learn from."
    assert told in comparison_page(results)


def test_a_train_side_of_nothing_but_too_long_clips_is_refused(tmp_path, choice, ground):
    train = [utterance.wav.name for utterance in ground.sides["train"]]
    loud = with_long_clips(choice, train)
    rest = (Budget(epochs=1, seeds=1), tmp_path, 1, lambda line: None)
    with pytest.raises(InputError, match=r"table has no train utterance of at most 25 s here"):
        compare_fusions(loud, ["concat"], ["t"], *rest)


@pytest.mark.parametrize("side", ["train", "dev", "test"])
def test_a_side_without_any_audio_is_not_heard(tmp_path, choice, ground, side):
    silent = {u.wav.name for u in ground.sides[side]}
    deaf = without_clips(choice, lambda clip: clip in silent)
    rest = (Budget(epochs=1, seeds=1), tmp_path, 1, lambda line: None)
    with pytest.raises(InputError, match=f"the {side} side has no audio at all; .*--modalities t"):
        compare_fusions(deaf, ["concat"], ["t", "at"], *rest)


def test_the_whole_comparison(tmp_path, choice):
    modalities = ["a", "t", "at"]
    on_mfcc = "cross_modal_transformer"
    what = (choice, ["concat", on_mfcc, "mfcc_transformer", OURS], modalities)
    budget = Budget(epochs=1, batch_size=16, seeds=2)
    results = compare_fusions(*what, budget, tmp_path, 2, lambda line: None)
    names = {(row["name"], row["modalities"]) for row in results["rows"]}
    assert names == {
        *((name, m) for name in ("concat", on_mfcc, OURS) for m in modalities),
        *((f"{name} on MFCC", m) for name in (on_mfcc, OURS) for m in ("a", "at")),
        *((name, "a") for name in ("mfcc_transformer", "mfcc_transformer on MFCC")),
    }
    for row in results["rows"]:
        assert len(row["test"]["weighted_f1"]["values"]) == 2
        assert row["parameters"] > 0
    baselines = {(row["name"], row["modalities"]) for row in results["baselines"]}
    assert baselines == {
        *(("majority class", None), ("text lookup", None)),
        *(("logistic regression", m) for m in modalities),
    }
    *common, mfcc = results["ours"]
    assert {found["other"] for found in common} <= {"concat", on_mfcc}
    assert sorted(side for found in common for side in found["best_on"]) == ["dev", "test"]
    assert not any(found["mfcc"] for found in common)
    assert [found["others"] for found in results["ours"]] == [2] * len(common) + [1]
    assert (mfcc["other"], mfcc["mfcc"], mfcc["best_on"]) == (on_mfcc, True, ["dev", "test"])
    rows = {row["name"]: row["test"] for row in results["rows"] if row["modalities"] == "at"}
    for found in results["ours"]:
        ours, other = (
            rows[f"{name} on MFCC" if found["mfcc"] else name]["weighted_f1"]["mean"]
            for name in (OURS, found["other"])
        )
        assert found["difference"] == pytest.approx(ours - other, abs=0.02)
        assert found["low"] <= found["difference"] <= found["high"]
    page = comparison_page(results)
    assert all(f"| {name}" in page for name, _ in names)
    assert "p = " in page
    assert "without audio" not in page
    assert "longer than" not in page
    assert "Note: 2 dialogues are few: intervals and p are rough." in page
    assert to_png(comparison_figure(results)).startswith(b"\x89PNG")
    before = {path: path.stat().st_mtime_ns for path in Path(tmp_path).glob("*.json")}
    again = compare_fusions(*what, budget, tmp_path, 1, lambda line: None)
    assert again == results
    assert {path: path.stat().st_mtime_ns for path in Path(tmp_path).glob("*.json")} == before


def test_models_that_gain_nothing_from_both_are_named():
    def row(name, modalities, mean):
        return {
            "name": name,
            "fusion": name.removesuffix(" on MFCC"),
            "modalities": modalities,
            "test": {"weighted_f1": {"mean": mean}},
        }

    rows = [row("x", "a", 0.5), row("x", "t", 0.6), row("x", "at", 0.6), row("y", "at", 0.3)]
    rows += [row("y", "t", 0.2), row("y on MFCC", "a", 0.1)]
    assert models_without_gain({"rows": rows}) == ["x"]
    assert models_without_gain({"rows": [*rows, row("y on MFCC", "at", 0.15)]}) == [
        "x",
        "y on MFCC",
    ]


def test_what_a_corpus_changes_are_options_that_the_models_have():
    for of_corpus in FUSION_PRESETS.values():
        for fusion, changed in of_corpus.items():
            options = fusion_options(fusion, changed)
            assert {name: getattr(options, name) for name in changed} == changed


def options_of(choice, audio_encoder, condition):
    ground = Ground(replace(choice, audio_encoder=audio_encoder), tell=lambda line: None)
    return ground.fusion_options(condition)


def test_options_for_mfcc_are_chosen_where_mfcc_are_heard(choice):
    own, heard = choice.audio_encoder, {"level": True}
    assert options_of(choice, "mfcc", Condition(OURS, "at")) == heard
    assert options_of(choice, own, Condition(OURS, "a", mfcc=True)) == heard
    assert options_of(choice, "mfcc", Condition(OURS, "t")) == {}
    assert options_of(choice, own, Condition(OURS, "at")) == {}
    assert options_of(choice, "egemaps", Condition(OURS, "a")) == {}
    assert options_of(choice, "mfcc", Condition("concat", "a")) == {}


@pytest.mark.parametrize("shared", [True, False])
def test_acoustic_features_are_standardised_as_common_encoder_and_as_a_models_own(choice, shared):
    ground = Ground(replace(choice, audio_encoder="mfcc"), tell=lambda line: None)
    fitted = []

    def noting(scaler, clips):
        fitted.append(len(list(clips)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FrameScaler, "fit", noting)
        trial = Trial(Condition("concat", "a", mfcc=not shared), 1e-2, 0)
        run_trial(ground, trial, Budget(epochs=1), CPU)
    assert fitted == [len(ground.sides["train"])]


def test_a_baseline_is_fitted_only_where_there_is_something_to_tell_apart(ground):
    def kinds(some):
        return [(row["name"], row["modalities"]) for row in baseline_rows(some, ["a", "at"])]

    known = [("majority class", None), ("text lookup", None)]
    assert kinds(ground) == [
        *known,
        ("logistic regression", "a"),
        ("logistic regression", "at"),
    ]
    calm = copy.copy(ground)
    neutral = [u for u in ground.sides["train"] if u.emotion == "neutral"]
    calm.sides = {**ground.sides, "train": neutral}
    assert kinds(calm) == known


def test_an_utterance_without_a_frame_has_features_of_zero():
    frames = np.array([[1.0, 5.0], [3.0, 5.0]], dtype=np.float32)
    assert _mean_and_deviation(frames).tolist() == [2, 5, 1, 0]
    assert _mean_and_deviation(frames[:0]).tolist() == [0] * 4


def test_acoustic_features_alone_are_scaled_by_speaker(choice):
    scaled, plain = (
        Ground(replace(choice, speaker_scaling=scales), tell=lambda line: None)
        for scales in (True, False)
    )
    common, own = Condition("concat", "a"), Condition("mfcc_transformer", "a", mfcc=True)
    first = plain.corpus.utterances[0]
    states = [
        [ground.states(c)["audio"][first.id] for ground in (scaled, plain)] for c in (common, own)
    ]
    assert np.array_equal(*states[0])
    assert not np.allclose(*states[1], atol=0.1)
    assert scaled.identity != plain.identity
    rows = [baseline_rows(ground, ["a"])[-1] for ground in (scaled, plain)]
    assert [row["name"] for row in rows] == ["logistic regression"] * 2
    assert rows[0] != rows[1]


def test_speakers_are_scaled_towards_the_training_side_that_the_model_standardises_by(choice):
    ground = Ground(replace(choice, speaker_scaling=True), tell=lambda line: None)
    fitted, condition = FrameScaler(40), Condition("mfcc_transformer", "a", mfcc=True)
    source = ground.sources(condition)["a"]
    ground.fit_scaler(fitted, source)
    states = ground.states(condition)["audio"]
    expected = FrameScaler(40)
    store = ground._store(source)
    expected.fit(store[u.id] for u in ground.sides["train"])
    assert torch.equal(fitted.shift, expected.shift)
    frames = np.concatenate([states[u.id] for u in ground.corpus.utterances])
    # Every speaker has as much to say here, so that all of them meet there.
    assert fitted(torch.from_numpy(frames)).mean(dim=0).abs().max() < 0.5


def test_a_comparison_tells_that_speakers_are_scaled_and_needs_some_who_are_heard(tmp_path, choice):
    what = (["concat"], ["t"], Budget(epochs=1), tmp_path, 1, lambda line: None)
    with pytest.raises(InputError, match="--speaker_scaling scales acoustic features"):
        compare_fusions(replace(choice, speaker_scaling=True), *what)
    results = compare_fusions(choice, *what)
    assert "by speaker" not in comparison_page(results)
    assert "scaled by speaker" in comparison_page({**results, "speaker_scaling": True})


def test_models_read_earlier_texts_as_they_do_in_stage_1(choice):
    ground = Ground(replace(choice, context=2), tell=lambda line: None)
    joining, following = Condition("concat", "at"), Condition(OURS, "at")
    assert ground.context(joining) == Context(2, "")
    assert ground.context(following) == Context(2, "at")
    texts = [ground.states(condition)["text"] for condition in (joining, following)]
    first, _, third, *_ = ground.corpus.utterances
    assert np.allclose(texts[0][first.id], texts[1][first.id], atol=1e-5)
    assert len(texts[0][third.id]) > len(texts[1][third.id])
    example = ground.dataset(following, "train")[2]
    assert [len(rows) for rows in example["earlier_text_states"]] == [
        len(texts[1][u.id]) for u in ground.corpus.utterances[1::-1]
    ]
    assert ground.dataset(joining, "train")[2].keys() & {"earlier_speakers"} == set()


def test_utterances_without_a_dialogue_are_read_alone(tmp_path, choice):
    table = tmp_path / "table.csv"
    source = choice.corpus.root.read_text(encoding="utf-8").splitlines()
    rows = [f"s{n % 6},d{n}," + row.split(",", 2)[2] for n, row in enumerate(source[1:])]
    rows = [row.replace(",s", f",{choice.corpus.root.parent}/s", 1) for row in rows]
    table.write_text("\n".join([source[0], *rows]) + "\n", encoding="utf-8")
    told = []
    of_one = replace(choice, corpus=CorpusChoice("table", table), context=4)
    assert Ground(of_one, tell=told.append).choice.context == 0
    assert "every utterance is a dialogue of its own" in "".join(told)
    what = (["concat"], ["t"], Budget(epochs=1, seeds=1), tmp_path, 1, lambda line: None)
    results = compare_fusions(of_one, *what)
    assert results["budget"]["context"] == 0
    assert "before it" not in comparison_page(results)


def test_a_model_that_is_not_made_for_these_modalities_is_named(tmp_path, choice):
    told = []
    what = (["concat", "mfcc_transformer"], ["t"], Budget(epochs=1, seeds=1), tmp_path, 1)
    results = compare_fusions(choice, *what, told.append)
    assert "mfcc_transformer left out: it is made for --modalities a" in told
    assert {row["fusion"] for row in results["rows"]} == {"concat"}
    with pytest.raises(InputError, match="no model of --fusions mfcc_transformer is made for"):
        compare_fusions(choice, ["mfcc_transformer"], *what[1:], told.append)


def test_a_model_named_twice_is_trained_once():
    once = conditions(["concat", OURS], ["a", "t"])
    assert conditions([OURS, "concat", "concat", OURS], ["a", "t"]) == once

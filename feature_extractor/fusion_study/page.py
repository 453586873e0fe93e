"""The comparison as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from feature_extractor.fusion_study.budget import CLIP_LENGTH
from graph_er.report.tables import Row, Table
from graph_er.running.counted import counted
from graph_er.scoring.comparison import sample_notes
from graph_er.scoring.scores import METRICS

_TITLES = ("accuracy", "weighted F1", "macro F1", "UAR")
_MODALITIES = ("a", "t", "at")
_ACOUSTIC = {"mfcc": "MFCC", "egemaps": "eGeMAPS"}
_SPEAKER_SCALING = (
    "Acoustic features, also those of the logistic regression, are scaled by speaker: by the mean "
    "and deviation of all that each one says, test among it, without labels.\n"
)


def comparison_page(results: dict[str, Any]) -> str:
    """Return the whole page of a comparison's results."""
    budget = results["budget"]
    kind = "synthetic" if results["synthetic"] else "real"
    rates = ", ".join(f"{lr:g}" for lr in budget["learning_rates"])
    fold = results["split"]["fold"]
    split = results["split"]["name"] + ("" if fold is None else f", fold {fold}")
    parts = [
        f"# Fusion models on corpus {results['corpus']} ({kind})\n",
        f"Test side, n = {results['n']['test']} (train {results['n']['train']}, dev "
        f"{results['n']['dev']}, split {split}). Every model reads the same states of the same "
        f"frozen encoders{_acoustic(results)}{_context(results)} and gets the same budget: "
        f"{counted(budget['epochs'], 'epoch')} in batches of {budget['batch_size']}, the learning "
        f"rate among {rates} by weighted F1 on "
        f"dev with seed 0{_rate_of_both(results)}, the epoch by dev loss, "
        f"{counted(budget['seeds'], 'seed')}. In %, mean ± standard deviation over seeds.\n",
        _left_out(results.get("left_out_where_heard", {})),
        _longer(results.get("longer_left_out", 0)),
        _SPEAKER_SCALING if results.get("speaker_scaling") else "",
        *(detail_table(results, modalities).markdown() for modalities in _widest(results)),
        "Parameters and times are those of the fusion model alone, without the encoders, while "
        "other runs shared the machine.\n",
        _by_modality(results),
        against_others(results),
    ]
    return "\n".join(part for part in parts if part)


def _left_out(counts: dict[str, int]) -> str:
    if not counts:
        return ""
    told = " and ".join(f"{count} of {side}" for side, count in counts.items())
    return (
        f"Utterances without audio, {told}, are left out of what models that hear learn from and "
        "choose the epoch by, and scored like all others.\n"
    )


def _longer(count: int) -> str:
    if not count:
        return ""
    return (
        f"Clips longer than {CLIP_LENGTH:g} s, {count} of train, are left out of what models learn "
        "from.\n"
    )


def detail_table(results: dict[str, Any], modalities: str) -> Table:
    """Return every metric of every model on these modalities."""
    rows = [row for row in results["rows"] if row["modalities"] == modalities]
    best = [_best(rows, metric) for metric in METRICS]
    lines = [
        Row(
            (
                row["name"],
                *(_score(row["test"][metric]) for metric in METRICS),
                f"{row['parameters']:,}",
                f"{row['train_seconds']:.1f}",
                f"{row['inference_ms']:.2f}",
            ),
            best=frozenset(1 + i for i, name in enumerate(best) if name == row["name"]),
        )
        for row in rows
    ]
    lines += [
        Row((row["name"], *(f"{100 * row['test'][m]:.1f}" for m in METRICS), "", "", ""))
        for row in results["baselines"]
        if row["modalities"] in (None, modalities)
    ]
    header = (f"Model ({modalities})", *_TITLES, "parameters", "training s", "ms per utterance")
    return Table(header, tuple(lines))


def modality_table(results: dict[str, Any]) -> Table:
    """Return the weighted F1 of every model on each modality and on both."""
    names = list(dict.fromkeys(row["name"] for row in results["rows"]))
    found = {
        (row["name"], row["modalities"]): row["test"]["weighted_f1"] for row in results["rows"]
    }
    lines = [Row((name, *(_score(found.get((name, m))) for m in _MODALITIES))) for name in names]
    linear = {
        row["modalities"]: f"{100 * row['test']['weighted_f1']:.1f}"
        for row in results["baselines"]
        if row["modalities"] is not None
    }
    lines.append(Row(("logistic regression", *(linear.get(m, "") for m in _MODALITIES))))
    return Table(("Weighted F1", *_MODALITIES), tuple(lines))


def models_without_gain(results: dict[str, Any]) -> list[str]:
    """Return the models that reach no more on both modalities than on the better one."""

    def mean(row: dict[str, Any]) -> float:
        return row["test"]["weighted_f1"]["mean"]

    # What stands in the audio encoder's place changes nothing of a model on text.
    of_text = {row["fusion"]: mean(row) for row in results["rows"] if row["modalities"] == "t"}
    of_audio = {row["name"]: mean(row) for row in results["rows"] if row["modalities"] == "a"}
    return [
        row["name"]
        for row in results["rows"]
        if row["modalities"] == "at"
        and mean(row) <= max(of_text.get(row["fusion"], -1), of_audio.get(row["name"], -1))
    ]


def _widest(results: dict[str, Any]) -> list[str]:
    """Return both modalities where models were trained on both, else each that was compared."""
    found = dict.fromkeys(row["modalities"] for row in results["rows"])
    most = max(map(len, found))
    return [modalities for modalities in found if len(modalities) == most]


def _acoustic(results: dict[str, Any]) -> str:
    """Return what stands in the audio encoder's place, where anything does and is heard."""
    name = _ACOUSTIC.get(results["audio_encoder"])
    heard = any("a" in row["modalities"] for row in results["rows"])
    return f" (for audio: {name})" if name and heard else ""


def _context(results: dict[str, Any]) -> str:
    """Return what is read along with each utterance, where anything is."""
    count = results["budget"].get("context", 0)
    if not count:
        return ""
    before = "one" if count == 1 else str(count)
    return (
        f", each utterance along with the {before} before it (their texts, and their audio where a "
        "model can hear it; the baselines read each alone),"
    )


def _rate_of_both(results: dict[str, Any]) -> str:
    """Return whose learning rate models on one modality take, where any does."""
    on_both, on_one = (
        {row["name"] for row in results["rows"] if (row["modalities"] == "at") == both}
        for both in (True, False)
    )
    return " (of a model on one modality that of the model on both)" if on_both & on_one else ""


def _by_modality(results: dict[str, Any]) -> str:
    if len({row["modalities"] for row in results["rows"]}) == 1:
        return ""
    parts = ["## One modality and both\n", modality_table(results).markdown(), _gains(results)]
    return "\n".join(part for part in parts if part)


def _gains(results: dict[str, Any]) -> str:
    if {row["modalities"] for row in results["rows"]} != set(_MODALITIES):
        return ""
    losers = models_without_gain(results)
    if not losers:
        return "Every model on both modalities is above its own versions on one.\n"
    return f"Not above their own versions on one modality: {', '.join(losers)}.\n"


def against_others(results: dict[str, Any]) -> str:
    """Return how far ours is ahead of the best others, as a sentence; empty where none is."""
    parts = []
    for found in results["ours"]:
        low, high = 100 * found["low"], 100 * found["high"]
        heard = "on MFCC " if found.get("mfcc") else ""
        best = f"on {' and '.join(found['best_on'])} the best other"
        best = "the only other" if found.get("others") == 1 else best
        parts.append(
            f"{heard}against `{found['other']}`, {best} on the same states: "
            f"{100 * found['difference']:+.1f} points of weighted F1 on test, 95 % interval "
            f"{low:+.1f} to {high:+.1f}, p = {found['p']:.3g}"
        )
    if not parts:
        return ""
    drawn = f"paired bootstrap over {results['ours'][0]['dialogues']} dialogues and over seeds"
    single = results["budget"]["seeds"] == 1
    notes = sample_notes(results["ours"][0]["dialogues"], single_seed=single)
    told = "".join(f" Note: {note}." for note in notes)
    return f"`distilled_gate` {'; '.join(parts)} ({drawn}).{told}\n"


def _best(rows: Sequence[dict[str, Any]], metric: str) -> str:
    return max(rows, key=lambda row: row["test"][metric]["mean"])["name"]


def _score(spread: dict[str, Any] | None) -> str:
    if spread is None:
        return ""
    sd = "" if spread["sd"] is None else f" ± {100 * spread['sd']:.1f}"
    return f"{100 * spread['mean']:.1f}{sd}"

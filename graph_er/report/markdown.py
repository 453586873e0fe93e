"""``report.md``, and the block of a README that quotes the study's main table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.report.summary import condition_title, findings, support, synthetic_note
from graph_er.report.tables import compact_table, emotion_table, main_table
from graph_er.running.counted import counted
from graph_er.running.files import write_text

BEGIN = "<!-- results:begin -->"
END = "<!-- results:end -->"


def render_markdown(results: dict[str, Any]) -> str:
    """Return the whole report as Markdown."""
    study = results["study"]
    blocks = [
        f"# Emotion recognition in conversation: the study on {study['corpus']}",
        synthetic_note(results),
        "\n".join(f"- **{number}** {text}" for number, text in findings(results)),
        "## Weighted F1",
        compact_table(results).markdown().rstrip(),
        "## All scores",
        scores_caption(results),
        main_table(results).rstrip(),
        missing_note(results),
        "## Each emotion",
        "F1, mean over seeds.",
        emotion_table(results).markdown().rstrip(),
        "## How it was made",
        "\n".join(f"- {name}: {value}" for name, value in provenance(results)),
    ]
    # Names of emotions and corpora are other people's; nothing of this page is HTML.
    return "\n\n".join(block for block in blocks if block).replace("<", "&lt;") + "\n"


def scores_caption(results: dict[str, Any]) -> str:
    """Say what the numbers of the main table are."""
    return (
        f"Test split, {counted(sum(support(results)), 'utterance')}; per cent, mean ± "
        "sample standard deviation over seeds. UAR is the unweighted average recall. An ensemble "
        "averages the probabilities of its seeds. Bold: the best mean of a column."
    )


def missing_note(results: dict[str, Any]) -> str | None:
    """Name the runs that the study lacks, or return None if it is complete."""
    missing = [condition_title((run["method"], run["modalities"])) for run in results["missing"]]
    return f"Missing runs: {'; '.join(missing)}." if missing else None


def provenance(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where the numbers come from, as (name, value)."""
    study = results["study"]
    seconds = sum(study["wall_time_s"].values())
    tree = {True: " (clean tree)", False: " (with uncommitted changes)", None: ""}
    commit = f"{study['commit']}{tree[study['tree_clean']]}" if study["commit"] else None
    versions = ", ".join(f"{name} {version}" for name, version in study["versions"].items())
    facts = {
        "Corpus": study["corpus"] + (" (synthetic)" if study["synthetic"] else ""),
        "Created": study["created"],
        "Commit": commit,
        "Wall time of the runs": f"{seconds:.0f} s" if seconds else None,
        "Packages": versions,
    }
    return [(name, value) for name, value in facts.items() if value]


def readme_block(text: str, source: Path | str) -> str:
    """Return what stands between the two markers of a README.

    Raises:
        InputError: a marker is missing, occurs twice, or they stand in the wrong order.
    """
    counts = {marker: text.count(marker) for marker in (BEGIN, END)}
    wrong = [marker for marker, count in counts.items() if count != 1]
    if wrong:
        raise InputError(
            f"{source}: holds {wrong[0]} {counts[wrong[0]]} times; write the lines {BEGIN} and "
            f"{END} once each around the place of the table"
        )
    if text.index(END) < text.index(BEGIN):
        raise InputError(f"{source}: {END} stands before {BEGIN}")
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


def updated_readme(text: str, results: dict[str, Any], source: Path | str) -> str:
    """Return the README with the study's main table between its markers.

    A README is up to date exactly if this returns it unchanged.
    """
    old = f"{BEGIN}{readme_block(text, source)}{END}"
    return text.replace(old, f"{BEGIN}\n\n{main_table(results)}\n{END}")


def update_readme(path: Path, results: dict[str, Any]) -> None:
    """Put the study's main table between the markers of the README at `path`.

    Raises:
        InputError: no such file, or its markers are not as they should be.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    write_text(path, updated_readme(text, results, path))

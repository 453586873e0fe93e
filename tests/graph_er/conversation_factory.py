"""Rows of a conversation, tables of them, and audio that is noise."""

import csv

import numpy as np
import soundfile


def write_noise(path, seconds=0.3, rate=16_000, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).standard_normal(round(rate * seconds))
    soundfile.write(path, 0.1 * noise, rate)
    return path


def write_table(path, rows, encoding="utf-8"):
    """Write rows as CSV, and a short clip for every wav that they name and that is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for row in rows:
        if row.get("wav") and not (path.parent / row["wav"]).exists():
            write_noise(path.parent / row["wav"])
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(n for row in rows for n in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def talk(count=3, **columns):
    """Rows of a conversation of A and B, each with audio and text."""
    return [
        {"speaker": "AB"[n % 2], "wav": f"wav/{n}.wav", "text": f"그래 {n}", **columns}
        for n in range(count)
    ]

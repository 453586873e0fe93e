"""What run_all.sh holds against its marks: code, encoders and corpus by content."""

import subprocess
import sys
from pathlib import Path

from scripts.digest import digest

ROOT = Path(__file__).resolve().parents[1]


def test_every_change_of_content_is_seen_and_a_report_is_not(tmp_path):
    folder = tmp_path / "encoder of mine"
    (folder / "report").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "report" / "page.py").write_text("1", "utf-8")
    seen = [digest([str(folder)])]
    (folder / "report" / "page.py").write_text("2", "utf-8")
    assert digest([str(folder)]) == seen[0]
    for name in ("model.safetensors", "config.json", "vocab.txt"):
        (folder / name).write_bytes(b"others")
        seen.append(digest([str(folder)]))
    assert len({*seen}) == 4


def test_a_folder_of_that_name_above_is_no_report(tmp_path):
    folder = tmp_path / "report" / "corpus"
    folder.mkdir(parents=True)
    (folder / "texts.csv").write_text("1", "utf-8")
    before = digest([str(folder)])
    (folder / "texts.csv").write_text("2", "utf-8")
    assert digest([str(folder)]) != before


def test_a_hub_id_counts_by_its_name():
    assert digest(["klue/roberta-base"]) != digest(["klue/bert-base"])


def test_the_script_prints_one_word():
    command = [sys.executable, ROOT / "scripts" / "digest.py", "requirements.txt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == digest(["requirements.txt"]) + "\n"

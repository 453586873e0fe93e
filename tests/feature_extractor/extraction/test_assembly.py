import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# 20,000 utterances with 123 MB of vectors: made and assembled by a process that tells its memory.
CODE = """
import resource, sys
from pathlib import Path
import numpy as np
from feature_extractor.extraction.assembly import assemble
from feature_extractor.extraction.parts_plan import PartsPlan, Source
from graph_er.schema.dialogue import Dialogue, DialogueFile

folder = Path(sys.argv[1])
dialogues = tuple(
    Dialogue(f"S{d:03d}_1", tuple(f"{d}_{u}" for u in range(50)), ("F",) * 50,
             np.zeros(50, np.int64), ("word",) * 50)
    for d in range(400)
)
ids = tuple(dialogue.id for dialogue in dialogues)
file = DialogueFile(dialogues, ids[:200], ids[200:300], ids[300:], ("x",))
plan = PartsPlan(file, (Source("", "f", ids),))
(store,) = plan.stores([folder])
for chunk, rows in enumerate(store.chunks):
    store.write(chunk, {n: np.ones((len(rows), 768), np.float32) for n in ("text", "audio")})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assemble(plan, [store], folder / "x.pkl")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
# Kilobytes on Linux, bytes on macOS.
print((after - before) * (1 if sys.platform == "darwin" else 1024) / 2**20)
"""


def test_vectors_are_never_all_in_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "x.pkl").stat().st_size > 120e6
    assert float(done.stdout) < 40

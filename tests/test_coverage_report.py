"""The page that names the lines no test runs, and the reasons that it quotes."""

import json

import pytest

from graph_er.errors import InputError
from scripts.coverage_report import (
    HANDLER,
    NO_REASON,
    REASONS,
    REFUSAL,
    ROOT,
    functions_of,
    main,
    page,
    regions,
)

SOURCE = """class Reader:
    def read(self, path):
        if not path:
            names = sorted(self.known)
            raise ValueError(names)
        try:
            return open(path)
        except OSError:
            return None


def unused():
    return 1
"""


def measured(file, missing):
    summary = {"num_statements": 10, "missing_lines": len(missing), "percent_covered": 50.0}
    return {"files": {file: {"missing_lines": missing, "summary": summary}}}


def test_lines_are_named_by_function_and_reason():
    found = regions("a.py", SOURCE, [13, 4, 5, 8, 9], {})
    assert [(r.function, r.lines, r.reason) for r in found] == [
        ("Reader.read", (4, 5), REFUSAL),
        ("Reader.read", (8, 9), HANDLER),
        ("unused", (13,), NO_REASON),
    ]


@pytest.mark.parametrize("name", ["unused", "*"])
def test_a_reason_of_its_own_goes_before_the_others(name):
    (found,) = regions("a.py", SOURCE, [13], {name: "only on Windows"})
    assert found.reason == "only on Windows"


def test_every_reason_belongs_to_a_function_that_is_there():
    for file, reasons in json.loads(REASONS.read_text("utf-8")).items():
        source = (ROOT / file).read_text("utf-8")
        assert set(reasons) <= functions_of(source), file
        assert all(reasons.values())


def test_the_page_counts_packages_and_lists_what_is_not_run():
    both = measured("graph_er/errors.py", [1])
    both["files"] |= measured("feature_extractor/networks/scaling.py", [])["files"]
    text = page(both, {"graph_er/errors.py": {"*": "as a trial"}})
    assert "| `graph_er` | 1 | 10 | 1 | 90.0 % |" in text
    assert "| `feature_extractor` | 1 | 10 | 0 | 100.0 % |" in text
    assert "| `graph_er/errors.py` | `module` | 1 | as a trial |" in text
    assert "0 lines have no test yet" in text


def test_a_package_without_lines_and_a_damaged_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="nothing of feature_extractor"):
        page(measured("graph_er/errors.py", []), {})
    (tmp_path / "coverage.json").write_text("{", "utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        main([str(tmp_path / "coverage.json"), "--out", str(tmp_path / "page.md")])
    assert not (tmp_path / "page.md").exists()

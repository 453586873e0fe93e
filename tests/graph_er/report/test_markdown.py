from __future__ import annotations

import pytest

from graph_er.errors import InputError
from graph_er.report.markdown import (
    BEGIN,
    END,
    readme_block,
    render_markdown,
    update_readme,
    updated_readme,
)
from graph_er.report.tables import main_table


def test_the_report_holds_the_tables_and_says_what_they_are(results):
    text = render_markdown(results)
    assert main_table(results) in text
    assert "is synthetic" in text
    assert "not comparable with published ones" in text
    assert "Missing runs: Concat (stage 1 alone), audio; " in text
    assert "- Commit: abc (clean tree)" in text
    assert "- Wall time of the runs: 5 s" in text


def test_a_real_corpus_carries_no_synthetic_note(results):
    results["study"] |= {"synthetic": False, "corpus": "kemdy19"}
    assert "synthetic" not in render_markdown(results)


def test_a_readme_gets_the_table_between_its_markers_only(tmp_path, results):
    path = tmp_path / "README.md"
    path.write_text(f"앞\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    update_readme(path, results)
    text = path.read_text(encoding="utf-8")
    assert text == f"앞\n{BEGIN}\n\n{main_table(results)}\n{END}\nafter\n"
    assert updated_readme(text, results, path) == text
    assert readme_block(text, path).strip() == main_table(results).strip()


def test_an_outdated_readme_is_seen(results):
    text = f"{BEGIN}\n\n{main_table(results).replace('66.7', '99.9')}\n{END}"
    assert updated_readme(text, results, "README.md") != text


@pytest.mark.parametrize("text", ["nothing", BEGIN, END, f"{BEGIN}{BEGIN}{END}", f"{END} {BEGIN}"])
def test_wrong_markers_are_refused_and_the_file_is_left(tmp_path, results, text):
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(InputError, match=r"README\.md"):
        update_readme(path, results)
    assert path.read_text() == text


def test_an_absent_readme_is_refused(tmp_path, results):
    with pytest.raises(InputError, match="cannot be read"):
        update_readme(tmp_path / "README.md", results)

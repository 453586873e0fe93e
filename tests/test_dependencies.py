"""Locks, SBOM and the page of licences agree with what is pinned and what is installed."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from graph_er.errors import InputError
from scripts import dependencies
from scripts.dependencies import pins, requirements
from scripts.licences import READ_BY_HAND, RESTRICTED, licence_of, normal, verdict

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-extras.lock")
PACKAGES = ("graph_er", "feature_extractor")
PINNED = pins(ROOT / "requirements.txt")
OSI = "License :: OSI Approved"
TOOLS = pins(ROOT / "tests" / "requirements.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {
    normal(Requirement(text).name): {str(Requirement(text).specifier)[2:]}
    for texts in PROJECT["optional-dependencies"].values()
    for text in texts
}


@pytest.fixture(scope="module")
def sbom():
    return json.loads((ROOT / "docs" / "sbom.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def table(sbom):
    return dependencies.rows(sbom)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_every_pin_and_a_hash_of_everything(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    named = PINNED if lock == "requirements.lock" else PINNED | EXTRAS
    locked = pins(ROOT / lock)
    assert {name: locked[name] for name in named} == named
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(requirements(ROOT / lock)) > 100
    assert [b.split()[0] for b in blocks if "--hash=sha256:" not in b] == []
    exact = re.compile(r"==[\w.]+")
    assert [r for r in requirements(ROOT / lock) if not exact.fullmatch(str(r.specifier))] == []


def test_both_locks_name_the_same_versions():
    small, large = (pins(ROOT / lock) for lock in LOCKS)
    assert small == {name: large[name] for name in small}


@pytest.mark.parametrize("file", [*LOCKS, "docs/sbom.json", "docs/dependencies.md"])
def test_no_host_of_packages_and_no_path_stands_in_them(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    hosts = r"--(?:extra-)?index-url|--find-links|file:/|(?<![\w.:/-])/(?:root|home|opt|work|tmp)/"
    assert re.findall(hosts, text) == []


def test_all_pins_are_exact():
    for file in ("requirements.txt", "tests/requirements.txt"):
        for requirement in requirements(ROOT / file):
            assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement


def test_the_page_is_made_from_the_lock_and_the_sbom(table):
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert page == dependencies.render(table, dependencies.TOOLS)


def imported(package):
    """Top names of what the modules of a package import, at any depth of their code."""
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]
            elif isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_all_that_is_imported_is_pinned(package):
    provided = importlib.metadata.packages_distributions()
    foreign = {*imported(package)} - {*PACKAGES, *sys.stdlib_module_names}
    assert len(foreign) > 5
    named = {name: {normal(found) for found in provided.get(name, [name])} for name in foreign}
    # Some of what an extra brings with it is imported where the extra is.
    small, large = (pins(ROOT / lock).keys() for lock in LOCKS)
    allowed = PINNED.keys() | (large - small)
    assert [name for name, found in named.items() if not found & allowed] == []


def test_restricted_licences_are_in_no_default_installation(table):
    restricted = {row.name for row in table if set(row.licence.split(" AND ")) & {*RESTRICTED}}
    assert restricted == {"opensmile"}
    assert not restricted & pins(ROOT / "requirements.lock").keys()


@pytest.mark.parametrize("name", sorted({*PINNED, *EXTRAS}))
def test_the_licence_of_an_installed_package_is_known(name, table):
    try:
        installed = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is an extra that is not installed")
    rows = [row for row in table if row.name == name]  # one, or one for each range of Pythons
    [row] = [row for row in rows if row.version == installed.version.partition("+")[0]]
    assert verdict(row.licence).word in {"yes", "yes, see below"} or name == "opensmile"
    said = installed.metadata.get("License-Expression")
    if said and name not in READ_BY_HAND:
        assert said == row.licence


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_the_licence_of_a_tool_of_the_tests_is_known(name):
    assert name in dependencies.direct() or verdict(dependencies.TOOLS[name]).word.startswith("yes")


def test_the_sbom_leads_from_the_project_to_what_it_names(sbom):
    root = sbom["metadata"]["component"]
    assert (sbom["bomFormat"], root["name"]) == ("CycloneDX", PROJECT["name"])
    [first] = [d for d in sbom["dependencies"] if d["ref"] == root["bom-ref"]]
    names = {found["bom-ref"]: normal(found["name"]) for found in sbom["components"]}
    assert {names[ref] for ref in first["dependsOn"]} == {*PINNED, *EXTRAS}


@pytest.mark.parametrize(
    ("licences", "licence"),
    [
        ([{"license": {"id": "MIT"}}], "MIT"),
        ([{"expression": "MIT AND PSF-2.0"}], "MIT AND PSF-2.0"),
        ([{"license": {"name": f"{OSI} :: Apache Software License"}}], "Apache-2.0"),
        (
            [{"license": {"id": "BSD-3-Clause"}}, {"license": {"name": f"{OSI} :: BSD License"}}],
            "BSD-3-Clause",
        ),
    ],
)
def test_metadata_of_any_kind_is_read(licences, licence):
    assert licence_of({"name": "some-package", "licenses": licences}) == licence
    assert verdict(licence).word == "yes"


@pytest.mark.parametrize(
    "licences",
    [
        [],
        [{"license": {"name": f"{OSI} :: BSD License"}}],
        [{"license": {"id": "MIT"}}, {"license": {"id": "GPL-3.0-only"}}],
    ],
)
def test_what_metadata_do_not_settle_must_be_read(licences):
    with pytest.raises(ValueError, match=r"some-package: its metadata says .*; read its licence"):
        licence_of({"name": "some-package", "licenses": licences})


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "AGPL-3.0-only AND MIT", "MIT OR GPL-2.0", ""])
def test_a_licence_that_nobody_has_looked_at_is_refused(licence):
    with pytest.raises(ValueError, match="nobody has looked at"):
        verdict(licence)


def test_an_environment_that_cannot_be_read_is_told_of_whatever_was_said(monkeypatch):
    for said, told in (("", "it said nothing"), ("a trace\nno such file\n", "no such file")):
        done = subprocess.CompletedProcess([], 1, "", said)
        monkeypatch.setattr(subprocess, "run", lambda *_, done=done, **__: done)
        with pytest.raises(InputError, match=f"could not read it: {told}$"):
            dependencies.bill_of(Path("python"))


def test_an_unknown_package_is_told_with_the_remedy(sbom):
    stranger = {"name": "stranger", "version": "1", "licenses": []}
    with pytest.raises(InputError, match=r"stranger.*not in requirements-extras.lock"):
        dependencies.rows({**sbom, "components": [*sbom["components"], stranger]})

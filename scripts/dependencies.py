"""Writes docs/dependencies.md, every dependency with its licence, from the lock and the SBOM.

    python scripts/dependencies.py                            the page, from what is in docs already
    python scripts/dependencies.py --environment ENV/bin/python     first the SBOM of an environment

The environment holds requirements-extras.lock; what else is in it is left out. The second form
needs cyclonedx-bom (`pip install cyclonedx-bom`). A licence that nobody has looked at ends it with
exit status 2; scripts/licences.py is where what was found goes.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graph_er.errors import InputError
from graph_er.running.cli import run_command
from graph_er.running.files import atomic_path
from scripts.licences import CONDITIONAL, RESTRICTED, licence_of, normal, verdict

ROOT = Path(__file__).resolve().parents[1]
LOCK, SBOM = ROOT / "requirements-extras.lock", ROOT / "docs" / "sbom.json"
PAGE, TEMPLATE = ROOT / "docs" / "dependencies.md", ROOT / "scripts" / "dependencies.md.jinja"
# Packages of the lock that other systems or Pythons install, so that the SBOM may lack them: read
# in the packages' licence files.
ELSEWHERE = {
    "audioop-lts": "PSF-2.0",
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "standard-aifc": "PSF-2.0",
    "standard-chunk": "PSF-2.0",
    "standard-sunau": "PSF-2.0",
}
# Of the tests, and no part of what is installed to use this project.
TOOLS = {
    "coverage": "Apache-2.0",
    "hypothesis": "MPL-2.0",
    "mypy": "MIT",
    "pandas-stubs": "BSD-3-Clause",
    "playwright": "Apache-2.0",
    "pytest": "MIT",
    "pytest-xdist": "MIT",
    "ruff": "MIT",
    "scipy-stubs": "BSD-3-Clause",
    "setuptools": "MIT",
    "types-openpyxl": "Apache-2.0",
    "types-tqdm": "Apache-2.0",
    "wheel": "MIT",
}


@dataclass(frozen=True)
class Row:
    """A package of the table; `needed` says what asks for it, `where` on which machines."""

    name: str
    version: str
    licence: str
    needed: str
    where: str

    @property
    def compatible(self) -> str:
        """Whether its licence goes with Apache-2.0."""
        return verdict(self.licence).word


def requirements(path: Path) -> list[Requirement]:
    """Return what a requirements or lock file asks for; hashes are left out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[A-Za-z0-9]", line)]


def pins(path: Path) -> dict[str, set[str]]:
    """Return the versions of a requirements or lock file by normal name, one or one per Python."""
    found: dict[str, set[str]] = {}
    for requirement in requirements(path):
        found.setdefault(normal(requirement.name), set()).add(version_of(requirement))
    return found


def version_of(requirement: Requirement) -> str:
    """Return the version of an exact pin."""
    return str(requirement.specifier).removeprefix("==")


def direct() -> dict[str, str]:
    """Return what this project itself asks for, by name, and where: ``always`` or the extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = dict.fromkeys(pins(ROOT / "requirements.txt"), "always")
    for extra, wanted in project["optional-dependencies"].items():
        named |= {normal(Requirement(text).name): f"extra `{extra}`" for text in wanted}
    return named


def rows(sbom: Mapping[str, Any]) -> list[Row]:
    """Return the table of all that is in the lock.

    Raises:
        InputError: lock and SBOM differ, or a licence is not settled.
    """
    components = {normal(found["name"]): found for found in sbom["components"]}
    locked, asked, table = pins(LOCK), direct(), []
    for name, found in components.items():
        if found["version"] not in locked.get(name, ()):
            raise InputError(f"{SBOM}: {name} {found['version']} is not in {LOCK.name}; {_AGAIN}")
    for requirement in requirements(LOCK):
        name = normal(requirement.name)
        if name not in components and name not in ELSEWHERE:
            raise InputError(f"{SBOM}: {name} of {LOCK.name} is not in it; {_AGAIN}")
        try:
            licence = ELSEWHERE.get(name) or licence_of(components[name])
            verdict(licence)
        except ValueError as error:
            raise InputError(f"{requirement}: {error}") from error
        needed, where = asked.get(name, "indirectly"), _where(str(requirement.marker or ""))
        table.append(Row(name, version_of(requirement), licence, needed, where))
    return table


_AGAIN = "make the SBOM again, see --help"


def _where(marker: str) -> str:
    """Return a marker in words: systems and Python versions."""
    systems = re.findall(r"sys_platform == '(\w+)'", marker)
    pythons = re.findall(r"python_full_version (\S+ '[\d.]+')", marker)
    words = [*systems, *(f"Python {text}".replace("'", "") for text in pythons)]
    return ", ".join(words) or "everywhere"


def render(table: Sequence[Row], tools: Mapping[str, str]) -> str:
    """Return the page."""
    from jinja2 import Environment, StrictUndefined

    text = TEMPLATE.read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False)
    asked = {part for row in table for part in verdict(row.licence).asked}
    bound = {part: [r.name for r in table if part in r.licence.split(" AND ")] for part in asked}
    reasons = {name: why for name, why in (CONDITIONAL | RESTRICTED).items() if name in asked}
    return environment.from_string(text).render(
        rows=table,
        tools=[Row(n, version, tools[n], "", "") for n, version in wanted_tools().items()],
        reasons=reasons,
        bound=bound,
    )


def wanted_tools() -> dict[str, str]:
    """Return what tests/requirements.txt pins beyond what the project itself uses."""
    named = pins(ROOT / "tests" / "requirements.txt")
    return {name: version for name, (version,) in named.items() if name not in direct()}


def bill_of(environment: Path) -> dict[str, Any]:
    """Return the CycloneDX document of an environment, of this project's dependencies alone.

    Raises:
        InputError: cyclonedx-bom is not installed or refuses the environment.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "sbom.json"
        options = ("--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--sv", "1.6")
        command = (sys.executable, "-m", "cyclonedx_py", "environment", *options, "-o", out)
        done = subprocess.run(
            [*map(str, command), str(environment)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            *_, last = ["it said nothing", *done.stderr.strip().splitlines()]
            raise InputError(f"{environment}: cyclonedx-bom 7 could not read it: {last}")
        bill = json.loads(out.read_text(encoding="utf-8"))
    # Installers and tools are no dependencies; cyclonedx-py reads the project's static ones alone.
    locked = pins(LOCK)
    bill["components"] = [c for c in bill["components"] if normal(c["name"]) in locked]
    left = {found["bom-ref"]: normal(found["name"]) for found in bill["components"]}
    root = bill["metadata"]["component"]["bom-ref"]
    bill["dependencies"] = [
        d | {"dependsOn": [ref for ref in d["dependsOn"] if ref in left]} if "dependsOn" in d else d
        for d in bill["dependencies"]
        if d["ref"] in left
    ]
    asked = sorted(ref for ref, name in left.items() if name in direct())
    bill["dependencies"].append({"ref": root, "dependsOn": asked})
    return bill


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environment", type=Path, metavar="PYTHON", help="make the SBOM of it")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Write the SBOM, if asked for, and the page."""
    arguments = build_parser().parse_args(argv)
    if arguments.environment is not None:
        bill = json.dumps(bill_of(arguments.environment), indent=1, sort_keys=True)
        with atomic_path(SBOM) as path:
            path.write_text(bill + "\n", encoding="utf-8")
    table = rows(json.loads(SBOM.read_text(encoding="utf-8")))
    if unknown := sorted(wanted_tools().keys() - TOOLS.keys()):
        raise InputError(f"tests/requirements.txt: licences of {unknown} are not in {__file__}")
    with atomic_path(PAGE) as path:
        path.write_text(render(table, TOOLS), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_command(main))

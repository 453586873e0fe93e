"""Which licences go with Apache-2.0, and what packages say whose metadata is vague or wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# SPDX identifiers. All ask for a notice at most, whoever uses the package and for whatever.
PERMISSIVE = frozenset(
    {
        *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause"),
        *("BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0"),
        *("Python-2.0", "Zlib"),
    }
)
# What is asked for beyond a notice, and why it is met here.
CONDITIONAL = {
    "MPL-2.0": "Copyleft by file: changed files of the package itself must stay open. None is "
    "changed or passed on here; pip fetches the package as its authors made it.",
    "LGPL-2.1-or-later": "A library that users must be able to replace. It is installed beside "
    "this project as a package of its own, and any other version can be put in its place.",
    "LicenseRef-NVIDIA-Proprietary": "Not free software: NVIDIA's terms for its CUDA libraries, on "
    "Linux only. They allow use and, within limits, passing on as part of an application. Nothing "
    "of them is in this project; PyTorch's wheel asks pip for them, its CPU wheel does not.",
}
# Not to be used by everybody, so never among what is installed by default.
RESTRICTED = {
    "LicenseRef-audEERING-Research": "audEERING's research licence: no commercial use without a "
    "contract with audEERING. Its metadata says MIT as well; the licence file decides.",
}

CLASSIFIERS = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
# They settle nothing by themselves; what stands beside them does.
VAGUE = frozenset(
    {"License :: OSI Approved :: BSD License", "License :: Other/Proprietary License"}
)
# Read in the packages' own licence files: metadata says nothing, "BSD" alone, a choice or the wrong
# thing. Of a choice it is the side that is taken here.
READ_BY_HAND = {
    "aiohappyeyeballs": "PSF-2.0",
    "asttokens": "Apache-2.0",
    "contourpy": "BSD-3-Clause",
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",  # names other packages, has no files itself
    "cycler": "BSD-3-Clause",
    "dulwich": "Apache-2.0",
    "jinja2": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "mpmath": "BSD-3-Clause",
    "numba": "BSD-2-Clause",
    **dict.fromkeys(
        (
            *("nvidia-cuda-cupti", "nvidia-cuda-nvrtc", "nvidia-cufft", "nvidia-cufile"),
            *("nvidia-curand", "nvidia-cusolver", "nvidia-cusparse", "nvidia-cusparselt-cu13"),
        ),
        "LicenseRef-NVIDIA-Proprietary",
    ),
    "nvidia-nvtx": "Apache-2.0",
    "opensmile": "LicenseRef-audEERING-Research",
    "orjson": "MPL-2.0 AND Apache-2.0",
    "packaging": "Apache-2.0",
    "scipy": "BSD-3-Clause",
    "semantic-version": "BSD-2-Clause",
    "simplejson": "MIT",
    "soundfile": "BSD-3-Clause AND LGPL-2.1-or-later",  # libsndfile is in the wheel
    "sympy": "BSD-3-Clause",
    "transformers": "Apache-2.0",
}


@dataclass(frozen=True)
class Verdict:
    """Whether a licence goes with Apache-2.0: a word for the table and what is asked for."""

    word: str
    asked: tuple[str, ...] = ()


def normal(name: str) -> str:
    """Return a package's name as indexes write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(component: dict[str, Any]) -> str:
    """Return the licence of a CycloneDX component as SPDX identifiers joined by AND.

    Raises:
        ValueError: the metadata does not settle it; somebody has to read the licence.
    """
    name = normal(component["name"])
    if name in READ_BY_HAND:
        return READ_BY_HAND[name]
    said = set()
    for entry in component.get("licenses", ()):
        found = entry.get("license", {})
        words = entry.get("expression") or found.get("id") or found["name"]
        said.add(CLASSIFIERS.get(words, words))
    said -= VAGUE
    if len(said) != 1:
        raise ValueError(f"{name}: its metadata says {sorted(said) or 'nothing'}; read its licence")
    return said.pop()


def verdict(licence: str) -> Verdict:
    """Judge SPDX identifiers joined by AND.

    Raises:
        ValueError: an identifier that nobody has looked at yet.
    """
    parts = licence.split(" AND ")
    known = PERMISSIVE | CONDITIONAL.keys() | RESTRICTED.keys()
    if unknown := [part for part in parts if part not in known]:
        raise ValueError(f"nobody has looked at {unknown} yet; see scripts/licences.py")
    asked = tuple(part for part in parts if part not in PERMISSIVE)
    if any(part in RESTRICTED for part in asked):
        return Verdict("**no**", asked)
    return Verdict("yes, see below" if asked else "yes", asked)

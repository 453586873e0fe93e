"""Where default files lie: in the checkout when run from one, else in the working directory."""

from __future__ import annotations

from pathlib import Path


def project_root() -> Path:
    """Return the folder that default paths such as ``data/`` and ``model_checkpoints/`` refer to.

    In a checkout that is its top folder, whatever the working directory; an installed package
    has no such folder beside it and uses the working directory.
    """
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()

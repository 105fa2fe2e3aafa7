"""The packages that decide what a trial gives."""

from __future__ import annotations

import sys
from importlib import metadata

PACKAGES = ("unitwise", "tensorflow", "keras", "keras-tuner", "numpy")


def versions() -> dict[str, str]:
    """Of Python and the packages that decide what a trial gives."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found

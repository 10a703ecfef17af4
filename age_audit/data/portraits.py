"""Two real faces that ship inside packages everybody here has; none of them is part of this project."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from age_audit.core.errors import UsageError


@dataclass(frozen=True)
class Portrait:
    """A portrait inside an installed package, and what is documented of it; what is not stays empty."""

    fname: str
    package: str
    path: str
    title: str
    age: str
    gender: str


PORTRAITS = (
    # scikit-image says who it is, not when it was taken.
    Portrait("astronaut.png", "skimage", "data/astronaut.png", "Eileen Collins", "", "Female"),
    # Born 9 December 1906; the portrait is dated 20 January 1984 (US Department of Defense, DN-SC-84-05971).
    Portrait("grace_hopper.jpg", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "Grace Hopper", "77", "Female"),
)


def portrait_path(portrait: Portrait) -> Path:
    """Where a portrait lies inside its package."""
    spec = importlib.util.find_spec(portrait.package)
    path = Path(next(iter(spec.submodule_search_locations))) / portrait.path if spec else None
    if path is None or not path.is_file():
        raise UsageError(
            f"expected {portrait.path} inside the package {portrait.package}, found none; run `make setup`"
        )
    return path

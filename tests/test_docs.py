"""Every name and path of the package that the documentation mentions exists."""

import importlib
import re
from importlib.util import find_spec

import pytest

from age_audit.core.paths import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
NAME = re.compile(r"\bage_audit(?:\.\w+)+")
PATH = re.compile(r"\bage_audit(?:/[\w.]+)*/?")


def resolves(name):
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            if find_spec(".".join(parts[:end])) is None:
                continue
        except ModuleNotFoundError:  # a part before the last is no package
            continue
        thing = importlib.import_module(".".join(parts[:end])) if end < len(parts) else None
        for part in parts[end:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False


def test_resolves():
    assert resolves("age_audit.stats") and resolves("age_audit.stats.resampling.Estimates")
    assert not resolves("age_audit.statistics") and not resolves("age_audit.stats.resampling.Nothing")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_of_the_package_exist(page):
    assert [name for name in sorted(set(NAME.findall(page.read_text()))) if not resolves(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_of_the_package_exist(page):
    assert [
        path for path in sorted(set(PATH.findall(page.read_text()))) if not (ROOT / path.rstrip(".")).exists()
    ] == []


def test_the_architecture_page_names_every_room():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [path.parent.name for path in (ROOT / "age_audit").glob("*/__init__.py")]
    assert rooms
    assert [room for room in rooms if not re.search(rf"\b{room}\b", page)] == []

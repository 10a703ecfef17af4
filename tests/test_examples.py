"""Every public function and class of the rooms that others call has an example in its docstring; pytest runs them."""

import ast
import doctest
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = [f"age_audit/{room}" for room in ("stats", "audit", "regions", "faces", "explain", "estimators")]
MEASURED = ("quality.py", "fingerprints.py", "skin_tone.py")  # of faces


def public(tree):
    """Functions and classes of a module that a reader may call; what merely holds or describes needs no example."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            described = [ast.unparse(part) for part in (*node.decorator_list, *getattr(node, "bases", ()))]
            if not any(part.startswith("dataclass") or part in ("Protocol", "Exception") for part in described):
                yield node


def without_example(text):
    parser = doctest.DocTestParser()
    nodes = public(ast.parse(text))
    return [node.name for node in nodes if not parser.get_examples(ast.get_docstring(node) or "")]


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_public_lacks_an_example(room):
    modules = sorted((ROOT / room).rglob("*.py"))
    if room == "age_audit/faces":  # the others of it need a photo, or a model
        modules = [path for path in modules if path.name in MEASURED]
    assert modules
    lacking = [f"{path.relative_to(ROOT)}: {name}" for path in modules for name in without_example(path.read_text())]
    assert not lacking


def test_pytest_runs_the_examples_of_all_rooms():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["testpaths"] == ["tests", "age_audit"]  # of the other rooms too, where they have some
    assert "--doctest-modules" in options["addopts"]


def test_a_function_without_one_would_be_named():
    text = '''
def silent():
    """Says nothing."""

def shown():
    """
    >>> shown()
    """

class Shown:
    """
    >>> Shown()
    """

class Silent:
    pass

@dataclass(frozen=True)
class Record:
    """Needs none."""

def _own(): ...
'''
    assert without_example(text) == ["silent", "Silent"]

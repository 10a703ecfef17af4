"""The hash of an estimator of one's own covers whatever changes its answers, as far as that can be known."""

import json
import os
import subprocess
import sys

import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators.sources import (
    absolute_name,
    check_same,
    estimator_identity,
    files_of,
    importing,
    local_modules,
)

FILES = {
    "own_ages.py": "import json, numpy, age_audit.core.errors\nfrom own_kit import tools\n"
    "def years(faces):\n    import own_late\n    return own_late.YEARS\n",
    "own_late.py": "YEARS = 1\n",
    "own_kit/__init__.py": "from .deep.inner import DEPTH\n",
    "own_kit/tools.py": "from . import more\ndef never():\n    from .. import nothing_above\n",
    "own_kit/more.py": "x = 1\n",
    "own_kit/unused.py": "x = 1\n",
    "own_kit/deep/__init__.py": "",
    "own_kit/deep/inner.py": "import own_ages, own_kit\nDEPTH = 2\n",  # in a circle
    "own_other.py": "x = 1\n",
}
USED = ["own_ages", "own_kit", "own_kit.deep", "own_kit.deep.inner", "own_kit.more", "own_kit.tools", "own_late"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder, where they stand."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def test_local_modules_are_those_that_it_imports_anywhere(folder):
    found = local_modules("own_ages")
    assert sorted(found) == USED
    assert found["own_kit.deep"] == folder / "own_kit/deep/__init__.py"
    assert not [name for name in sys.modules if name.startswith("own_")]  # none of them was run


@pytest.mark.parametrize("place", ["site-packages", "pip-target"])
def test_installed_modules_are_not_local_but_the_functions_own_package_is(folder, monkeypatch, place):
    installed = folder / place
    for name, text in {
        "own_lib/__init__.py": "",
        "own_lib/core.py": "from own_lib import part",
        "own_lib/part.py": "",
    }.items():
        (installed / name).parent.mkdir(parents=True, exist_ok=True)
        (installed / name).write_text(text)
    (installed / "own_lib-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(installed)
    (folder / "own_other.py").write_text("import own_lib.core\n")
    assert sorted(local_modules("own_other")) == ["own_other"]
    assert sorted(local_modules("own_lib.core")) == ["own_lib", "own_lib.core", "own_lib.part"]


@pytest.mark.parametrize("name", ["no_such_module_at_all", "", "own_kit.absent", "own_late.absent", "sys"])
def test_what_is_no_file_has_none(folder, name):
    assert local_modules(name) == {}
    assert files_of(f"{name}:f") == {}


@pytest.mark.parametrize("text", ["def broken(:", "x = '\0'"])
def test_a_module_that_python_cannot_read_is_known_all_the_same(folder, text):
    (folder / "own_other.py").write_text(text)
    assert list(local_modules("own_other")) == ["own_other"]


@pytest.mark.parametrize("changed", ["own_ages.py", "own_late.py", "own_kit/deep/inner.py", "weights.npz", "mine.json"])
def test_the_hash_changes_with_each_of_them(folder, changed):
    description = {"model": "own_ages:years", "files": ["weights.npz"]}
    (folder / "weights.npz").write_bytes(b"1")
    (folder / "mine.json").write_text(json.dumps(description))
    before = estimator_identity("mine.json")
    assert estimator_identity(str(folder / "mine.json")) == before  # wherever one stands
    with (folder / changed).open("a") as stream:
        stream.write("\n")
    assert estimator_identity("mine.json")["weights_hash"] != before["weights_hash"]


def test_the_hash_stays_when_another_file_changes(folder):
    before = estimator_identity("own_ages:years")
    (folder / "own_other.py").write_text("x = 2\n")
    (folder / "own_kit/unused.py").write_text("x = 2\n")
    assert estimator_identity("own_ages:years") == before


def test_contents_that_change_places_are_others(folder):
    before = estimator_identity("own_ages:years")
    one, other = (folder / "own_late.py"), (folder / "own_kit/more.py")
    first, second = one.read_text(), other.read_text()
    one.write_text(second)
    other.write_text(first)
    assert estimator_identity("own_ages:years") != before


def test_a_declared_file_must_be_there(folder):
    (folder / "mine.json").write_text(json.dumps({"model": "own_ages:years", "files": ["absent.npz"]}))
    with pytest.raises(UsageError, match=r"expected the estimator's file absent\.npz; reading it failed: No such file"):
        estimator_identity("mine.json")


def test_plain_ages_are_told_from_what_they_were_when_they_were_clipped(folder):
    (folder / "mine.json").write_text(json.dumps({"model": "own_ages:years", "output": "ages"}))
    assert estimator_identity("mine.json")["output"] == "ages"
    assert "output" not in estimator_identity("own_ages:years")


class TestCheckSame:
    def test_another_file(self, folder):
        expected = estimator_identity("own_ages:years")["weights_hash"]
        check_same("own_ages:years", expected)
        (folder / "own_late.py").write_text("YEARS = 2\n")
        with pytest.raises(
            UsageError, match=r"expected the estimator own_ages:years to be the one .* sha256:\w+; .* has"
        ):
            check_same("own_ages:years", expected)

    @pytest.mark.parametrize(
        ("name", "absent"),
        [
            ("own_absent:f", "the module own_absent; put"),
            ("absent.json", "a file of it .*No such file.*'absent.json'"),
            ("absent.onnx", "a file of it .*absent.onnx; reading it failed: No such file"),
            ("described.json", "the module own_absent; put the same file there"),
        ],
    )
    def test_a_worker_that_lacks_it(self, folder, name, absent):
        (folder / "described.json").write_text('{"model": "own_absent:f"}')
        with pytest.raises(UsageError, match=f"to have the estimator {name} that .*, it lacks {absent}"):
            check_same(name, "sha256:00")


def test_absolute_name_of_files_alone(folder):
    assert absolute_name("sub/mine.JSON") == str(folder / "sub/mine.JSON")
    assert absolute_name("net.onnx") == str(folder / "net.onnx")
    assert absolute_name("own_ages:years") == "own_ages:years"
    assert absolute_name("dex-wrn") == "dex-wrn"


class TestImporting:
    def test_a_module_that_changed_since_it_was_loaded_is_refused(self, folder):
        for _ in range(2):
            with importing("own_ages"):
                import own_ages  # noqa: F401
        (folder / "own_late.py").write_text("YEARS = 2\n")
        with (
            pytest.raises(UsageError, match=r"own_late\.py to be as this process loaded it, it changed since; restart"),
            importing("own_ages"),
        ):
            pytest.fail("ran on")

    def test_an_edit_of_the_same_size_within_a_second_is_seen(self, folder):
        """Python itself would take the compiled file of what was there before."""
        script = (
            "from age_audit.estimators.custom import load_custom; print(load_custom('own_edit:years')._function(0))"
        )
        told, environment = [], {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        for years in (30, 40):
            (folder / "own_edit.py").write_text(f"def years(faces): return {years}\n")
            os.utime(folder / "own_edit.py", (10**9, 10**9))
            command = [sys.executable, "-c", script]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            told.append(done.stdout.strip())
            assert list((folder / "__pycache__").glob("own_edit.*.pyc"))
        assert told == ["30", "40"]

    def test_what_comes_with_python_keeps_its_compiled_files(self):
        import importlib.util
        from pathlib import Path

        compiled = Path(importlib.util.cache_from_source(json.decoder.__file__))
        there = compiled.is_file()
        with importing("json"):
            pass
        assert compiled.is_file() == there

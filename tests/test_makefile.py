"""``make setup``, its own recipe, with a Python that notes what it is asked for in place of the long installs."""

import os
import shutil
import subprocess

import pytest

from age_audit.core.paths import ROOT

REQUIREMENTS = ("requirements.txt", "requirements.lock", "requirements-models.txt")
PYTHON = """#!/bin/bash
echo "$*" >> "$NOTED"
if [ "$1 $2" = "-m venv" ]; then mkdir -p "${@: -1}/bin" && cp "$0" "${@: -1}/bin/python"; fi
if [[ "$*" == *"$FAILS_AT"* ]]; then exit 1; fi
"""


@pytest.fixture
def setup(tmp_path):
    """Runs ``make setup`` in a folder of its own; what is in its ``.venv`` afterwards is told by name."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in REQUIREMENTS:
        (tmp_path / name).touch()
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)

    def run(fails_at="nowhere"):
        options = {"NOTED": str(tmp_path / "noted"), "FAILS_AT": fails_at}
        told = subprocess.run(
            ["make", "setup", f"PYTHON={python}"],
            cwd=tmp_path,
            env=os.environ | options,
            capture_output=True,
            text=True,
        )
        return told.returncode, told.stdout

    run.folder = tmp_path / ".venv"
    return run


def renew_requirements(folder):
    """Make them newer than any stamp, as a fresh clone does."""
    for name in REQUIREMENTS:
        os.utime(folder.parent / name, (2**32, 2**32))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_set_up_is_done_once(setup):
    code, said = setup()
    assert code == 0 and "making .venv" in said
    assert names(setup.folder) == ["bin", "installed"]
    (setup.folder.parent / "noted").unlink()
    assert setup()[0] == 0 and not (setup.folder.parent / "noted").exists()


def test_what_a_link_points_to_is_left_alone(setup, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").touch()
    setup.folder.symlink_to(other)
    code, said = setup()
    assert code != 0 and f"expected .venv to be a folder, it is a link to {other}; remove it" in said
    assert names(other) == ["precious"] and "venv" not in (tmp_path / "noted").read_text()


@pytest.mark.parametrize("stamp", [True, False], ids=["made by make", "made by hand"])
def test_an_environment_that_is_there_is_updated_in_place(setup, stamp):
    if stamp:
        assert setup()[0] == 0
    setup.folder.mkdir(exist_ok=True)
    (setup.folder / "precious").touch()
    renew_requirements(setup.folder)
    assert setup(fails_at="-r requirements.txt")[0] != 0  # interrupted
    code, said = setup()
    assert code == 0 and "updating .venv" in said
    assert names(setup.folder) == ["bin", "installed", "precious"]


@pytest.mark.parametrize("fails_at", ["-m venv", "pip==24.0", "-r requirements.txt", "--editable ."])
def test_an_interrupted_first_set_up_starts_anew(setup, fails_at):
    assert setup(fails_at)[0] != 0
    (setup.folder / "half-installed").touch()
    code, said = setup()
    assert code == 0 and "making .venv" in said
    assert names(setup.folder) == ["bin", "installed"]

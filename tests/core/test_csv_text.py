"""Text stays text in CSV, for spreadsheets and for programs."""

import csv
import io

import pandas as pd
import pytest

from age_audit.core.csv_text import csv_text, read_csv

FORMULAS = ["=cmd|' /C calc'!A0", "@SUM(A1)", "+3", "-x", "\t=1", " =1", "'=1", "'-"]
PLAIN = ["http://x.org", 'a "b", c', "'quoted'", "中", "1 - 2", "0–12"]
TABLE = pd.DataFrame({"=group": [*FORMULAS, *PLAIN], "gap": [-0.5, *[0.25] * 13], "n": [-1, *range(13)]})


@pytest.mark.parametrize("kind", [object, "category", "string"])
def test_no_cell_begins_as_a_formula_and_numbers_stay_numbers(kind):
    head, *rows = csv.reader(io.StringIO(csv_text(TABLE.astype({"=group": kind}))))
    assert head == ["'=group", "gap", "n"]
    assert [row[0] for row in rows] == [*(f"'{text}" for text in FORMULAS), *PLAIN]
    assert [row[1:] for row in rows][:2] == [["-0.5", "-1"], ["0.25", "0"]]


def test_what_was_written_is_read_back(tmp_path):
    (tmp_path / "table.csv").write_text(csv_text(TABLE))
    pd.testing.assert_frame_equal(read_csv(tmp_path / "table.csv"), TABLE, check_dtype=False)


def test_six_digits_and_nothing_where_there_is_no_number():
    table = pd.DataFrame({"age_range": ["0–12", None], "p_value": [1 / 3, float("nan")], "n": [1200, 0]})
    assert csv_text(table) == "age_range,p_value,n\n0–12,0.333333,1200\n,,0\n"
    assert csv_text(table, "%.4f").splitlines()[1] == "0–12,0.3333,1200"

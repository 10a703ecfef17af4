"""Text stays text in every format."""

import io
import shutil

import openpyxl
import pandas as pd
import pytest

from age_audit.report.formats import escaped, latex_label, workbook_bytes
from age_audit.report.latex import block_table, number, text

HOSTILE = [
    "=1+1",
    "@SUM(A1)",
    "+3",
    "-x",
    "http://x.org",
    r"\input{secret}",
    "50 % & $x_1$ #~^",
    'a "b" <c> |d|',
    "中",
    "é",
    "[x]",
    "*",
]
GROUPS = pd.DataFrame({"group": HOSTILE, "p_value": [-0.5, *[0.25] * 11]})


def test_workbooks_hold_no_formula_no_link_and_no_number_made_of_text():
    for captions in (None, {"groups": "=2+2"}):
        book = openpyxl.load_workbook(io.BytesIO(workbook_bytes({"groups": GROUPS}, captions)))
        cells = [cell for row in book["groups"].iter_rows() for cell in row if cell.value is not None]
        assert [cell.value for cell in cells if cell.column == 1][-len(HOSTILE) :] == HOSTILE
        assert not any(cell.hyperlink for cell in cells)
        assert {cell.data_type for cell in cells if cell.column == 1} == {"s"}


def test_a_workbook_lists_its_tables_with_captions_and_units():
    tables = {"errors": pd.DataFrame({"n": [3], "mean_absolute_error": [9.5], "p_holm": [0.025]}), "x" * 40: GROUPS}
    content = workbook_bytes(tables, {"errors": "Errors.", "x" * 40: "Groups."})
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["contents", "errors", "x" * 31]
    assert list(book["contents"].values) == [
        ("sheet", "table", "caption", "rows", "units"),
        ("errors", "errors", "Errors.", 1, "n: faces; mean_absolute_error: years; p_holm: 0–1"),
        ("x" * 31, "x" * 40, "Groups.", 12, "p_value: 0–1"),
    ]
    assert list(book["errors"].values) == [
        ("Errors.", None, None),
        (None, None, None),
        ("n", "mean_absolute_error", "p_holm"),
        (3, 9.5, 0.025),
    ]
    assert book["errors"].column_dimensions["C"].number_format == "0.0000"
    assert book.properties.created.year == 2000
    assert content == workbook_bytes(tables, {"errors": "Errors.", "x" * 40: "Groups."})


def test_sheets_of_long_names_stay_apart():
    tables = {f"{'a' * 31}{i}": GROUPS for i in range(2)} | {"Contents": GROUPS, "a/b": GROUPS}
    names = openpyxl.load_workbook(io.BytesIO(workbook_bytes(tables, dict.fromkeys(tables, "")))).sheetnames
    assert names == ["contents", "a" * 31, f"{'a' * 29}~2", "Contents~2", "a_b"]


def test_latex_by_hand():
    assert escaped(r"50 % of \input{a_b}, ε ≤ 2") == (r"50 \% of \textbackslash{}input\{a\_b\}, $\varepsilon$ $\le$ 2")
    assert escaped("0–12 × “é”\n中") == r"0--12 $\times$ ``é'' {[}U+4E2D{]}"
    assert latex_label(r"tab:x_{\a} 1.5") == "tab:x-a-1.5"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_hostile_groups_and_every_sign_compile(latex_problems, tmp_path):
    signs = "− ± × · ≤ ≥ ≈ ² ³ ° → Δ Σ α δ ε σ χ – — “ ” ‘ ’ … ł ñ Ž"
    columns = [("Group", text("group")), ("$x$", number("p_value", 2))]
    table = block_table(GROUPS, f"{signs} {HOSTILE}", latex_label("tab:x_\\"), columns, texts=1, blocks=None)
    assert latex_problems(table, tmp_path) == []

"""Figures and tables as saving."""

import io
import math

import numpy as np
import openpyxl
import pandas as pd
import pytest
from PIL import Image

from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.report import saving
from age_audit.report.saving import Saver, with_few_colours

TABLE = pd.DataFrame({"age_range": ["0–12", "13–18"], "p_value": [1 / 3, math.nan], "n": [1200, 0]})


def a_figure():
    with style.applied():
        figure = style.new_figure(2, 1)
        figure.subplots().plot([0, 1], [1, 0])
    return figure


def test_a_table_is_written_as_csv_and_latex(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path / "figures", tmp_path / "tables")
    assert saver.table(TABLE, "errors", "Errors & more") is TABLE
    folder = tmp_path / "tables" / "a_notebook"
    assert (folder / "faces_dex_errors.csv").read_text() == "age_range,p_value,n\n0–12,0.333333,1200\n13–18,,0\n"
    latex = (folder / "faces_dex_errors.tex").read_text()
    assert r"\caption{Errors \& more}" in latex
    assert "age range & p value & n" in latex
    assert "0–12 & 0.333 & 1200" in latex
    assert "13–18 & -- & 0" in latex
    assert saver.saved["errors"] is TABLE


def test_long_tables_go_over_pages():
    long = pd.DataFrame({"x": range(saving.LONG + 1)})
    assert r"\begin{longtable}" in saving.latex_text(long, "Long", "tab:long")
    assert r"\begin{longtable}" not in saving.latex_text(long[:-1], "Short", "tab:short")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1.00"),
        (12.345, "12.3"),
        (1234.56, "1235"),
        (100.0, "100"),
        (0.01234, "0.0123"),
        (-0.5, "-0.500"),
        (1e-9, "1.00e-09"),
        (2.5e7, "2.50e+07"),
    ],
)
def test_latex_numbers_have_three_digits(value, text):
    assert saving._latex_number(value) == text


def test_a_figure_becomes_png_and_pdf_and_is_shown(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    shown = saver.figure(a_figure(), "figure_1")
    assert (tmp_path / "a_notebook" / "faces_dex_figure_1.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a_notebook" / "faces_dex_figure_1.pdf").read_bytes().startswith(b"%PDF")
    assert shown.data.startswith(b"\x89PNG")


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_equal_figures_have_equal_bytes(form, monkeypatch):
    first = style.figure_bytes(a_figure(), form)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert style.figure_bytes(a_figure(), form) == first
    assert b"Matplotlib" not in first


def test_no_name_is_taken_twice(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    saver.figure(a_figure(), "one")
    with pytest.raises(UsageError, match="'one' twice"):
        saver.table(TABLE, "one", "")


def test_a_workbook_reads_back_and_has_no_day(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    path = saver.workbook({"errors": TABLE, "again": TABLE}, "book")
    read = pd.read_excel(path, sheet_name=None)
    assert list(read) == ["errors", "again"]
    pd.testing.assert_frame_equal(read["errors"], TABLE)
    assert path.read_bytes() == saving.workbook_bytes({"errors": TABLE, "again": TABLE})
    assert openpyxl.load_workbook(io.BytesIO(path.read_bytes())).properties.created.year == 2000


def test_fewer_colours_and_hardly_another_picture():
    ramp = np.zeros((16, 256, 3), np.uint8)
    ramp[..., 0] = np.arange(256)
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "png")
    content = with_few_colours(stream.getvalue(), 64)
    shown = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 64
    assert np.abs(shown.astype(int) - ramp).max() <= 8
    assert content == with_few_colours(stream.getvalue(), 64)

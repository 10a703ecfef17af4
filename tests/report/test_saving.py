"""Figures and tables as saving."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit.core.csv_text import csv_text
from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.report.saving import Saver, for_notebook

TABLE = pd.DataFrame({"age_range": ["0–12", "13–18"], "p_value": [1 / 3, math.nan], "n": [1200, 0]})


def a_figure(title=""):
    with style.applied():
        figure = style.new_figure(3, 2)
        figure.suptitle(title)
        figure.subplots().plot([0, 1], [1, 0])
    return figure


def test_a_table_is_written_as_csv_and_where_it_has_a_layout_as_latex(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path / "figures", tmp_path / "tables")
    pd.testing.assert_frame_equal(written := saver.table(TABLE, "errors", "Errors & more"), TABLE)
    saver.table(TABLE, "laid out", "Errors & more", lambda table, caption, label: f"{len(table)} {caption} {label}")
    folder = tmp_path / "tables" / "a_notebook"
    assert (folder / "faces_dex_errors.csv").read_text() == csv_text(TABLE)
    assert [path.name for path in folder.glob("*.tex")] == ["faces_dex_laid_out.tex"]
    assert (folder / "faces_dex_laid_out.tex").read_text() == "2 Errors & more tab:faces-dex-laid-out"
    assert saver.saved["errors"] is written and saver.captions["errors"] == "Errors & more"


def test_tables_call_what_groups_are_compared_by_as_readers_do(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    table = pd.DataFrame({"race_real": ["Asian"], "gender_real": ["Male"], "age_real": [3], "skin_tone": ["dark"]})
    assert list(saver.table(table, "faces", "Faces.")) == ["race", "gender", "age_real", "skin_tone"]


def test_a_figure_becomes_png_and_pdf_and_is_shown_with_its_texts(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    shown = saver.figure(a_figure("Errors fall\nby ½"), "figure_1", "Errors (n = 3).", "A line that falls.")
    with Image.open(tmp_path / "a_notebook" / "faces_dex_figure_1.png") as picture:
        assert picture.text == {"Title": "Errors fall by ½", "Description": "Errors (n = 3). A line that falls."}
    assert (tmp_path / "a_notebook" / "faces_dex_figure_1.pdf").read_bytes().startswith(b"%PDF")
    assert shown.png.startswith(b"\x89PNG") and shown.caption == "Errors (n = 3)."
    assert shown.alt == "Errors fall by ½. A line that falls."  # what the figure finds is a picture too


@pytest.mark.parametrize(("caption", "alt"), [("", "A line."), ("Errors.", " ")])
def test_a_figure_without_words_is_refused(tmp_path, caption, alt):
    with pytest.raises(UsageError, match="expected a caption and an alternative text of the figure one"):
        Saver("a_notebook", "faces_dex", tmp_path, tmp_path).figure(a_figure(), "one", caption, alt)


def test_overlapping_texts_are_told_and_stop_nothing(tmp_path):
    figure = a_figure("Errors")
    figure.text(0.5, 0.5, "one")
    figure.text(0.5, 0.5, "another")
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    with pytest.warns(UserWarning, match="texts of the figure one overlap: “one” and another"):
        saver.figure(figure, "one", "Errors.", "A line.")


def test_at_its_end_there_are_a_workbook_and_a_list_of_figures(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path / "figures", tmp_path / "tables")
    saver.table(TABLE, "errors", "Errors of two age ranges.")
    saver.figure(a_figure("Errors fall"), "one", "Errors of <b> (n = 3).", "A line from [x](y) to $2 falls.")
    saver.finish()
    read = pd.read_excel(saver.tables / "faces_dex_tables.xlsx", sheet_name=None)
    assert list(read) == ["contents", "errors"]
    assert read["contents"]["caption"].tolist() == ["Errors of two age ranges."]
    assert (saver.figures / "faces_dex_figures.md").read_text(encoding="utf-8") == (
        "## faces_dex_one\n**Errors fall**\n\nErrors of \\<b\\> (n = 3).\n\n"
        "In words: A line from \\[x\\](y) to \\$2 falls.\n"
    )


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_equal_figures_have_equal_bytes(form, monkeypatch):
    first = style.figure_bytes(a_figure(), form)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert style.figure_bytes(a_figure(), form) == first
    assert b"Matplotlib" not in first


def test_what_is_read_from_a_file_leads_to_no_other_folder(tmp_path):
    saver = Saver("a_notebook", "faces_../../mine:predict", tmp_path / "figures", tmp_path / "tables")
    saver.table(TABLE, "errors", "Errors.")
    assert [path.name for path in saver.tables.iterdir()] == ["faces_.._.._mine_predict_errors.csv"]


def test_no_name_is_taken_twice(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    saver.figure(a_figure(), "one", "Errors.", "A line.")
    with pytest.raises(UsageError, match="'one' twice"):
        saver.table(TABLE, "one", "")


def test_a_workbook_of_chosen_sheets_holds_nothing_else(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    path = saver.workbook({"errors": TABLE, "again": TABLE}, "book")
    read = pd.read_excel(path, sheet_name=None)
    assert list(read) == ["errors", "again"]
    pd.testing.assert_frame_equal(read["errors"], TABLE)


def test_fewer_colours_and_pixels_and_hardly_another_picture():
    ramp = np.zeros((20, 260, 3), np.uint8)
    ramp[..., 0] = np.arange(260).clip(max=255)
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "png")
    ramp = np.asarray(Image.fromarray(ramp).resize((156, 12), Image.Resampling.LANCZOS))  # 120 of 200 an inch
    content = for_notebook(stream.getvalue(), 64)
    shown = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 64
    assert np.abs(shown.astype(int) - ramp).max() <= 8
    assert content == for_notebook(stream.getvalue(), 64)

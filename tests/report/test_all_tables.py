"""The list and the workbook of all tables."""

import pandas as pd
from openpyxl import load_workbook

from age_audit.core.paths import ROOT
from age_audit.report.all_tables import ALL_TABLES, one_workbook, table_list
from age_audit.report.formats import CONTENTS
from age_audit.report.saving import Saver


def test_the_list_of_tables_names_each_once_with_caption_and_runs(tmp_path):
    for run in ("faces_dex", "faces_own"):
        saver = Saver("one", run, tmp_path / "figures", tmp_path / "tables")
        saver.table(pd.DataFrame({"n": range(1200)}), "errors_by_skin tone", "Errors | more.")
        saver.table(pd.DataFrame({"n": [1]}), "errors", f"Errors of {run}.")
        if run == "faces_dex":  # of another run perhaps only tables were kept
            saver.finish()
    (tmp_path / "tables" / "one" / "older.csv").write_text("n\n1\n")
    (tmp_path / "tables" / "one" / "earlier_run_errors.csv").write_text("n\n2\n")  # sorts first, and has no caption
    assert table_list(tmp_path / "tables").splitlines()[4:] == [
        *("## one", "", "| table | rows | holds | runs |", "|---|---|---|---|"),
        "| `errors` | 1 | Errors of faces_dex. | faces_dex, earlier_run, faces_own |",
        "| `errors_by_skin tone` | 1,200 | Errors \\| more. | faces_dex, faces_own |",
        "| `older` |  |  | older |",
    ]


def test_one_workbook_holds_the_tables_of_all_notebooks(tmp_path):
    for notebook, values in (("one", [1.5, None]), ("two", [2.5, 3.5])):
        saver = Saver(notebook, "faces_dex", tmp_path / "figures", tmp_path / "tables")
        saver.table(pd.DataFrame({"value": values}), "errors", f"Errors of {notebook}.")
        saver.table(pd.DataFrame({"group": ["=1+1"]}), f"only in {notebook}", "Groups.")
        saver.finish()
    content = one_workbook(tmp_path / "tables")
    assert content == one_workbook(tmp_path / "tables")
    (tmp_path / "all.xlsx").write_bytes(content)
    sheets = pd.read_excel(tmp_path / "all.xlsx", sheet_name=None, header=None)
    contents = sheets.pop("contents")
    assert contents[1].tolist() == ["table", "errors", "only in one", "errors (two, faces_dex)", "only in two"]
    assert contents[2].tolist()[1:3] == ["Errors of one. Notebook: one.", "Groups. Notebook: one."]
    first, groups, second, _ = sheets.values()
    assert first[0].tolist()[3] == 1.5 and second[0].tolist()[3:] == [2.5, 3.5]
    assert groups[0].tolist()[3] == "=1+1"


def test_a_run_without_a_workbook_is_in_the_one_of_all(tmp_path):
    saver = Saver("one", "faces_dex", tmp_path / "figures", tmp_path / "tables")
    saver.table(pd.DataFrame({"n": [1]}), "errors", "Errors of dex.")
    saver.finish()
    (tmp_path / "tables/one/a_run_errors.csv").write_text("n\n2\n")
    (tmp_path / "tables/one/older.csv").write_text("n\n3\n")
    (tmp_path / "all.xlsx").write_bytes(one_workbook(tmp_path / "tables"))
    sheets = pd.read_excel(tmp_path / "all.xlsx", sheet_name=None, header=None)
    contents = sheets.pop("contents")
    assert contents[1].tolist() == ["table", "errors", "errors (one, a_run)", "older"]
    assert contents[2].tolist()[1:] == [
        "Errors of dex. Notebook: one.",
        "Of a_run. As for faces_dex: Errors of dex. Notebook: one.",
        "Of older. Notebook: one.",
    ]
    assert [sheet[0].tolist()[3] for sheet in sheets.values()] == [1, 2, 3]


def test_the_workbook_that_ships_holds_every_table_that_ships():
    files = sorted((ROOT / "tables").glob("*/*.csv"))
    contents = load_workbook(ROOT / "tables" / ALL_TABLES, read_only=True)[CONTENTS]
    rows = sorted(row[3] for row in contents.iter_rows(min_row=2, values_only=True))
    assert len(files) > 180
    assert rows == sorted(len(pd.read_csv(path)) for path in files)

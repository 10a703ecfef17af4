"""All notebooks executed from the shipped metadatasets, as ``make paper`` does, and compared with what is committed."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from PIL import Image

from age_audit.core.paths import ROOT
from age_audit.core.vocabulary import HALVES
from age_audit.figures import style
from age_audit.regions.boxes import BOX_REGIONS
from age_audit.regions.polygons import REGION_NAMES
from age_audit.report.all_tables import ALL_TABLES, one_workbook, table_list
from age_audit.report.notebooks import (
    MAX_BYTES,
    NOTEBOOKS,
    PARAMETERS,
    execute_notebooks,
)
from age_audit.study.appendix_b import SEGMENTS

NAMES = (
    "age_classifier",
    "analysis_age_estimations_accuracy_and_differences",
    "analysis_image_segment_activations",
    "analysis_pearson_correlations",
    "analysis_statistical_significance",
    "audit_dataset",
    "audit_explanations",
    "audit_gate",
    "audit_gender_regions",
    "compare_estimators",
)
OF_THE_STUDY = [name for name in NAMES if name.startswith("analysis_")]
TABLES = sorted(
    path.relative_to(ROOT / "tables")
    for prefix in ("utkface_dex-wrn", "utkface_age-classifier")
    for path in (ROOT / "tables").rglob(f"{prefix}_*.csv")
)
# Machines add in other orders, and CSV keeps six digits; a seed's draws are the same everywhere.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """Folder with figures/, tables/ and notebooks/ made anew."""
    folder = tmp_path_factory.mktemp("paper")
    places = {"FIGURES": str(folder / "figures"), "TABLES": str(folder / "tables")}
    execute_notebooks(NAMES, folder / "notebooks", places)
    return folder


@pytest.fixture(scope="module")
def few_faces(tmp_path_factory):
    """The errors notebook on 39 made-up faces, six of whose ages are ranges, nobody explained, by three features."""
    folder = tmp_path_factory.mktemp("few")
    groups = {"race_real": ["Native Hawaiian or Other Pacific Islander", "Asian"], "glasses?": ["no", "yes"]}
    groups |= {"camera": ["A", "B"], "gender_real": [None]}
    labels, ages = {}, {}
    for i in range(39):
        age = 20 + i % 40
        label = {"age_real": age} if i > 5 else {"age_real": None, "age_real_low": 20, "age_real_high": 29}
        names = {
            feature: values[i // (1 + place) % len(values)] for place, (feature, values) in enumerate(groups.items())
        }
        labels[f"{i}.jpg"], ages[f"{i}.jpg"] = label | names, age + (25.5 if i % 2 else 1.5) + i % 3
    document = {"predictions": ages, "labels": labels}
    (folder / "metadataset_mine_predictions.json").write_text(json.dumps(document))
    given = {"DATASET": "mine", "ESTIMATOR": "somebody", "SENSITIVE": ["race", "glasses?", "camera"]}
    given |= {"METADATASETS": str(folder), "FIGURES": str(folder / "figures"), "TABLES": str(folder / "tables")}
    execute_notebooks(OF_THE_STUDY[:1], folder, given)
    return cells_of(folder / f"{OF_THE_STUDY[0]}.ipynb")


@pytest.mark.long
def test_captions_say_what_is_drawn_of_few_faces(few_faces):
    outputs = [output for cell in few_faces for output in cell.get("outputs", ())]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    shown = [output.data.get("text/html", "") for output in outputs if "data" in output]
    alts = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    text = re.sub(r"\s+", " ", " ".join([*shown, *alts]))
    assert "age of 33 faces (6 without an exact age are left out)" in text and "Line: median" not in text
    assert "Black outline" not in text and "An age that is a range is spread over its years." in text
    assert text.count("Drawn by race and glasses?; in the tables only: camera.") == 3
    assert "each glasses?" not in text and "of each group by glasses?" in text
    (differences,) = (html for html in shown if "Cliff" in html)
    cells = [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in differences.splitlines() if "<tr>" in row]
    assert cells[0][:5] == ["age (years)", "group", "n", "other", "n of the other"] and cells[0][-1] == "few faces"
    assert len(cells) > 1 and all(row[2].isdigit() and row[4].isdigit() and row[-1] == "yes" for row in cells[1:])


def few_pictures(folder, count, genders, copies=2):
    """Made-up pictures with their estimates, and what the notebook of the data set is given to read them."""
    rng = np.random.default_rng(5)
    measures = ("variance", "unique_colours", "entropy", "luminance", "laplacian_variance", "fft_blur")
    rows = [
        {"fname": f"{i}.jpg", "age_real": 20 + i % 7, "gender_real": genders[i % 2], "race_real": None}
        | {"width": 90, "height": 90, "mode": "L", "format": "PNG", "orientation": None, "grey": True, "brisque": None}
        | {"pixels": f"{i // copies}", "cluster": i // copies, "reason": None}
        | dict.fromkeys(("yaw", "pitch", "roll", "individual_typology_angle", "skin_lightness", "eye_distance"))
        | dict(zip(measures, rng.random(6), strict=True))
        for i in range(count)
    ]
    labels = {row["fname"]: {name: row[name] for name in ("age_real", "gender_real", "race_real")} for row in rows}
    ages = {fname: label["age_real"] + rng.normal(0, 5) for fname, label in labels.items()}
    (folder / "metadataset_mine_images.json").write_text(json.dumps(rows))
    (folder / "metadataset_mine_predictions.json").write_text(json.dumps({"predictions": ages, "labels": labels}))
    given = {"DATASET": "mine", "ESTIMATOR": "somebody", "DRAWS": 99, "METADATASETS": str(folder)}
    return rows, given | {"FIGURES": str(folder / "figures"), "TABLES": str(folder / "tables")}


@pytest.mark.long
@pytest.mark.parametrize("genders", [("Male", "Female"), (None, None)])
def test_the_data_sets_notebook_on_few_pictures_of_which_no_face_was_measured(genders, tmp_path):
    """39 made-up pictures, each twice but the last; nobody measured BRISQUE, pose or skin, and there is no race."""
    _, given = few_pictures(tmp_path, 39, genders)
    execute_notebooks(["audit_dataset"], tmp_path, given)
    outputs = [output for cell in cells_of(tmp_path / "audit_dataset.ipynb") for output in cell.get("outputs", ())]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    shown = [output.data.get("text/plain", "") for output in outputs if "data" in output]
    alts = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    text = " ".join([*shown, *alts])
    assert "What we found\nNothing that rests on enough faces" in text
    assert not re.search(r"\bnan\b", text) and "real age (95 %" not in text and "Caucasian" not in text
    drawn = {path.stem.removeprefix("mine_somebody_") for path in (tmp_path / "figures").rglob("*.png")}
    assert {"ages", "along_quality", "under_noise"} <= drawn and "skin_tone" not in drawn
    claims = pd.read_csv(tmp_path / "tables" / "audit_dataset" / "mine_somebody_claims.csv")["claim"]
    assert claims.str.contains("of 39 pictures have a copy").any() and not claims.str.contains("BRISQUE").any()
    assert not claims.str.contains("other estimators|unlabelled|nan").any()


@pytest.mark.long
def test_the_data_sets_notebook_has_a_sentence_where_five_pictures_fill_no_table(tmp_path):
    rows, given = few_pictures(tmp_path, 5, ("Male", "Female"), copies=1)
    twin = rows[0] | {"age_real": 85, "cluster": None, "reason": "read/duplicate-name"}  # another file of that name
    (tmp_path / "metadataset_mine_images.json").write_text(json.dumps([rows[0], twin, *rows[1:]]))
    cell = {"age_from": 0, "age_to": None, "gender_real": "Male", "images": 3, "share": 1.0, "expected": 1.0}
    (tmp_path / "metadataset_mine_population.json").write_text(json.dumps([cell | {"few_faces": True}]))
    execute_notebooks(["audit_dataset"], tmp_path, given)
    outputs = [output for cell in cells_of(tmp_path / "audit_dataset.ipynb") for output in cell.get("outputs", ())]
    text = "\n".join(output["data"].get("text/plain", "") for output in outputs if "data" in output)
    assert "Empty DataFrame" not in text
    for sentence in (
        "too few for one to be that far out",
        "to have a darkest hundredth",
        "No two copies have",
        "overlaps",
    ):
        assert sentence in text, sentence
    tables = tmp_path / "tables" / "audit_dataset"
    heaps = pd.read_csv(tables / "mine_somebody_heaping.csv").set_index(["gender", "measure"])
    assert heaps.loc[("all", "myers"), "n"] == 5 and heaps.loc[("all", "whipple_old"), "n"] == 0
    reasons = pd.read_csv(tables / "mine_somebody_usable.csv").set_index("reason")["images"]
    assert reasons["used"] == 5 and reasons.drop("used").sum() == 1
    assert pd.read_csv(tables / "mine_somebody_population.csv")["images"].tolist() == [3]


def cells_of(path):
    import nbformat  # here: every test process collects, and this takes a second

    return nbformat.read(path, as_version=4).cells


def test_there_are_these_notebooks():
    assert tuple(sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))) == NAMES


@pytest.mark.long
def test_every_table_is_made_and_no_other(paper):
    assert sorted(path.relative_to(paper / "tables") for path in (paper / "tables").rglob("*.csv")) == TABLES


@pytest.mark.long
@pytest.mark.parametrize("table", TABLES, ids=str)
def test_tables_are_those_committed(paper, table):
    stored, made = (pd.read_csv(folder / table) for folder in (ROOT / "tables", paper / "tables"))
    assert list(made) == list(stored)
    for column in stored:
        if pd.api.types.is_numeric_dtype(stored[column]) and not pd.api.types.is_bool_dtype(stored[column]):
            np.testing.assert_allclose(made[column], stored[column], **TOLERANCE, err_msg=column)
        elif column not in ("claim",):  # sentences round numbers that may differ in the sixth digit
            assert made[column].astype(str).tolist() == stored[column].astype(str).tolist(), column


@pytest.mark.long
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_every_table_for_latex_compiles_and_fits_on_the_page(paper, latex_problems, tmp_path):
    tables = sorted((paper / "tables").rglob("*.tex"))
    assert len(tables) >= len(NAMES)  # claims, and what Appendix A prints
    found = {path.name: latex_problems(path.read_text(encoding="utf-8"), tmp_path) for path in tables}
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_run_warns_of_nothing_such_as_texts_that_overlap(paper, name):
    outputs = [output for cell in cells_of(paper / "notebooks" / f"{name}.ipynb") for output in cell.get("outputs", ())]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_stands_on_top_in_five_sentences_of_the_claims(paper, name):
    code = [cell for cell in cells_of(paper / "notebooks" / f"{name}.ipynb") if cell.cell_type == "code"]
    (found,) = (output.data for cell in code[:3] for output in cell.outputs if "What we found" in str(output))
    (path,) = (paper / "tables" / name).glob("*_claims.csv")
    title, *sentences, origin = found["text/plain"].splitlines()
    assert title == "What we found" and len(sentences) == 5
    assert origin.startswith("UTKFace's labels were estimated with DEX")
    assert set(sentences) <= set(pd.read_csv(path)["claim"])


def test_the_list_of_tables_is_complete():
    listed = (ROOT / "tables" / "README.md").read_text(encoding="utf-8")
    assert listed == table_list(ROOT / "tables")
    assert (ROOT / "tables" / ALL_TABLES).read_bytes() == one_workbook(ROOT / "tables")
    rows = [line.split(" | ") for line in listed.splitlines() if line.startswith("| `")]
    assert sum(len(row[-1].split(", ")) for row in rows) == len(list((ROOT / "tables").rglob("*.csv")))
    assert all(caption.strip() for _, _, caption, _ in rows)


@pytest.mark.parametrize("table", sorted((ROOT / "tables").rglob("*.csv")), ids=lambda path: path.stem)
def test_tables_call_one_thing_by_one_name(table):
    """Race, not race_real; estimates (accurate or not), not half; segment (one of five) or region (one of 13)."""
    frame = pd.read_csv(table)
    assert not {"race_real", "gender_real", "half", "part"} & set(frame)
    if "estimates" in frame:
        assert set(frame["estimates"]) <= {"all", *HALVES}
    if "segment" in frame:
        assert set(frame["segment"].dropna()) <= {"all", *SEGMENTS}
    if "region" in frame:
        assert set(frame["region"].dropna()) <= {"all", *REGION_NAMES, *BOX_REGIONS}


@pytest.mark.long
def test_workbooks_hold_what_is_committed(paper):
    books = sorted((ROOT / "tables").glob("*/*.xlsx"))
    assert books
    for stored in books:
        made = paper / "tables" / stored.relative_to(ROOT / "tables")
        first, second = (openpyxl.load_workbook(io.BytesIO(path.read_bytes())) for path in (stored, made))
        assert first.sheetnames == second.sheetnames
        for name in first.sheetnames:
            for cells in zip(first[name].values, second[name].values, strict=True):
                for one, other in zip(*cells, strict=True):
                    assert one == (pytest.approx(other, rel=1e-4, abs=1e-6) if isinstance(one, float) else other)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_there_in_both_forms(paper, name):
    pictures, documents = ({path.stem for path in (paper / "figures" / name).glob(form)} for form in ("*.png", "*.pdf"))
    saved = sum(cell.source.count("saver.figure(") for cell in cells_of(NOTEBOOKS / f"{name}.ipynb"))
    assert pictures == documents
    assert len(pictures) >= saved > 0  # in a loop one call saves several
    assert not any(path.name.startswith("analysis_") for path in (paper / "figures").glob("*.png"))


@pytest.mark.long
def test_figures_are_as_wide_as_a_page_or_a_column_and_no_taller_than_a_page(paper):
    pictures = sorted((paper / "figures").rglob("*.png"))
    assert len(pictures) > 20
    for picture in pictures:
        with Image.open(picture) as opened:
            width, height = (side / style.DPI for side in opened.size)
        assert width in (style.FULL, style.COLUMN) and height <= style.TALLEST, picture.name


@pytest.mark.parametrize("name", NAMES)
def test_committed_notebooks_are_executed_and_fit_for_code_hosts(name):
    path = NOTEBOOKS / f"{name}.ipynb"
    assert path.stat().st_size < MAX_BYTES
    cells = cells_of(path)
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert [line for line in printed.splitlines() if line.rstrip().endswith(":")] == []  # a question without its answer


@pytest.mark.parametrize("name", OF_THE_STUDY)  # the study had one estimator
def test_notebooks_say_what_is_asked_whose_study_it_is_and_repeat_it_at_the_end(name):
    cells = cells_of(NOTEBOOKS / f"{name}.ipynb")
    assert cells[0].cell_type == "markdown"
    assert "Stardust, Obeid, McKee and Angus" in cells[0].source
    assert any(cell.source.startswith("## Supplement: as published") for cell in cells)
    assert any("parameters" in cell.metadata.get("tags", []) for cell in cells[:4])
    assert {"ESTIMATOR", "PRESET", "DATASET"} <= set(
        re.findall(r"^([A-Z]+) = ", "\n".join(c.source for c in cells), re.M)
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_is_read_first_and_code_is_folded(name):
    title, found, parameters, *_ = cells = cells_of(NOTEBOOKS / f"{name}.ipynb")
    assert title.source.startswith("# ") and "show_found()" in found.source
    assert "What we found" in str(found.outputs) and PARAMETERS in parameters.metadata["tags"]
    for cell in cells:
        if cell.cell_type == "code":
            assert "hide-input" in cell.metadata["tags"] and cell.metadata["jupyter"]["source_hidden"], cell.source


@pytest.mark.parametrize("name", NAMES)
def test_prose_is_in_words_and_each_thing_has_one(name):
    """No names of variables; permuted, not shuffled; unadjusted, not crude; associated with, not going with."""
    cells = cells_of(NOTEBOOKS / f"{name}.ipynb")
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    prose = re.sub(r"\]\([^)]*\)|`(…_claims\.csv|dex-model-analysis)`", "", prose)
    parameters = re.findall(r"^([A-Z_]+) = ", cells[2].source, re.MULTILINE)
    assert len(parameters) > 5
    assert not re.search(rf"`|\w_\w|\b({'|'.join(parameters)})\b", prose)
    outputs = [output for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    shown = [output.data.get("text/html", "") for output in outputs]  # captions, tables, claims
    shown += [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.data]
    assert not re.search(r"shuffl|\bcrude\b|\b(go(es)?|went) with\b", "\n".join([prose, *shown]), re.IGNORECASE)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_there_is_not_counted_as_beyond_chance(name):
    """``~between`` is true of NaN; count_beyond leaves it out."""
    code = "\n".join(cell.source for cell in cells_of(NOTEBOOKS / f"{name}.ipynb") if cell.cell_type == "code")
    assert not re.search(r"~[\w.\[\]\"]+\.between\(", code)


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_hold_no_place_of_this_machine(name):
    text = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    text = re.sub(r'"image/png": "[^"]*"', "", text)
    assert str(Path.home()) not in text
    assert not re.search(r"(?<![\w./])/(?:tmp|home|root|work|var|usr)/", text)


@pytest.mark.long
def test_every_claim_points_at_its_number(paper):
    """The table, the row and the column that a claim names hold the number that it says."""
    seen = 0
    for path in sorted((paper / "tables").rglob("*_claims.csv")):
        for claim in pd.read_csv(path).itertuples():
            table = pd.read_csv(path.parent / claim.table, dtype=str, keep_default_na=False)
            chosen = table
            for condition in filter(None, str(claim.row).split("; ") if claim.row == claim.row else []):
                name, value = condition.split(" = ", 1)
                chosen = chosen[[_same(cell, value) for cell in chosen[name]]]
            assert len(chosen) == 1, claim
            assert _same(chosen[claim.column].iloc[0], claim.value), claim
            seen += 1
    assert seen >= 3 * len(NAMES)


def _same(cell, value) -> bool:
    """Equal as text, or as numbers of six digits; an empty cell is NaN."""
    if str(cell) == str(value):
        return True
    try:
        return bool(np.isclose(float(cell or "nan"), float(value), rtol=1e-4, equal_nan=True))
    except ValueError:
        return False

"""Nine made-up groups and own age ranges through all three stages, figures and notebooks."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import analysis_1_method
import analysis_2_evaluate
import analysis_3_filter_visualise
from age_audit.core.vocabulary import RACES
from age_audit.data.metadatasets import read_metadataset
from age_audit.report.notebooks import all_notebooks, execute_notebooks
from age_audit.store.ledger import Ledger

TONES = [f"tone {number}" for number in range(2, 11)]  # "tone 10" comes last only if numbers are read as such
RANGES = ["0–12", "13–17", "18–34", "35–100"]
# Of one estimator nothing is to be compared, this one answers no gender, and was explained in one preset; pictures are
# measured, and a gate is judged, by a command of their own; classifiers of age groups are trained.
OF_OTHER_RESULTS = {
    *("age_classifier", "audit_dataset", "audit_explanations", "audit_gate", "audit_gender_regions"),
    "compare_estimators",
}
COMPARE = ("--sensitive", "skin tone,camera", "--age-ranges", "0-12,13-17,18-34,35-100")


@pytest.fixture(scope="module")
def faces(tmp_path_factory, astronaut_head, hopper_head):
    """36 pictures of the two portraits in other light and framing, with a CSV of labels that nobody gave them."""
    folder = tmp_path_factory.mktemp("faces")
    (folder / "images").mkdir()
    hopper = np.array(Image.fromarray(hopper_head).resize((200, 200)))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["fname", "age", "skin tone", "camera"])
        for i in range(36):
            face = (astronaut_head, hopper)[i % 2]
            face = face[:, ::-1] if i % 4 > 1 else face
            light = np.clip(face * (0.7 + 0.05 * (i // 4 % 9)), 0, 255).astype(np.uint8)
            Image.fromarray(light).save(folder / "images" / f"{i:02d}.png")
            # Each tone at each age range, about half of the ages near what the estimator says.
            age = [8, 15, (30, 20)[i % 2], (95, 62)[i % 2]][i // 9 % 4]
            writer.writerow([f"{i:02d}.png", age, TONES[i % 9], "AB"[i // 9 % 2] if i else ""])
    return folder


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    """All stages in both presets, of preset audit each tone twice; the folder of what they wrote."""
    folder = tmp_path_factory.mktemp("run")
    for preset, samples, meta, limit in (("published", "20", "meta", "36"), ("audit", "64", "meta/audit", "18")):
        common = ["--output", str(folder / "out"), "--metadatasets", str(folder / meta), "--dataset", "mine"]
        common += ["--preset", preset, "--samples", samples]
        first = ["--images", str(faces / "images"), "--labels", str(faces / "labels.csv"), *COMPARE, "--limit", limit]
        assert analysis_1_method.main([*common, *first, "--estimator", "cydral-resnet10"]) == 0
        assert analysis_2_evaluate.main(common) == 0
    return folder


@pytest.mark.long
def test_stages_keep_every_column(run):
    predictions = read_metadataset(run / "meta", "mine", "predictions")
    assert predictions["labels"]["01.png"] == {
        **{"age_real": 8, "gender_real": None, "race_real": None, "skin tone": "tone 3", "camera": "A"}
    }
    assert set(predictions["failures"]) == {"overall", "by_skin tone", "by_camera", "by_age_range"}
    assert set(predictions["failures"]["by_skin tone"]) == set(TONES)
    assert set(predictions["failures"]["by_age_range"]) == {"0-12", "13-17", "18-34", "35-100"}
    rows = read_metadataset(run / "meta", "mine", "activations")
    assert len(rows) == 36 and rows[1]["skin tone"] == "tone 3" and rows[0]["camera"] is None
    with Ledger(run / "out", create=False) as ledger:
        assert ledger.images()["01.png"].label.features == {"skin tone": "tone 3", "camera": "A"}


@pytest.mark.long
def test_stage_3_figures_and_notebooks_compare_these_groups(run, capsys):
    figures = run / "figures"
    options = ["--metadatasets", str(run / "meta"), "--dataset", "mine", "--figures", str(figures)]
    assert analysis_3_filter_visualise.main([*options, *COMPARE, "--paper"]) == 0
    said = capsys.readouterr().out
    assert "36 images read, 36 used" in said and "1 without a camera: not in the groups by camera" in said
    assert "By skin tone: 36 of 36 groups have fewer than 30 faces" in said
    table = pd.read_csv(figures / "mine_cydral-resnet10_published_errors_by_skin_tone.csv")
    assert list(dict.fromkeys(table["skin tone"])) == [*TONES, "all"]
    assert list(dict.fromkeys(table["age_range"])) == [*RANGES, "all"]
    for name in ("accuracy_by_skin_tone", "signed_error_by_skin_tone", "accuracy_by_camera"):
        assert (figures / f"mine_cydral-resnet10_published_{name}.png").is_file()

    with_tones = {}
    for path in (figures / "tables").rglob("*.csv"):
        table = pd.read_csv(path)
        assert "race" not in table and "race_real" not in table, path
        if "skin tone" in table:
            with_tones.setdefault(path.parent.name, []).append(path.name)
            assert set(table["skin tone"].dropna()) <= {*TONES, "all"}, path
            assert set(TONES) <= set(table["skin tone"]) or len(table) < 36, path
    assert set(with_tones) == {*all_notebooks()} - OF_OTHER_RESULTS
    for path in (figures / "notebooks").glob("*.ipynb"):
        shown = json.dumps([cell["outputs"] for cell in json.loads(path.read_text())["cells"] if "outputs" in cell])
        assert not any(race in shown for race in RACES if race != "Other"), path


@pytest.mark.long
def test_one_feature_alone_is_within_no_other(run, tmp_path):
    given = {"DATASET": "mine", "ESTIMATOR": "cydral-resnet10", "SENSITIVE": ["camera"], "RANGES": ["5-6", "40-40"]}
    places = {"METADATASETS": run / "meta", "FIGURES": tmp_path, "TABLES": tmp_path / "tables"}
    parameters = given | {name: str(path) for name, path in places.items()}
    notebook = "analysis_statistical_significance"
    execute_notebooks([notebook], tmp_path / "notebooks", parameters)
    claims = pd.read_csv(tmp_path / "tables" / notebook / "mine_cydral-resnet10_claims.csv")["claim"]
    assert not claims.str.contains("nan|0 of 0").any()


@pytest.mark.long
def test_another_labels_source_relabels_all_images_of_the_folder(faces, run, tmp_path, capsys):
    """A part of the images, with a corrected CSV: no image keeps what the old one said."""
    corrected = tmp_path / "labels.csv"
    corrected.write_text((faces / "labels.csv").read_text().replace("tone 3", "tone 33"), encoding="utf-8")
    arguments = ["--images", str(faces / "images"), "--output", str(run / "out"), "--dataset", "mine", "--limit", "2"]
    arguments += ["--metadatasets", str(tmp_path / "meta"), "--labels", str(corrected), "--steps", "estimate"]
    arguments += ["--estimator", "cydral-resnet10"]
    assert analysis_1_method.main(arguments) == 0
    labels = read_metadataset(tmp_path / "meta", "mine", "predictions")["labels"]
    assert len(labels) == 36 and sum(label["skin tone"] == "tone 33" for label in labels.values()) == 4
    assert analysis_1_method.main([*arguments, "--sensitive", "height"]) == 2
    assert "columns with labels of these images, camera, skin tone; got height" in capsys.readouterr().err

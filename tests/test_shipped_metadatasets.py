"""The results that ship: complete, as their index says, and in keeping with each other."""

import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest

from age_audit.cli import build_parser
from age_audit.core.config import Stage1Config, Stage2Config
from age_audit.core.masks import unpack_masks
from age_audit.core.vocabulary import AGE_RANGES, GENDERS, RACES
from age_audit.data.image_measures import OF_FACE, OF_PICTURE, images_of, read_image_measures
from age_audit.data.metadatasets import metadataset_path, opened
from age_audit.data.results import Results, find_results
from age_audit.pipeline.dataset import DatasetConfig
from age_audit.regions.boxes import BOX_REGIONS, annotate, landmark_boxes
from age_audit.regions.scores import score_regions
from tools import ship_metadatasets as shipping

INDEX = json.loads((shipping.FOLDER / "index.json").read_text(encoding="utf-8"))
pytestmark = pytest.mark.long

LABELS = ["fname", "age_real", "gender_real", "race_real"]
SETS = [pytest.param(entry, id=entry["folder"]) for entry in INDEX["results"]]
ESTIMATED = [pytest.param(entry, id=entry["folder"]) for entry in INDEX["results"] if entry["estimator"] is not None]
EXPLAINED = [
    pytest.param(entry, id=entry["folder"]) for entry in INDEX["results"] if entry["faces"]["with_activations"]
]
BOXED = [pytest.param(entry, id=entry["folder"]) for entry in INDEX["results"] if entry["faces"]["with_boxes"]]


def results_of(entry):
    return Results(shipping.FOLDER / entry["folder"], entry["dataset"], entry["estimator"], entry["preset"])


def test_the_index_is_that_of_the_files(capsys):
    assert shipping.main(["--check"]) == 0
    listed = sum(len(entry["files"]) for entry in INDEX["results"])
    assert listed == len(list(shipping.FOLDER.rglob("metadataset_*")))
    assert INDEX["total_bytes"] <= 60_000_000


def test_a_changed_file_is_noticed(tmp_path, monkeypatch, capsys):
    name = INDEX["results"][0]["folder"]
    for path in shipping.FOLDER.glob("*"):
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(shipping, "SETS", {name: shipping.SETS[name]})
    monkeypatch.setattr(shipping, "FOLDER", tmp_path)
    assert shipping.main([]) == 0
    predictions = tmp_path / "metadataset_utkface_predictions.json"
    predictions.write_bytes(predictions.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(SystemExit):
        shipping.main(["--check"])
    assert "its hash is another" in capsys.readouterr().err


def test_the_page_shows_the_index():
    assert shipping.table_of(INDEX) in (shipping.FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("entry", SETS)
def test_no_place_and_no_time_is_in_the_provenance(entry):
    for file in entry["files"]:
        if "provenance" in file["name"]:
            text = (shipping.FOLDER / entry["folder"] / file["name"]).read_text(encoding="utf-8")
            assert not re.search(r'"/|/home|/tmp|\b[0-9]{2}:[0-9]{2}\b|20[0-9]{2}-[0-9]{2}-', text)


@pytest.mark.parametrize("entry", ESTIMATED)
def test_every_image_is_accounted_for(entry):
    results, faces = results_of(entry), entry["faces"]
    estimated = results.predictions
    assert len(estimated) == faces["estimated"] == estimated["fname"].nunique()
    assert faces["estimated"] <= faces["images"] - faces["without_crop"]


def test_every_picture_is_measured_and_labelled_as_the_estimates_are():
    (entry,) = (entry for entry in INDEX["results"] if entry["estimator"] is None)
    folder = images_of(shipping.FOLDER, entry["dataset"])
    measures = read_image_measures(folder, entry["dataset"])
    assert folder == shipping.FOLDER / entry["folder"] and len(measures) == entry["faces"]["images"]
    asked = {*LABELS, "brisque", "luminance", "laplacian_variance", "individual_typology_angle", "cluster", "reason"}
    assert asked <= set(measures) <= {*LABELS, *OF_PICTURE, *OF_FACE, "cluster", "reason"}
    assert measures[["pixels", "brisque", "cluster"]].notna().all(axis=None)
    assert (measures["yaw"].isna() == (measures["reason"] == "face/no-face")).all()
    estimated = find_results(shipping.FOLDER, "dex-wrn", "published", entry["dataset"]).images
    pair = (frame[LABELS].astype(object).sort_values("fname", ignore_index=True) for frame in (measures, estimated))
    pd.testing.assert_frame_equal(*pair, check_dtype=False)


@pytest.mark.parametrize("entry", EXPLAINED)
def test_every_face_explained_is_one_estimated(entry):
    results, faces = results_of(entry), entry["faces"]
    estimated = results.predictions
    explained = results.masks["fname"].tolist()
    assert len(explained) == len(set(explained)) == faces["explained"]
    assert {row["fname"] for row in results.rows} <= set(explained) <= set(estimated["fname"])
    assert {row["fname"] for row in results.rows} == set(results.landmarks) & set(explained)


@pytest.mark.parametrize("entry", EXPLAINED)
def test_explained_faces_are_spread_over_all_groups(entry):
    frame = results_of(entry).activations
    sizes = frame.groupby(["race_real", "gender_real", "age_range"], observed=False).size()
    assert len(sizes) == len(RACES) * len(GENDERS) * len(AGE_RANGES)
    assert sizes.min() >= 1


@pytest.mark.parametrize("entry", EXPLAINED)
def test_activations_follow_from_masks_and_landmarks(entry):
    """Scores are computed anew of 12 faces: the four files of a set belong together."""
    results = results_of(entry)
    place = {fname: i for i, fname in enumerate(results.masks["fname"].tolist())}
    rows = results.rows[:: max(1, len(results.rows) // 12)]
    for row in rows:
        mask = unpack_masks(results.masks["positive"][[place[row["fname"]]]])[0]
        for name, score in score_regions(mask, results.landmarks[row["fname"]]).items():
            assert row[name] == pytest.approx(score, abs=1e-12), (row["fname"], name)


@pytest.mark.parametrize("entry", EXPLAINED)
def test_masks_have_the_values_of_their_preset(entry):
    masks = results_of(entry).masks
    positive, negative = masks["positive"][:200], masks["negative"][:200]
    assert not (positive & negative).any()
    if entry["preset"] == "published":
        assert ((positive | negative) == 255).all()  # the study knows no unsettled pixel
    else:
        assert np.bitwise_count(positive | negative).sum() < 200 * 224 * 224 * 0.9


@pytest.mark.parametrize("entry", EXPLAINED)
def test_activations_and_predictions_name_the_same_ages(entry):
    results = results_of(entry)
    ages = dict(zip(results.predictions["fname"], results.predictions["age_estimation"], strict=True))
    assert all(ages[row["fname"]] == row["age_estimation"] for row in results.rows)


@pytest.mark.parametrize("entry", BOXED)
def test_boxes_are_named_after_parts_by_the_landmarks(entry):
    """Named anew, all of them: boxes and landmarks belong together."""
    results, landmarks = results_of(entry), results_of(entry | {"folder": entry["folder"].split("/")[0]}).landmarks
    frame = results.boxes
    assert len(frame) == entry["faces"]["with_boxes"] == frame["fname"].nunique() > 0
    assert {"female": True, "expected-age": False}[results.boxed_target] == ("/" not in entry["folder"])
    rows = json.loads(opened_text(entry, "boxes"))
    for row in rows:
        parts = landmark_boxes(landmarks[row["fname"]])
        assert annotate(row["boxes"], parts) == row["boxes"], row["fname"]
        named = {box["label"] for box in row["boxes"]}
        assert all(row[f"active_{name}"] == (name in named) for name in BOX_REGIONS)
        assert all(
            0 <= box["min_x"] < box["max_x"] <= 224 and 0 <= box["min_y"] < box["max_y"] <= 224 for box in row["boxes"]
        )


def opened_text(entry, kind):
    with opened(metadataset_path(shipping.FOLDER / entry["folder"], entry["dataset"], kind)) as stream:
        return stream.read().decode()


@pytest.mark.parametrize("entry", SETS)
def test_the_commands_are_ones_that_the_scripts_take(entry):
    by_script = {"analysis_1_method.py": Stage1Config, "analysis_2_evaluate.py": Stage2Config, "dataset": DatasetConfig}
    folders = set()
    for command in entry["commands"]:
        interpreter, script, *options = shlex.split(command.replace("-m age_audit dataset", "dataset"))
        assert interpreter == "python"
        given = vars(build_parser(by_script[script], script, "").parse_args(options))
        folders.add(given["metadatasets"])
        if script == "analysis_2_evaluate.py":
            assert given["preset"] == entry["preset"]
        elif script == "analysis_1_method.py" and "explain" in str(given["steps"]):
            assert (given["estimator"], given["preset"]) == (entry["estimator"], entry["preset"])
    assert {str(folder).removeprefix("metadatasets").strip("/") or "." for folder in folders} == {entry["folder"]}

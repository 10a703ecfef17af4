"""Results found by what made them."""

import gzip
import json
import re

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.masks import pack_masks
from age_audit.data.metadatasets import names_array, provenance_path, write_metadataset
from age_audit.data.results import Results, boxed_results, find_results, open_results, results_of_all

REGIONS_ZERO = {"activation_nose_from_all": 0.0, "activation_nose_pct_of_feature": 0.25}


def write_set(folder, estimator="dex-wrn", preset="published", dataset="faces", labels=True):
    """Two estimated faces, of which one is explained."""
    provenance = {"dataset": dataset, "estimator": {"name": estimator}, "preset": preset}
    document = {"predictions": {"30_0_1_2017.jpg": 25.5, "b.jpg": 40.0}}
    if labels:
        document["labels"] = {"b.jpg": {"age_real": 41, "gender_real": "Female", "race_real": None}}
    row = {"fname": "b.jpg", "age_real": 41, "gender_real": "Female", "race_real": None, "age_estimation": 40.0}
    positive = pack_masks(np.arange(224 * 224).reshape(1, 224, 224) < 5)
    write_metadataset(folder, dataset, "predictions", document, provenance)
    write_metadataset(folder, dataset, "activations", [row | REGIONS_ZERO], provenance)
    write_metadataset(folder, dataset, "attachment", [{"fname": "b.jpg", "landmarks": [[1, 2]] * 68}], provenance)
    masks = {"fname": names_array(["b.jpg"]), "positive": positive, "negative": ~positive}
    write_metadataset(folder, dataset, "masks", masks, provenance)


def test_each_metadataset_is_read(tmp_path):
    write_set(tmp_path / "deep" / "er")
    results = find_results(tmp_path, "dex-wrn", "published", "faces")
    assert results.folder == tmp_path / "deep" / "er"
    assert results.provenance["preset"] == "published"
    estimated = results.predictions.set_index("fname")
    assert estimated.loc["b.jpg", "age_real"] == 41
    assert estimated.loc["b.jpg", "signed_error"] == -1
    assert estimated["race_real"].isna()["b.jpg"]
    assert results.rows[0]["age_estimation"] == 40.0
    assert list(results.activations["fname"]) == ["b.jpg"]
    assert results.masks["positive"][0, 0] == 0b11111000
    assert results.landmarks["b.jpg"].shape == (68, 2)


def test_labels_in_the_file_come_before_those_of_names(tmp_path):
    write_set(tmp_path)
    estimated = find_results(tmp_path, "dex-wrn", "published", "faces").predictions.set_index("fname")
    assert estimated.loc["30_0_1_2017.jpg", "age_real"] == 30  # not in the file: as its name says
    assert estimated.loc["30_0_1_2017.jpg", "race_real"] == "African"
    assert estimated.loc["b.jpg", "gender_real"] == "Female"


def test_published_predictions_without_labels_suffice(tmp_path):
    write_set(tmp_path, labels=False)
    estimated = find_results(tmp_path, "dex-wrn", "published", "faces").predictions.set_index("fname")
    assert estimated.loc["30_0_1_2017.jpg", "absolute_error"] == 4.5
    assert np.isnan(estimated.loc["b.jpg", "age_real"])


def test_presets_estimators_and_datasets_are_told_apart(tmp_path):
    write_set(tmp_path)
    write_set(tmp_path / "audit", preset="audit")
    write_set(tmp_path / "other", estimator="cydral-resnet10")
    write_set(tmp_path / "mine", dataset="mine")
    assert find_results(tmp_path, "dex-wrn", "audit", "faces").folder == tmp_path / "audit"
    assert find_results(tmp_path, "cydral-resnet10", "published", "faces").folder == tmp_path / "other"
    assert find_results(tmp_path, "dex-wrn", "published", "mine").folder == tmp_path / "mine"


def test_activations_with_labels_of_another_source_are_refused(tmp_path):
    write_set(tmp_path)
    sources = {"predictions": {"from": "new.csv", "sha256": "b"}, "activations": {"from": "old.csv", "sha256": "a"}}
    for kind, source in sources.items():
        path = tmp_path / f"metadataset_faces_{kind}.provenance.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": source}))
    with pytest.raises(UsageError, match=r"activations are from old\.csv .* predictions from new\.csv"):
        find_results(tmp_path, "dex-wrn", "published", "faces").activations  # noqa: B018 - read on first use
    renamed = sources["predictions"] | {"from": "new_copy.csv", "rows_without_image": 3}  # of the same contents
    path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": renamed}))
    assert len(find_results(tmp_path, "dex-wrn", "published", "faces").activations)
    path.write_text(json.dumps({name: v for name, v in json.loads(path.read_text()).items() if name != "labels"}))
    with pytest.raises(UsageError, match=r"activations are from an earlier run .* run analysis_2_evaluate\.py again"):
        find_results(tmp_path, "dex-wrn", "published", "faces").activations  # noqa: B018


def test_activations_by_another_preset_than_the_predictions_are_refused(tmp_path):
    write_set(tmp_path)
    path = tmp_path / "metadataset_faces_activations.provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"preset": "audit"}))
    with pytest.raises(
        UsageError, match="predictions by dex-wrn, preset published and activations by dex-wrn, preset au"
    ):
        find_results(tmp_path, "dex-wrn", "published", "faces").activations  # noqa: B018 - read on first use


def test_missing_results_name_what_is_there(tmp_path):
    with pytest.raises(UsageError, match=r"or below, found none at all; name a folder that holds some, or run stage 1"):
        find_results(tmp_path, "dex-wrn", "published", "faces")
    write_set(tmp_path)
    with pytest.raises(
        UsageError, match=r"expected results of dex-wrn, preset audit.*found: dex-wrn, published, faces"
    ):
        find_results(tmp_path, "dex-wrn", "audit", "faces")


def test_two_sets_alike_are_refused(tmp_path):
    write_set(tmp_path / "one")
    write_set(tmp_path / "two")
    with pytest.raises(UsageError, match=r"one and .*two"):
        find_results(tmp_path, "dex-wrn", "published", "faces")


def test_results_that_lie_less_deep_come_first(tmp_path):
    write_set(tmp_path / "without-alignment")
    write_set(tmp_path)
    assert find_results(tmp_path, "dex-wrn", "published", "faces").folder == tmp_path


def test_a_damaged_provenance_is_passed_over(tmp_path):
    write_set(tmp_path / "good")
    (tmp_path / "metadataset_faces_predictions.provenance.json").write_text("[1]")
    (tmp_path / "metadataset_other_predictions.provenance.json").write_text("{")
    assert find_results(tmp_path, "dex-wrn", "published", "faces").folder == tmp_path / "good"


def test_bands_lie_within_age_ranges_and_are_these_where_ages_are_ranges(tmp_path):
    class Known(Results):
        predictions = pd.DataFrame({"age_real": [5.0]})

    edges = [0, 3, 13, 19, 101]
    assert Known(tmp_path, "d", "e", "p").bands(edges) == [(0, 2), (3, 12), (13, 18), (19, 25), (26, 100)]
    own = Known(tmp_path, "d", "e", "p", ranges=((0, 16), (17, 120)))
    assert own.bands(edges) == [(0, 2), (3, 12), (13, 16), (17, 18), (19, 100), (101, 120)]
    Known.predictions = pd.DataFrame({"age_real": [None], "age_real_low": [3], "age_real_high": [9]})
    assert own.bands(edges) == [(0, 16), (17, 120)]


def write_predictions(folder, predictions, estimator="dex-wrn", preset="published", dataset="faces", **more):
    labels = {name: {"age_real": 20, "gender_real": "Male", "race_real": None} for name in ("a", "b", "c")}
    provenance = {"dataset": dataset, "estimator": {"name": estimator, **more}, "preset": preset}
    write_metadataset(folder, dataset, "predictions", {"predictions": predictions, "labels": labels}, provenance)


def test_images_are_all_that_are_labelled(tmp_path):
    write_predictions(tmp_path, {"b": 25.0})
    results = find_results(tmp_path, "dex-wrn", "published", "faces")
    images = results.images.set_index("fname")
    assert images["estimated"].to_dict() == {"a": False, "b": True, "c": False}
    assert images["age_real"].tolist() == [20] * 3 and images.loc["b", "signed_error"] == 5
    assert "explained" not in images and len(results.predictions) == 1
    provenance = {"dataset": "faces"}
    row = {"fname": "b", "age_real": 20, "gender_real": None, "race_real": None, "age_estimation": 25}
    write_metadataset(tmp_path, "faces", "activations", [row | REGIONS_ZERO], provenance)
    explained = find_results(tmp_path, "dex-wrn", "published", "faces").images
    assert explained.set_index("fname")["explained"].to_dict() == {"a": False, "b": True, "c": False}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected an object with an object 'predictions'"),
        ({"predictions": [1]}, "expected an object with an object 'predictions'"),
        ({"predictions": {"a": 25.0}, "labels": {"a": None}}, "expected 'labels' .* got {'a': None}"),
        ({"predictions": {"a": 25.0}, "labels": []}, r"expected 'labels' .* got \[\]"),
        (
            {"predictions": {"a": 25.0}, "labels": {"a": {"age_real": "abc"}}},
            "expected a number .* 'abc' for image 'a'",
        ),
        ({"predictions": {"a": True}}, "expected a number or null in age_estimation, got True"),
        ({"predictions": {"a": 131}}, "ages of 0 to 130 years in age_estimation .* got 131 of image 'a'; 1 are"),
        ({"predictions": {"a": 5}, "labels": {"a": {"age_real": -0.5}}}, "years in age_real .* got -0.5"),
    ],
)
def test_documents_that_somebody_edited(tmp_path, document, message):
    write_metadataset(tmp_path, "faces", "predictions", document, {"dataset": "faces"})
    results = Results(tmp_path, "faces", "dex-wrn", "published")
    with pytest.raises(UsageError, match=message):
        assert results.predictions is None


def test_ages_at_the_ends_of_life_are_taken(tmp_path):
    document = {"predictions": {"a": 130, "b": 0}, "labels": {"a": {"age_real": 0}, "b": {"age_real": 130}}}
    write_metadataset(tmp_path, "faces", "predictions", document, {"dataset": "faces"})
    assert Results(tmp_path, "faces", "dex-wrn", "published").predictions["signed_error"].tolist() == [130, -130]


@pytest.mark.parametrize("estimates", [{"b": 25.01}, {"a": 25.0}])
def test_activations_of_faces_that_were_lost_or_estimated_anew(tmp_path, estimates):
    row = {"fname": "b", "age_real": 20, "gender_real": None, "race_real": None, "age_estimation": 25}
    write_metadataset(tmp_path, "faces", "activations", [row | REGIONS_ZERO] * 2, {"dataset": "faces"})
    write_predictions(tmp_path, estimates)
    with pytest.raises(UsageError, match=r"of 2 of 2 faces .* such as of 'b'; run analysis_2_evaluate.py again"):
        assert find_results(tmp_path, "dex-wrn", "published", "faces").activations is None
    write_predictions(tmp_path, {"a": 25.0, "b": 25.0})  # another face without explanation is no contradiction
    assert len(find_results(tmp_path, "dex-wrn", "published", "faces").activations) == 2


def test_images_of_published_files_are_those_estimated(tmp_path):
    write_set(tmp_path, labels=False)
    images = find_results(tmp_path, "dex-wrn", "published", "faces").images
    assert images["estimated"].tolist() == [True, True] and images["explained"].tolist() == [False, True]


def test_all_results_of_a_data_set_have_the_most_faces_of_each_estimator(tmp_path):
    write_predictions(tmp_path, {"a": 1.0})
    write_predictions(tmp_path / "more", {"a": 1.0, "b": 2.0}, preset="audit")
    write_predictions(tmp_path / "few", {"a": 1.0}, "mine", weights_hash="sha256:0123456789")
    write_predictions(tmp_path / "many", {"a": 1.0, "b": 2.0}, "mine", "audit", weights_hash="sha256:0123456789")
    write_predictions(tmp_path / "other", {"a": 1.0}, "mine", "audit", weights_hash="sha256:abcdefghij")
    write_predictions(tmp_path / "elsewhere", {"a": 1.0}, "third", dataset="another")
    results = find_results(tmp_path, "dex-wrn", "published", "faces", ["gender"], ["0-99"])
    found = results_of_all(tmp_path, results)
    assert {name: one.folder.name for name, one in found.items()} == {
        "dex-wrn": tmp_path.name,  # as given, though there is a larger one
        "mine": "many",
        "mine (abcdefgh)": "other",
    }
    assert found["mine"].preset == "audit" and found["mine"].ranges == ((0, 99),)
    assert list(found["mine"].features) == ["gender"]


def test_a_name_with_signs_of_patterns_is_a_name(tmp_path):
    write_set(tmp_path, dataset="a[1]")
    provenance_path(tmp_path, "a[1]", "predictions").unlink()
    assert find_results(tmp_path, "mine", "published", "a[1]").folder == tmp_path


def test_the_same_estimator_on_faces_that_were_aligned_and_that_were_not(tmp_path):
    write_predictions(tmp_path, {"a": 1.0})
    write_predictions(tmp_path / "aligned", {"a": 1.0, "b": 2.0})
    path = provenance_path(tmp_path / "aligned", "faces", "predictions")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"aligned": {"landmark_model_sha256": "0"}}))
    results = find_results(tmp_path, "dex-wrn", "published", "faces")
    found = results_of_all(tmp_path, results)
    assert list(found) == ["dex-wrn", "dex-wrn (aligned)"]
    assert [one.aligned for one in found.values()] == [False, True]


def test_an_estimator_that_was_trained_on_the_data_set_is_marked(tmp_path):
    write_predictions(tmp_path, {"a": 1.0}, dataset="utkface")
    write_predictions(tmp_path / "seen", {"a": 1.0}, "face-api", dataset="utkface")
    found = results_of_all(tmp_path, find_results(tmp_path, "dex-wrn", "published", "utkface"))
    assert {name: one.seen for name, one in found.items()} == {"dex-wrn": False, "face-api (trained on UTKFace)": True}
    write_predictions(tmp_path / "other", {"a": 1.0}, "face-api")
    path = provenance_path(tmp_path / "other", "faces", "predictions")
    assert not find_results(tmp_path, "face-api", "published", "faces").seen
    path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": {"from": "file names, utkface"}}))
    assert find_results(tmp_path, "face-api", "published", "faces").seen  # UTKFace under another name


class TestOpen:
    def test_by_name_folder_and_file(self, tmp_path):
        write_predictions(tmp_path, {"a": 1.0})
        write_predictions(tmp_path / "there", {"a": 2.0}, "mine", "audit", dataset="elsewhere")
        write_predictions(tmp_path / "packed", {"a": 3.0}, "third")
        plain = tmp_path / "packed" / "metadataset_faces_predictions.json"
        file = plain.with_name(f"{plain.name}.gz")
        file.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
        names = ["dex-wrn", str(tmp_path / "there"), str(file)]
        opened = open_results(names, tmp_path, "published", "faces", ["gender"], ["0-99"])
        assert {name: (one.dataset, one.preset) for name, one in opened.items()} == {
            "dex-wrn": ("faces", "published"),
            "mine": ("elsewhere", "audit"),
            "third": ("faces", "published"),
        }
        assert [one.predictions["age_estimation"].tolist() for one in opened.values()] == [[1.0], [2.0], [3.0]]
        assert {(one.sensitive, one.ranges) for one in opened.values()} == {(("gender",), ((0, 99),))}

    def test_without_provenance_it_is_called_like_its_folder(self, tmp_path):
        write_predictions(tmp_path / "theirs", {"a": 1.0})
        provenance_path(tmp_path / "theirs", "faces", "predictions").unlink()
        (name,) = open_results([str(tmp_path / "theirs")], tmp_path, "published", "faces")
        assert name == "theirs"

    def test_two_of_one_estimator_are_told_apart_by_their_folders(self, tmp_path):
        for folder in ("one", "two"):
            write_predictions(tmp_path / folder, {"a": 1.0})
        opened = open_results([str(tmp_path / "one"), str(tmp_path / "two")], tmp_path, "published", "faces")
        assert list(opened) == ["dex-wrn", f"dex-wrn ({tmp_path.name}/two)"]

    def test_three_of_one_name_in_folders_of_one_name(self, tmp_path):
        folders = [tmp_path / place / "meta" for place in "abc"]
        for age, folder in enumerate(folders):
            write_predictions(folder, {"a": float(age)})
        opened = open_results(list(map(str, folders)), tmp_path, "published", "faces")
        assert list(opened) == ["dex-wrn", "dex-wrn (b/meta)", "dex-wrn (c/meta)"]
        assert [one.predictions["age_estimation"][0] for one in opened.values()] == [0, 1, 2]

    def test_the_same_results_twice_are_refused(self, tmp_path):
        write_predictions(tmp_path / "one", {"a": 1.0})
        with pytest.raises(UsageError, match=r"expected results of different estimators, got those in .*one twice"):
            open_results(["dex-wrn", str(tmp_path / "one")], tmp_path, "published", "faces")

    def test_a_folder_or_file_without_predictions_is_refused(self, tmp_path):
        (tmp_path / "empty").mkdir()
        (tmp_path / "ages.json").write_text("{}")
        for name in ("empty", "ages.json"):
            with pytest.raises(UsageError, match=r"to be a file metadataset_<name>_predictions\.json"):
                open_results([str(tmp_path / name)], tmp_path, "published", "faces")
        for dataset in ("a", "b"):
            write_predictions(tmp_path / "both", {"a": 1.0}, dataset=dataset)
        with pytest.raises(UsageError, match=r"got metadataset_a_predictions\.json, metadataset_b_predictions\.json"):
            open_results([str(tmp_path / "both")], tmp_path, "published", "faces")


BOX = {"min_x": 1, "min_y": 2, "max_x": 5, "max_y": 6, "label": "nose"}


def write_boxes(folder, rows, explanation=None, estimator="dex-wrn", preset="published", dataset="faces"):
    provenance = {"dataset": dataset, "estimator": {"name": estimator}, "preset": preset}
    provenance |= {"explanation": explanation or {"target": "female", "method": "grad-cam"}}
    write_metadataset(folder, dataset, "boxes", rows, provenance)


class TestBoxes:
    def test_beside_predictions_in_the_order_of_the_file(self, tmp_path):
        write_set(tmp_path)
        rows = [{"fname": "b.jpg", "boxes": [BOX]}, {"fname": "30_0_1_2017.jpg", "boxes": []}]
        write_boxes(tmp_path, rows)
        results = find_results(tmp_path, "dex-wrn", "published", "faces")
        frame = results.boxes
        assert frame["fname"].tolist() == ["b.jpg", "30_0_1_2017.jpg"]
        assert frame["age_real"].tolist() == [41, 30] and frame["boxes"].tolist() == [[BOX], []]
        assert frame["active_nose"].tolist() == [True, False] and not frame["active_lips"].any()
        assert (results.boxed_target, results.boxed_method) == ("female", "grad-cam")

    def test_whoever_says_nothing_of_a_method_used_lime(self, tmp_path):
        write_set(tmp_path)
        results = find_results(tmp_path, "dex-wrn", "published", "faces")
        assert (results.boxed_target, results.boxed_method) == ("", "")
        write_boxes(tmp_path, [], {"target": "expected-age", "num_samples": 256})
        again = find_results(tmp_path, "dex-wrn", "published", "faces")
        assert (again.boxed_target, again.boxed_method) == ("expected-age", "lime")
        assert len(again.boxes) == 0 and "active_nose" in again.boxes

    @pytest.mark.parametrize("rows", [{"b.jpg": [BOX]}, [{"fname": "b.jpg"}], [{"fname": "b.jpg", "boxes": ["nose"]}]])
    def test_something_else_in_the_file(self, tmp_path, rows):
        write_set(tmp_path)
        write_boxes(tmp_path, rows)
        with pytest.raises(UsageError, match="expected a list of objects, each with fname and a list of boxes"):
            _ = find_results(tmp_path, "dex-wrn", "published", "faces").boxes

    def test_of_a_face_whose_estimate_failed(self, tmp_path):
        write_predictions(tmp_path, {"b": 40.0})
        write_boxes(tmp_path, [{"fname": "c", "boxes": [BOX]}])
        frame = find_results(tmp_path, "dex-wrn", "published", "faces").boxes
        assert frame["age_estimation"].isna().tolist() == [True] and frame["gender_real"].tolist() == ["Male"]

    def test_faces_that_the_predictions_do_not_know_are_refused(self, tmp_path):
        write_set(tmp_path)
        write_boxes(tmp_path, [{"fname": "gone.jpg", "boxes": []}])
        with pytest.raises(UsageError, match=r"1 of 1 faces are not there, such as 'gone.jpg'"):
            _ = find_results(tmp_path, "dex-wrn", "published", "faces").boxes

    def test_of_another_preset_than_the_predictions_are_refused(self, tmp_path):
        write_set(tmp_path)
        write_boxes(tmp_path, [], preset="audit")
        with pytest.raises(
            UsageError, match="predictions by dex-wrn, preset published and boxes by dex-wrn, preset aud"
        ):
            _ = find_results(tmp_path, "dex-wrn", "published", "faces").boxes

    def test_all_of_a_data_set_by_what_they_explain(self, tmp_path):
        write_set(tmp_path)
        first = find_results(tmp_path, "dex-wrn", "published", "faces")
        assert boxed_results(tmp_path, first, "female") == {}
        places = {"a": ("dex-wrn", "female"), "b": ("faceres", "expected-age"), "c/d": ("faceres", "female")}
        for folder, (estimator, target) in places.items():
            write_set(tmp_path / folder, estimator)
            write_boxes(tmp_path / folder, [], {"target": target}, estimator)
        write_set(tmp_path / "e", "dex-wrn", dataset="others")
        write_boxes(tmp_path / "e", [], dataset="others")
        found = boxed_results(tmp_path, first, "female")
        assert {name: results.folder for name, results in found.items()} == {
            "dex-wrn": tmp_path / "a",
            "faceres": tmp_path / "c" / "d",
        }
        assert {results.preset for results in found.values()} == {"published"}
        assert list(boxed_results(tmp_path, first, "expected-age")) == ["faceres"]


class TestRegions:
    """Numbers of regions by what they are, in files of earlier versions too, which had other names for them."""

    def written(self, folder, column, **stated):
        write_set(folder)
        made = {"estimator": {"name": "dex-wrn"}, "preset": "published"} | stated
        rows = [{"fname": "b.jpg", f"{column}_nose": 2, f"{column}_nose_low": None, f"{column}_nose_high": None}]
        write_metadataset(folder, "faces", "region_years", rows, {"dataset": "faces"} | made)
        return Results(folder, "faces", "dex-wrn", "published")

    @pytest.mark.parametrize("method", ["grad-cam", "grad-cam++", "score-cam", "smooth-grad", "random"])
    @pytest.mark.parametrize("unit", ["years", "probability", "saliency"])
    def test_maps_without_a_unit_are_saliency_whatever_the_file_calls_them(self, tmp_path, method, unit):
        results = self.written(tmp_path, unit, unit=unit, explanation={"method": method})
        assert results.region_saliency["saliency_nose"].tolist() == [2]
        for read in ("region_years", "region_probabilities"):
            with pytest.raises(UsageError, match=f"got saliency, of no unit by {re.escape(method)}; read region_sal"):
                getattr(results, read)

    @pytest.mark.parametrize("column", ["years", "probability"])
    def test_probabilities_of_earlier_versions_are_called_years(self, tmp_path, column):
        results = self.written(tmp_path, column, unit="probability", explanation={"target": "female"})
        assert results.region_probabilities["probability_nose"].tolist() == [2]
        assert results.region_probabilities["probability_nose_low"].isna().all()
        with pytest.raises(UsageError, match="as years, got a probability by lime; read region_probabilities"):
            _ = results.region_years

    def test_without_provenance_a_column_is_what_it_is_called(self, tmp_path):
        results = self.written(tmp_path, "saliency")
        provenance_path(tmp_path, "faces", "region_years").unlink()
        assert results.region_saliency["saliency_nose"].tolist() == [2]
        with pytest.raises(UsageError, match="no numbers of regions as years"):
            _ = results.region_years

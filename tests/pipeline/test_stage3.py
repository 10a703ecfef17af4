"""Which notebooks a set of results suffices for, told before any work."""

import json
import re
from dataclasses import replace

import pytest

import analysis_3_filter_visualise
from age_audit.core.config import Stage3Config
from age_audit.core.errors import UsageError
from age_audit.data.results import find_results
from age_audit.pipeline.stage3 import _estimator, _files_of_this_name, _left_alone, _notebooks, run_stage3
from age_audit.store.files import write_atomically
from tests.test_analysis_3 import synthetic_rows

ERRORS = "analysis_age_estimations_accuracy_and_differences"
APPENDIX_A = "analysis_statistical_significance"
NOT_OF_THIS_RUN = "Named like these but not of this run, perhaps of one with other options"
ADVICE = "move them away or choose another --figures"


@pytest.fixture
def study(tmp_path):
    """Files as the study left them: no provenance, no labels in the predictions, no masks."""
    rows = synthetic_rows(40)
    ages = {f"{i}_0_0_2017.jpg": row["age_estimation"] for i, row in enumerate(rows)}
    predictions = {"cropping": {}, "predictions": ages, "explanations": {}}
    (tmp_path / "metadataset_faces_predictions.json").write_text(json.dumps(predictions))
    (tmp_path / "metadataset_faces_activations.json").write_text(json.dumps(rows))
    return Stage3Config(metadatasets=tmp_path, dataset="faces")


def test_files_without_provenance_are_read_on_the_users_word(study, capsys):
    assert _notebooks(study, "resnet") == [ERRORS, APPENDIX_A]
    said = capsys.readouterr().out
    assert "left out: analysis_pearson_correlations; expected results of resnet, preset audit" in said
    assert "left out: analysis_image_segment_activations; expected" in said and "_masks.npz, found none" in said
    results = find_results(study.metadatasets, "resnet", "published", "faces")
    assert len(results.predictions) == 40 and results.predictions["age_real"].max() == 39
    assert "have no provenance: taken for resnet's, as asked for" in capsys.readouterr().out


def test_predictions_alone_are_enough_for_errors(study, tmp_path, capsys):
    study = replace(study, figures=tmp_path / "figures")
    by_both = run_stage3(study)
    tables = {path.name: path.read_text() for path in study.figures.glob("*errors*.csv")}
    (study.metadatasets / "metadataset_faces_activations.json").unlink()
    alone = run_stage3(replace(study, figures=tmp_path / "alone"))
    assert "read from the predictions, for there are no activations" in alone and "activations" not in by_both
    assert "have no provenance: nobody says whose they are" in capsys.readouterr().out
    error = float(re.search(r"Mean absolute error: ([0-9.]+) years", alone)[1])
    ages = json.loads((study.metadatasets / "metadataset_faces_predictions.json").read_text())["predictions"]
    apart = [abs(age - int(fname.split("_")[0])) for fname, age in ages.items() if age is not None]
    assert error == pytest.approx(sum(apart) / len(apart), abs=0.005)
    assert tables.keys() == {path.name for path in (tmp_path / "alone").glob("*errors*.csv")}
    assert _notebooks(study, "resnet") == [ERRORS]


def test_without_the_users_word_nothing_is_done(study, capsys):
    options = ["--metadatasets", str(study.metadatasets), "--dataset", "faces", "--figures", "nowhere", "--paper"]
    assert analysis_3_filter_visualise.main(options) == 2
    assert "to name the estimator, it is missing or does not; name it by --estimator" in capsys.readouterr().err


def test_the_users_word_does_not_stand_against_provenance(study):
    provenance = {"dataset": "faces", "estimator": {"name": "vgg"}, "preset": "published"}
    path = study.metadatasets / "metadataset_faces_predictions.provenance.json"
    path.write_text(json.dumps(provenance))
    assert _estimator(study) == "vgg"
    with pytest.raises(UsageError, match="whom the provenance names, vgg, got resnet"):
        _estimator(Stage3Config(metadatasets=study.metadatasets, dataset="faces", estimator="resnet"))
    with pytest.raises(UsageError, match="found: vgg, published, faces"):
        find_results(study.metadatasets, "resnet", "published", "faces")


def test_a_preset_that_the_results_are_not_of_is_refused(study):
    provenance = {"dataset": "faces", "estimator": {"name": "vgg"}, "preset": "published"}
    (study.metadatasets / "metadataset_faces_predictions.provenance.json").write_text(json.dumps(provenance))
    with pytest.raises(UsageError, match=r"expected --preset to be that of the results in .*, published, got audit"):
        run_stage3(replace(study, preset="audit"))


def test_whom_nobody_estimated_or_explained_is_told(study):
    path = study.metadatasets / "metadataset_faces_predictions.json"
    rows = json.loads((study.metadatasets / "metadataset_faces_activations.json").read_text())
    ages = {row["fname"]: row["age_estimation"] for row in rows} | {"more.jpg": 30.0, "yet_more.jpg": 31.0}
    counts = {"images_total": 45, "images_failed": 3, "by_reason": {"crop/no-face": 2, "read/truncated": 1}}
    path.write_text(json.dumps({"predictions": ages, "labels": {}, "failures": {"overall": counts}}))
    provenance = {"dataset": "faces", "estimator": {"name": "vgg"}, "preset": "published"}
    (study.metadatasets / "metadataset_faces_predictions.provenance.json").write_text(json.dumps(provenance))
    report = run_stage3(replace(study, figures=study.metadatasets / "figures"))
    assert "40 images read" in report and "\n  2 estimated but not among these" in report
    assert "\n  3 of 45 images failed before (crop/no-face: 2, read/truncated: 1): not among these" in report


def test_results_for_no_notebook_are_refused(study):
    (study.metadatasets / "metadataset_faces_predictions.json").unlink()
    with pytest.raises(UsageError, match="expected results for a notebook at least: expected results of resnet"):
        _notebooks(study, "resnet")


@pytest.mark.parametrize(
    ("ages", "counts", "said"),
    [
        (
            {},
            {"images_total": 4, "images_failed": 4, "by_reason": {"align/no-face": 4}},
            ", for 4 of 4 images failed (align/no-face: 4)",
        ),
        ({"20_0_0_2017.jpg": None}, None, ""),  # without counts, as files of the study
    ],
)
def test_where_all_faces_were_lost_no_notebook_is_begun(study, capsys, ages, counts, said):
    path = study.metadatasets / "metadataset_faces_predictions.json"
    failures = {"failures": {"overall": counts}} if counts else {}
    path.write_text(json.dumps({"predictions": ages, "explanations": {}, **failures}))
    options = ["--metadatasets", str(study.metadatasets), "--dataset", "faces", "--figures", "nowhere", "--paper"]
    assert analysis_3_filter_visualise.main([*options, "--estimator", "resnet"]) == 2
    assert f"expected an estimate in {path}, found none{said}; run stage 1" in capsys.readouterr().err


def test_where_no_age_is_known_no_notebook_is_begun(study):
    path = study.metadatasets / "metadataset_faces_predictions.json"
    nobody = {"age_real": None, "gender_real": None, "race_real": None}
    path.write_text(
        json.dumps({"predictions": {"a.jpg": 30.5, "b.jpg": None}, "labels": {"a.jpg": nobody, "b.jpg": nobody}})
    )
    with pytest.raises(UsageError, match=r"expected the age of a face among the labels in .*, found none of 1"):
        _notebooks(study, "resnet")


def test_one_folder_of_figures_holds_those_of_several_estimators(study):
    figures = study.metadatasets / "figures"
    written = [run_stage3(replace(study, estimator=name, figures=figures)) for name in (None, "mine:ages", "resnet")]
    names = {path.name for path in figures.iterdir()}
    starts = ("faces_published", "faces_mine_ages_published", "faces_resnet_published")
    for start, told in zip(starts, written, strict=True):
        assert f"{start}_rows.csv" in names and f"{start}_errors_by_gender.csv" in told
    assert len(names) == 3 * 7


def main_of(study, *options):
    places = ["--metadatasets", str(study.metadatasets), "--figures", str(study.metadatasets / "figures")]
    return analysis_3_filter_visualise.main([*places, "--dataset", "faces", *options])


def test_age_ranges_that_hold_no_face_are_refused_and_those_without_are_told(study, capsys):
    assert main_of(study, "--age-ranges", "61-66,105-120") == 2
    told = "expected --age-ranges that hold real ages of these faces, got 61-66, 105-120; the ages of the 38 faces run"
    assert f"{told} from 0 to 104 years; choose other ranges" in capsys.readouterr().err
    assert not (study.metadatasets / "figures").exists()
    assert main_of(study, "--age-ranges", "0-60,61-66,105-120") == 0
    assert "\n  no face with a real age in 61–66, 105–120: empty in figures and tables\n" in capsys.readouterr().out
    assert main_of(study, "--age-ranges", "0-9,10-120") == 0
    assert "no face with" not in capsys.readouterr().out


def test_ages_that_are_ranges_have_to_lie_in_one(study, capsys):
    ages = {"a.jpg": 25.0, "b.jpg": 33.0}
    nobody = {"age_real": None, "gender_real": None, "race_real": None}
    bounds = [{"age_real_low": low, "age_real_high": low + 9} for low in (20, 30)]
    labels = {fname: nobody | ends for fname, ends in zip(ages, bounds, strict=True)}
    (study.metadatasets / "metadataset_faces_activations.json").unlink()
    path = study.metadatasets / "metadataset_faces_predictions.json"
    path.write_text(json.dumps({"predictions": ages, "labels": labels}))
    assert main_of(study, "--age-ranges", "0-24,25-34,35-99") == 2
    assert "run from 20 to 39 years, each of which has to lie in one range; choose" in capsys.readouterr().err


def test_columns_that_nothing_is_compared_by_are_told(study, capsys):
    (study.metadatasets / "metadataset_faces_activations.json").unlink()
    path = study.metadatasets / "metadataset_faces_predictions.json"
    nobody = {"age_real": 30, "gender_real": None, "race_real": None}
    labels = {f"{i}.jpg": nobody | {"skin_tone": "light" if i else "dark"} for i in range(3)}
    path.write_text(json.dumps({"predictions": dict.fromkeys(labels, 31.5), "labels": labels}))
    hint = "  no groups are compared; the labels have skin_tone: compare by --sensitive skin_tone\n"
    assert main_of(study) == 0
    assert hint in capsys.readouterr().out
    assert main_of(study, "--sensitive", "skin_tone") == 0
    said = capsys.readouterr().out
    assert "compare by" not in said
    assert said.splitlines()[-1] == f"{NOT_OF_THIS_RUN}: faces_published_errors_by_age_range.csv; {ADVICE}"


def test_files_of_an_earlier_run_with_other_options_are_told_and_stay(study, capsys):
    figures = study.metadatasets / "figures"
    assert main_of(study) == 0 and main_of(study, "--estimator", "vgg") == 0
    (figures / "faces_published_mine.txt").write_text("a note")
    assert NOT_OF_THIS_RUN not in capsys.readouterr().out
    files = {path.name for path in figures.iterdir()}
    assert main_of(study, "--sensitive", "gender") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    by_race = ["accuracy_by_race.png", "errors_by_race.csv", "mine.txt", "signed_error_by_race.png"]
    told = ", ".join(f"faces_published_{name}" for name in by_race)
    assert last == f"{NOT_OF_THIS_RUN}: {told}; {ADVICE}"
    assert {path.name for path in figures.iterdir()} == files


def test_what_notebooks_of_an_earlier_run_left_is_told_with_paper_alone(study, capsys):
    figures = study.metadatasets / "figures"
    config = replace(study, estimator="vgg", figures=figures, paper=True)
    of_this_name = [f"{ERRORS}/faces_vgg_a.png", "notebooks/b.ipynb", f"tables/{ERRORS}/faces_vgg_c.csv"]
    others = [f"{ERRORS}/faces_other_a.png", "faces_vgg_audit_rows.csv", f"notebooks/{ERRORS}.ipynb"]
    for name in of_this_name + others:
        (figures / name).parent.mkdir(parents=True, exist_ok=True)
        (figures / name).touch()
    there = _files_of_this_name(config, "vgg", [ERRORS])  # which is not written where it comes out the same
    assert [str(path.relative_to(figures)) for path in there] == sorted(of_this_name)
    write_atomically(figures / of_this_name[0], b"")
    (told,) = _left_alone(config, there, _files_of_this_name(config, "vgg", [ERRORS]))
    assert told == f"{NOT_OF_THIS_RUN}: {of_this_name[1]}, {of_this_name[2]}; {ADVICE}"
    assert _files_of_this_name(replace(config, paper=False), "vgg") == {}

"""Several estimators by command: what is refused before any work, and the whole on results of one's own."""

import json

import pandas as pd
import pytest

from age_audit import __main__
from age_audit.core.errors import UsageError
from age_audit.data.metadatasets import write_metadataset
from age_audit.report.compare import CompareConfig, compare
from age_audit.report.notebooks import NOTEBOOKS


def write(folder, off, names=range(90), dataset="faces", older=0):
    """Faces of 18 to 32 years, three of each age and sex, each estimated ``off`` years too old."""
    labels = {f"{i}.jpg": {"age_real": 18 + older + i // 6, "gender_real": ("Male", "Female")[i % 2]} for i in names}
    estimates = {name: label["age_real"] + off + 0.25 * (i % 3) for i, (name, label) in enumerate(labels.items())}
    document = {"cropping": {"images_total": len(labels)}, "predictions": estimates, "labels": labels}
    made_by = {"dataset": dataset, "estimator": {"name": folder.name}, "preset": "published"}
    write_metadataset(folder, dataset, "predictions", document, made_by)
    return str(folder)


def test_one_estimator_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected two estimators or more, got .*one"):
        compare(CompareConfig((write(tmp_path / "one", 1.0),)))


def test_results_without_a_face_in_common_are_refused(tmp_path):
    pair = write(tmp_path / "one", 1.0), write(tmp_path / "two", 1.0, range(200, 210))
    with pytest.raises(
        UsageError, match=r"in all of one, two; there is none: '0\.jpg' \(one\), '200\.jpg' \(two\); give"
    ):
        compare(CompareConfig(pair))


def test_results_whose_labels_differ_are_refused(tmp_path):
    pair = write(tmp_path / "one", 1.0, range(30)), write(tmp_path / "two", 1.0, range(30), older=1)
    with pytest.raises(UsageError, match="of 30 faces of the same name there is none: they lack labels, or"):
        compare(CompareConfig(pair))


def test_the_folder_of_notebooks_is_no_output(tmp_path):
    pair = write(tmp_path / "one", 1.0), write(tmp_path / "two", 1.0)
    with pytest.raises(UsageError, match=r"expected an --output other than .*notebooks"):
        compare(CompareConfig(pair, output=NOTEBOOKS))


def test_an_unknown_name_is_told_by_the_command(tmp_path, capsys):
    write(tmp_path / "one", 1.0)
    assert __main__.main(["compare", "one", "three", "--metadatasets", str(tmp_path), "--dataset", "faces"]) == 2
    assert "expected results of three, preset published, faces" in capsys.readouterr().err


@pytest.mark.long
def test_anyones_predictions_side_by_side(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "near", 1.0)
    write(tmp_path / "far", 9.0, range(3, 200), dataset="theirs")
    options = ["--metadatasets", ".", "--dataset", "faces", "--output", "out", "--sensitive", "gender"]
    assert __main__.main(["compare", "near", "far", *options]) == 0
    printed = capsys.readouterr().out
    assert "near comes nearest: 100 % of its estimates lie within five years of the label" in printed
    assert "near has the smallest mean absolute error: 1.3 years" in printed
    assert (
        "Compared on 87 faces that have an estimate and the same real age in all (near has 90, far has 197)" in printed
    )
    assert printed.splitlines()[-1].startswith("Written to out: compare_estimators.ipynb")
    table = pd.read_csv(tmp_path / "out/tables/compare_estimators/faces_near_compared_errors.csv")
    found = table[table["measure"] == "mean_signed_error"].set_index("estimator")["value"]
    assert found.to_dict() == pytest.approx({"near": 1.25, "far": 9.25})
    cells = json.loads((tmp_path / "out/compare_estimators.ipynb").read_text())["cells"]
    assert [output for cell in cells for output in cell.get("outputs", ()) if output.get("name") == "stderr"] == []
    assert len(list((tmp_path / "out/compare_estimators").glob("*.png"))) == 3

"""Stage 3 as a person meets it: imported by a notebook, and run as a script."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis_3_filter_visualise
from age_audit.cli import build_parser
from age_audit.core.config import Stage3Config
from age_audit.core.groups import ALL
from age_audit.core.vocabulary import FEATURES_ALL, GENDERS, RACES, UTKFACE_LABELS, label_origin
from age_audit.data.metadatasets import provenance_path
from age_audit.data.region_scores import write_activations
from age_audit.data.results import find_results
from age_audit.figures.style import new_figure
from age_audit.pipeline.stage3 import group_tables

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("tensorflow", "keras", "torch", "jax", "dlib", "onnxruntime", "lime", "skimage", "cv2")


def synthetic_rows(n=400, seed=3):
    """Faces whose errors are known in kind: the young taken for older, the old for younger."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        age = int(rng.integers(0, 105))
        estimate = float(np.clip(age + rng.normal(3 if age < 19 else -4, 5), 0, 100))
        rows.append(
            {
                "fname": f"{i}.jpg",
                "age_real": age,
                "gender_real": str(rng.choice(GENDERS)),
                "race_real": str(rng.choice(RACES, p=[0.4, 0.2, 0.2, 0.15, 0.05])),
                "age_estimation": estimate,
                "age_estimation_accuracy": (100 - abs(estimate - age)) / 100,
                **{feature: float(rng.random()) for feature in FEATURES_ALL},
                **{feature.replace("pct_of_feature", "from_all"): float(rng.random()) for feature in FEATURES_ALL},
            }
        )
    for label, i in (("age_real", 0), ("gender_real", 1), ("race_real", 2), ("age_estimation", 3)):
        rows[i][label] = None
    return rows


def write_metadataset(folder, rows, name="utkface"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"metadataset_{name}_activations.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def expected_files(start):
    names = [f"{start}_{what}_by_{by}" for by in ("gender", "race") for what in ("accuracy.png", "signed_error.png")]
    figures = {f"{name.replace('.png', '')}.png" for name in names}
    return figures | {f"{start}_errors_by_gender.csv", f"{start}_errors_by_race.csv", f"{start}_rows.csv"}


def run_python(*arguments, cwd=ROOT):
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MPLBACKEND")}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_importing_is_light():
    code = (
        "import sys; from analysis_3_filter_visualise import *; print(len(FEATURES_ALL), RACES[1]); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    result = run_python("-c", code)
    assert result.stdout.splitlines() == ["13 Asian", "[]"], result.stderr


@pytest.fixture(scope="module")
def written_by_the_script(tmp_path_factory):
    """A metadataset, and the finished process that drew it: (folder, rows, process)."""
    folder, rows = tmp_path_factory.mktemp("script"), synthetic_rows()
    meta = write_metadataset(folder / "metadatasets", rows)
    script = ROOT / "analysis_3_filter_visualise.py"
    process = run_python(script, "--metadatasets", meta, "--dataset", "utkface", "--figures", "out", cwd=folder)
    return folder, rows, process


def test_script_writes_every_figure_and_table(written_by_the_script):
    folder, _, process = written_by_the_script
    assert (process.returncode, process.stderr) == (0, "")
    written = {path.name for path in (folder / "out").iterdir()}
    assert written == expected_files("utkface_published")
    assert written == set(process.stdout.split("Written to out:\n")[1].splitlines())
    assert "400 images read, 398 used" in process.stdout
    assert "1 without a real age" in process.stdout
    assert "1 without a race" in process.stdout


def test_tables_hold_what_the_rows_say(written_by_the_script):
    folder, rows, _ = written_by_the_script
    table = pd.read_csv(folder / "out" / "utkface_published_errors_by_gender.csv")
    # The literal way: loop over the rows and average.
    errors = [
        row["age_estimation"] - row["age_real"]
        for row in rows
        if row["gender_real"] == "Female"
        and None not in (row["age_real"], row["age_estimation"])
        and 26 <= row["age_real"] <= 100
    ]
    found = table[(table["age_range"] == "26–100") & (table["gender"] == "Female")].set_index("measure")
    assert (found["n"] == len(errors)).all()
    assert found.loc["mean_absolute_error", "value"] == pytest.approx(sum(map(abs, errors)) / len(errors), abs=1e-4)
    assert found.loc["mean_signed_error", "value"] == pytest.approx(sum(errors) / len(errors), abs=1e-4)
    assert ((found["low"] < found["value"]) & (found["value"] < found["high"])).all()
    counts = pd.read_csv(folder / "out" / "utkface_published_rows.csv", index_col="what")["rows"]
    assert counts["images"] == counts["used"] + counts["no_real_age"] + counts["no_estimate"] == 400


def test_the_same_faces_have_the_interval_of_the_notebook():
    faces = find_results(ROOT / "metadatasets", "dex-wrn", "published", "utkface").predictions
    tables = group_tables(faces)
    for feature in ("gender", "race"):
        shipped = ROOT / "tables" / "analysis_age_estimations_accuracy_and_differences"
        shipped = pd.read_csv(shipped / f"utkface_dex-wrn_errors_by_{feature}.csv")
        table = tables[feature].rename(columns={f"{feature}_real": feature})
        table = table[table[feature] != ALL].reset_index(drop=True)
        pd.testing.assert_frame_equal(table, shipped, check_dtype=False, check_categorical=False, rtol=1e-5)


def test_copies_count_as_one_where_intervals_are_drawn(written_by_the_script, tmp_path, capsys):
    folder, rows, _ = written_by_the_script
    measured = [{"fname": row["fname"], "cluster": number // 8} for number, row in enumerate(rows[:-1])]
    (tmp_path / "metadataset_utkface_images.json").write_text(json.dumps(measured))
    arguments = ["--metadatasets", str(folder / "metadatasets"), "--figures", str(tmp_path / "out")]
    assert analysis_3_filter_visualise.main([*arguments, "--copies", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "clusters: intervals draw clusters, not faces; 1 were not measured by age-audit dataset" in said
    plain, drawn = (
        pd.read_csv(place / "utkface_published_errors_by_gender.csv") for place in (folder / "out", tmp_path / "out")
    )
    pd.testing.assert_series_equal(plain["value"], drawn["value"])
    assert not plain["low"].equals(drawn["low"])


def test_a_folder_without_copies_is_refused_by_what_was_asked_for(written_by_the_script, tmp_path, capsys):
    metadatasets = written_by_the_script[0] / "metadatasets"
    arguments = ["--metadatasets", str(metadatasets), "--figures", str(tmp_path / "figures")]
    assert analysis_3_filter_visualise.main([*arguments, "--copies", str(tmp_path)]) == 2
    assert f"_images.json in {tmp_path} and below, found none; write it by age-audit dataset" in capsys.readouterr().err


def test_same_input_gives_the_same_bytes(written_by_the_script, tmp_path):
    folder, _, _ = written_by_the_script
    arguments = ["--metadatasets", str(folder / "metadatasets"), "--figures", str(tmp_path)]
    assert analysis_3_filter_visualise.main(arguments) == 0
    one, two = ({path.name: path.read_bytes() for path in place.iterdir()} for place in (folder / "out", tmp_path))
    assert one == two


def test_presets_differ_in_whose_accuracy_is_drawn(tmp_path, capsys, monkeypatch):
    rows = synthetic_rows(60)
    rows[10]["age_estimation_accuracy"] = 0.31
    folder = write_metadataset(tmp_path / "in", rows)
    frames = {}

    def keep(frame, measure, feature, source):
        frames[source] = frame["age_estimation_accuracy"]
        return new_figure(1, 1)

    # What is drawn is told apart by the frame that arrives; drawing itself is tested elsewhere.
    monkeypatch.setattr("age_audit.pipeline.stage3.distributions_by_age_range", keep)
    for preset, what in (("published", "drawn as stored"), ("audit", "computed anew")):
        out = str(tmp_path / "out")
        arguments = ["--metadatasets", str(folder), "--figures", out, "--preset", preset]
        assert analysis_3_filter_visualise.main(arguments) == 0
        assert f"1 store an accuracy other than (100 - |estimate - age|) / 100: {what}" in capsys.readouterr().out
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == expected_files("utkface_published") | expected_files("utkface_audit")
    assert frames["utkface, preset published"][10] == 0.31
    computed = (100 - abs(rows[10]["age_estimation"] - rows[10]["age_real"])) / 100
    assert frames["utkface, preset audit"][10] == pytest.approx(computed)


def test_says_which_of_two_formats_was_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("age_audit.pipeline.stage3.distributions_by_age_range", lambda *_: new_figure(1, 1))
    write_activations(tmp_path, "utkface", synthetic_rows(9), "parquet", {})  # names of one digit are sorted
    write_metadataset(tmp_path, synthetic_rows(20))
    assert analysis_3_filter_visualise.main(["--metadatasets", str(tmp_path), "--figures", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "20 images read" in out and UTKFACE_LABELS in out
    assert "read from metadataset_utkface_activations.json; not from metadataset_utkface_activations.parquet" in out


def test_an_error_of_a_dex_model_stands_beside_where_the_labels_are_from(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("age_audit.pipeline.stage3.distributions_by_age_range", lambda *_: new_figure(1, 1))
    write_metadataset(tmp_path, synthetic_rows(20), "utkface")
    provenance_path(tmp_path, "utkface", "predictions").write_text('{"estimator": {"name": "dex-wrn"}}')
    assert analysis_3_filter_visualise.main(["--metadatasets", str(tmp_path), "--figures", str(tmp_path / "out")]) == 0
    assert label_origin("utkface", "dex-wrn") in capsys.readouterr().out


def test_only_groups_with_faces_are_counted(tmp_path, capsys, monkeypatch):
    """Tables list all races of the study where there are no others, but a group without faces is not a small one."""
    monkeypatch.setattr("age_audit.pipeline.stage3.distributions_by_age_range", lambda *_: new_figure(1, 1))
    faces = [("Asian", 5), ("Asian", 30), ("Other", 5)]
    rows = [
        {"fname": f"{i}.jpg", "age_real": age, "gender_real": None, "race_real": race, "age_estimation": age + 1}
        for i, (race, age) in enumerate(faces)
    ]
    folder = write_metadataset(tmp_path / "in", rows)
    assert analysis_3_filter_visualise.main(["--metadatasets", str(folder), "--figures", str(tmp_path / "out")]) == 0
    assert "By race: 3 of 3 groups have fewer than 30 faces." in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out" / "utkface_published_errors_by_race.csv")
    assert set(table["race"]) == {*RACES, "all"} and table.loc[table["n"] < 3, ["low", "high"]].isna().all(axis=None)


def test_rows_without_any_usable_label_still_give_tables(tmp_path, capsys):
    blank = {"age_real": None, "gender_real": None, "race_real": None, "age_estimation": None}
    folder = write_metadataset(tmp_path / "in", [blank | {"fname": "a.jpg"}, blank | {"fname": "a.jpg"}])
    assert analysis_3_filter_visualise.main(["--metadatasets", str(folder), "--figures", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "2 images read, 0 used" in out
    assert "1 repeat the file name of an earlier row" in out
    assert "Mean absolute error: no faces" in out
    names = ["utkface_published_errors_by_age_range.csv", "utkface_published_rows.csv"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[{", "to be a metadataset, but reading it failed"),
        (b"", "to be a metadataset, but reading it failed"),
        (b"\xff\xfe\x00", "to be a metadataset, but reading it failed"),
        (b"[" * 100_000, "to be a metadataset, but reading it failed"),
        (b'{"predictions": {}}', "expected a list of objects, one an image"),
        (b"[]", "expected at least one image"),
        (b"[1, 2]", "expected every row to be an object"),
        (b'[{"fname": "a.jpg"}]', "missing column(s) age_real, gender_real, race_real, age_estimation"),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_clear_line(tmp_path, capsys, content, words):
    (tmp_path / "metadataset_utkface_activations.json").write_bytes(content)
    assert analysis_3_filter_visualise.main(["--metadatasets", str(tmp_path), "--figures", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert not (tmp_path / "out").exists()


def test_a_missing_file_names_what_is_there(tmp_path, capsys):
    write_metadataset(tmp_path, [], "appa")
    assert analysis_3_filter_visualise.main(["--metadatasets", str(tmp_path)]) == 2
    line = capsys.readouterr().err
    assert "metadataset_utkface_activations.json" in line
    assert "found metadataset_appa_activations.json there" in line
    assert analysis_3_filter_visualise.main(["--metadatasets", str(tmp_path / "nowhere")]) == 2
    assert "found no activations file there" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../utkface", "", "a\nb", "a\\b"])
def test_a_dataset_name_is_a_plain_name(tmp_path, capsys, name):
    assert analysis_3_filter_visualise.main(["--metadatasets", str(tmp_path), "--dataset", name]) == 2
    assert "expected --dataset to be a plain name" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to(tmp_path, capsys):
    folder = write_metadataset(tmp_path / "in", synthetic_rows(20))
    (tmp_path / "figures" / "utkface_published_rows.csv").mkdir(parents=True)  # is in the way of a file
    figures = ["--figures", str(tmp_path / "figures")]
    assert analysis_3_filter_visualise.main(["--metadatasets", str(folder), *figures]) == 2
    assert "choose another --figures" in capsys.readouterr().err


def test_help_quotes_the_defaults():
    text = " ".join(build_parser(Stage3Config, "analysis_3_filter_visualise.py", "").format_help().split())
    for default in ("(default: metadatasets)", "(default: utkface)", "(default: figures)", "(default: published)"):
        assert default in text
    assert (
        build_parser(Stage3Config, "analysis_3_filter_visualise.py", "").parse_args([]).__dict__
        == Stage3Config().__dict__
    )

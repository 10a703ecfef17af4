"""The commands train and evaluate-classifier on two portraits in many variants; what is saved is an estimator."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit.__main__ import main
from age_audit.core.errors import UsageError
from age_audit.pipeline.training import _not_learnt_from, _note_seconds

OPTIONS = ("--model", "cnn", "--image-size", "32", "--groups", "Young 0-50,Old 51-", "--stages", "all:0.001:1")


@pytest.fixture(scope="module")
def folders(tmp_path_factory, astronaut_head, hopper_head):
    """Images, and a table that calls each of them no copy of another, as portraits of other people would be."""
    images, copies = tmp_path_factory.mktemp("images"), tmp_path_factory.mktemp("copies")
    heads = [(30, astronaut_head), (77, np.array(Image.fromarray(hopper_head).resize((200, 200))))]
    for age, head in heads:
        for number in range(10):
            changed = np.roll(head, number, axis=1)[:, :: -1 if number % 2 else 1] * (1 - 0.03 * number)
            Image.fromarray(changed.astype(np.uint8)).save(images / f"{age}_1_{number % 2}_{number}.png")
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(images / "40_0_3_99.png")
    rows = [{"fname": path.name, "cluster": place} for place, path in enumerate(sorted(images.iterdir()))]
    (copies / "metadataset_utkface_images.json").write_text(json.dumps(rows))
    return images, copies


@pytest.fixture(scope="module")
def trained(folders, tmp_path_factory):
    images, copies = folders
    output = tmp_path_factory.mktemp("trained")
    given = ["train", "--images", str(images), "--copies", str(copies), "--output", str(output), *OPTIONS]
    assert main(given) == 0
    return output, given


def test_everything_is_written(trained):
    output, _ = trained
    dealt = json.loads((output / "split.json").read_text())
    test = pd.read_csv(output / "predictions.csv")
    assert sorted(test["fname"]) == dealt["splits"]["test"] and sum(map(len, dealt["splits"].values())) == 20
    assert test[["probability_Young", "probability_Old"]].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    measures = pd.read_csv(output / "measures.csv").dropna(subset="low")
    shares = measures[measures["measure"].isin(["exact", "within_one"])]
    assert shares["value"].isin([0, 1]).any() and (shares["high"] - shares["low"]).gt(0.1).all()
    names = {path.name for path in output.iterdir() if path.is_file()}
    assert {"cnn-groups.keras", "cnn-groups.json", "curves.csv", "curves.png", "balance.csv"} < names
    assert {"model_card.md", "confusion.png", "calibration.csv", "measures.csv", "training.json"} < names
    card = (output / "model_card.md").read_text()
    assert "no face found 1" in card and dealt["sha256"]["test"][:16] in card and str(output) not in card


def test_the_saved_model_goes_through_stage_1(trained, folders, tmp_path):
    output, _ = trained
    images, _ = folders
    given = ["--images", str(images), "--output", str(output / "faces"), "--metadatasets", str(tmp_path)]
    assert main(["estimate", *given, "--estimator", str(output / "cnn-groups.json")]) == 0
    found = json.loads((tmp_path / "metadataset_utkface_predictions.json").read_text())["predictions"]
    test = pd.read_csv(output / "predictions.csv").set_index("fname")["age_estimation"]
    assert len(found) == 20
    assert [found[name] for name in test.index] == pytest.approx(test.to_list(), abs=1e-3)


def test_the_same_command_again_changes_nothing(trained):
    output, given = trained
    before = {
        path.name: path.read_bytes() for path in output.iterdir() if path.is_file() and path.name != "budget.json"
    }
    assert main(given) == 0
    assert {name: (output / name).read_bytes() for name in before} == before


def test_a_refused_training_leaves_what_lies_there(trained, capsys):
    output, given = trained
    before = {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}
    assert main([*given, "--split-seed", "7", "--balance", "weights"]) == 2
    assert "another --output" in capsys.readouterr().err
    assert {name: (output / name).read_bytes() for name in before} == before


def test_a_trained_classifier_is_asked_about_faces_that_it_has_not_learnt_from(trained, folders, tmp_path, capsys):
    output, _ = trained
    images, copies = folders
    given = ["--images", str(images), "--copies", str(copies), "--classifier", str(output), "--output", str(tmp_path)]
    assert main(["evaluate-classifier", *given, "--half-width", "0.1"]) == 0
    printed = capsys.readouterr().out
    dealt = json.loads((output / "split.json").read_text())["splits"]
    own, others = len(dealt["test"]), 20 - len(dealt["test"])
    assert f"{own} faces, 95 % intervals" in printed and "to within 10 points" in printed and f"are {own}" in printed
    assert f"training or validation part {others}" in printed
    assert sorted(pd.read_csv(tmp_path / "predictions.csv")["fname"]) == dealt["test"]


def test_faces_that_it_has_learnt_from_alone_are_refused(tmp_path):
    (tmp_path / "split.json").write_text(json.dumps({"content": {"train": ["a"], "validation": ["b"], "test": ["c"]}}))
    faces, left_out = pd.DataFrame({"content": ["a", "b", "c", "d"]}), {}
    assert _not_learnt_from(tmp_path, faces, left_out)["content"].tolist() == ["c", "d"]
    assert list(left_out.values()) == [2]
    with pytest.raises(UsageError, match="not learnt from"):
        _not_learnt_from(tmp_path, faces[:2], {})


def test_a_model_that_is_not_the_trained_one_is_refused(trained, folders, tmp_path, capsys):
    given = ["evaluate-classifier", "--images", str(folders[0]), "--classifier", str(tmp_path)]
    (tmp_path / "training.json").write_text("{}")
    assert main(given) == 2 and "KeyError('sha256')" in capsys.readouterr().err
    for name in ("training.json", "cnn-groups.json"):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    (tmp_path / "cnn-groups.keras").write_bytes(b"another")
    assert main(given) == 2 and "to have the sha256" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_ends_with_2(folders, capsys):
    assert main(["train", "--images", str(folders[0]), "--output", "/proc/classifier", "--model", "cnn"]) == 2
    assert "cannot write to /proc/classifier" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("further", "said"),
    [
        (["--model", "vgg"], "--model"),
        (["--seed", "-1"], "expected --seed to be between"),
        (["--split-seed", "-1"], "expected --split-seed to be between"),
        (["--precision", "half"], "expected --precision to be one of float32, bfloat16"),
        (["--groups", "Child 0-12"], "two or more"),
        (["--groups", "A 0-60,B 61-70,C 71-"], "none of B"),
        (["--stages", "much"], "LAYERS:RATE:EPOCHS"),
        (["--stages", "all:1e30:2"], "--stages all:1e30:2: expected rate to be a number, at least 1e-07"),
        (["--cap", "5"], "--balance cap"),
        (["--person", "who"], "--person"),
        ([*OPTIONS, "--weights", "imagenet"], "no weights for cnn"),
    ],
)
def test_what_users_can_act_on_ends_with_2(folders, trained, tmp_path, capsys, further, said):
    images, copies = folders
    faces = str(trained[0] / "faces")
    given = ["--images", str(images), "--copies", str(copies), "--faces", faces, "--output", str(tmp_path), *further]
    assert main(["train", *given]) == 2
    assert said in capsys.readouterr().err


def test_no_classifier_is_no_folder_of_one(folders, tmp_path, capsys):
    assert main(["evaluate-classifier", "--images", str(folders[0]), "--classifier", str(tmp_path)]) == 2
    assert "age-audit train" in capsys.readouterr().err


def test_labels_called_as_a_row_is_called_inside_change_nothing_and_people_are_drawn_whole(
    trained, folders, tmp_path, capsys
):
    images, copies = folders
    labels = pd.DataFrame({"fname": sorted(path.name for path in images.iterdir())})
    labels = labels.assign(age=labels["fname"].str[:2], who=labels["fname"].str[:2])
    labels = labels.assign(path="/nowhere", image="x", content="y", group="z", cluster="w")
    labels.to_csv(tmp_path / "labels.csv", index=False)
    given = ["--images", str(images), "--copies", str(copies), "--classifier", str(trained[0])]
    given += ["--labels", str(tmp_path / "labels.csv"), "--output", str(tmp_path)]
    assert main(["evaluate-classifier", *given, "--person", "who"]) == 0
    assert "faces of as many people; these are 2" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "predictions.csv")["cluster"].nunique() == 2
    assert main(["evaluate-classifier", *given, "--person", "cluster"]) == 2
    assert "--person to name a column called otherwise than" in capsys.readouterr().err


def test_copies_of_other_pictures_are_refused(trained, folders, tmp_path, capsys):
    (tmp_path / "metadataset_utkface_images.json").write_text('[{"fname": "other.jpg", "cluster": 0}]')
    given = ["--images", str(folders[0]), "--copies", str(tmp_path), "--classifier", str(trained[0])]
    assert main(["evaluate-classifier", *given, "--output", str(tmp_path / "out")]) == 2
    assert "expected --copies to be of these pictures, but the utkface in" in capsys.readouterr().err


def test_pictures_without_any_face_are_refused(trained, folders, tmp_path, capsys):
    (tmp_path / "images").mkdir()
    shutil.copy(folders[0] / "40_0_3_99.png", tmp_path / "images")
    given = ["--images", str(tmp_path / "images"), "--classifier", str(trained[0]), "--output", str(tmp_path / "out")]
    assert main(["evaluate-classifier", *given]) == 2
    assert "expected pictures with a face that is found, found none" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"content": {"train": []}}'])
def test_parts_that_nobody_can_know_are_not_taken_for_unseen(tmp_path, content):
    if content is not None:
        (tmp_path / "split.json").write_text(content)
    with pytest.raises(UsageError, match="which says what the classifier has learnt from"):
        _not_learnt_from(tmp_path, pd.DataFrame({"content": ["a"]}), {})


@pytest.mark.parametrize("damaged", ["{", "[]", "{}", '{"processor_seconds": null}'])
def test_a_damaged_note_of_seconds_ends_no_training(tmp_path, damaged):
    (tmp_path / "budget.json").write_text(damaged)
    for _ in range(2):
        _note_seconds(tmp_path, 1.5)
    assert json.loads((tmp_path / "budget.json").read_text()) == {"processor_seconds": 3.0}

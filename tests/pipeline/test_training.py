"""The commands train and evaluate-classifier on two portraits in many variants; what is saved is an estimator."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit.__main__ import main
from age_audit.core.errors import UsageError
from age_audit.pipeline.training import _not_learnt_from

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
        (["--groups", "Child 0-12"], "two or more"),
        (["--groups", "A 0-60,B 61-70,C 71-"], "none of B"),
        (["--stages", "much"], "LAYERS:RATE:EPOCHS"),
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

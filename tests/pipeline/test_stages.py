"""The three stages, chained on real faces with a real model, as a person runs them."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import analysis_1_method
import analysis_2_evaluate
import analysis_3_filter_visualise
from age_audit.core.vocabulary import UTKFACE_LABELS
from age_audit.data.metadatasets import read_metadataset
from age_audit.store.ledger import Ledger
from age_audit.store.records import attribution_from_bytes
from tests.estimators.onnx_files import network

ROOT = Path(__file__).parents[2]
ESTIMATOR = "cydral-resnet10"  # a hundredth of the DEX models' cost
KINDS = ("predictions", "activations", "attachment", "boxes", "region_years", "masks")


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut_head, hopper_head):
    """Four files named as UTKFace names them: two portraits, one of them mirrored too, and one without a face."""
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(astronaut_head).save(folder / "30_1_0_2017.png")
    Image.fromarray(hopper_head).save(folder / "77_1_0_2017.jpg", quality=95)
    Image.fromarray(hopper_head[:, ::-1]).save(folder / "77_1_20170109142408075.png")  # lacks the race
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(folder / "40_0_3_2017.png")
    return folder


def stage1(photos: Path, folder: Path, *options: str, meta: str = "meta", estimator: str = ESTIMATOR) -> int:
    usual = [] if "--images" in options else ["--images", str(photos)]
    usual += [] if "--estimator" in options else ["--estimator", estimator]
    arguments = [*usual, "--output", str(folder / "out"), "--metadatasets", str(folder / meta), *options]
    return analysis_1_method.main(arguments)


def stage2(folder: Path, *options: str, meta: str = "meta") -> int:
    return analysis_2_evaluate.main(["--output", str(folder / "out"), "--metadatasets", str(folder / meta), *options])


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    """A folder in which all stages ran once, with one process."""
    folder = tmp_path_factory.mktemp("finished")
    assert stage1(photos, folder) == 0
    assert stage2(folder) == 0
    return folder


def test_metadatasets_hold_what_the_contract_says(finished):
    meta = finished / "meta"
    predictions = read_metadataset(meta, "utkface", "predictions")
    assert predictions["cropping"] == {"images_total": 4, "images_failed_detected": 1}
    assert predictions["explanations"] == {"images_total": 3, "images_failed_detected": 0}
    assert sorted(predictions["predictions"]) == ["30_1_0_2017.png", "77_1_0_2017.jpg", "77_1_20170109142408075.png"]
    assert predictions["predictions"]["30_1_0_2017.png"] < predictions["predictions"]["77_1_0_2017.jpg"]
    failures = predictions["failures"]
    # Wilson's interval by hand for 1 of 1: 1 / (1 + z^2) to 1, with z = 1.96
    bounds = {"failed_share_interval95": [0.2065, 1.0]}
    lost = {"images_total": 1, "images_failed": 1, "by_reason": {"align/no-face": 1}} | bounds
    assert failures["by_race"]["Indian"] == failures["by_gender"]["Male"] == lost
    assert failures["by_age_range"]["26-100"]["images_total"] == 4
    assert failures["by_age_range"]["26-100"]["by_reason"] == {"align/no-face": 1}
    assert failures["by_race"]["unlabelled"]["images_failed"] == 0

    rows = read_metadataset(meta, "utkface", "activations")
    assert [row["fname"] for row in rows] == sorted(predictions["predictions"])
    assert {key: rows[2][key] for key in ("age_real", "gender_real", "race_real")} == {
        "age_real": 77,
        "gender_real": "Female",
        "race_real": None,
    }
    for row in rows:
        assert row["age_estimation"] == predictions["predictions"][row["fname"]]
        years = abs(row["age_estimation"] - row["age_real"])
        assert row["age_estimation_accuracy"] == pytest.approx((100 - years) / 100)
        assert len([key for key in row if key.startswith("activation_")]) == 26
    attachment = read_metadataset(meta, "utkface", "attachment")
    assert [len(entry["landmarks"]) for entry in attachment] == [68, 68, 68]


def test_packed_masks_are_the_pictures(finished):
    from age_audit.core.masks import unpack_masks

    stored = read_metadataset(finished / "meta", "utkface", "masks")
    for fname, mask in zip(stored["fname"], unpack_masks(stored["positive"]), strict=True):
        picture = np.array(Image.open(finished / "out" / "img-masks" / f"{fname}.png"))
        assert picture.shape == (224, 224)
        assert np.array_equal(picture == 255, mask)
        assert 0 < mask.mean() < 1


def test_activations_are_those_of_the_masks_and_landmarks(finished):
    from age_audit.regions.scores import score_regions

    rows = read_metadataset(finished / "meta", "utkface", "activations")
    attachment = read_metadataset(finished / "meta", "utkface", "attachment")
    for row, entry in zip(rows, attachment, strict=True):
        picture = np.array(Image.open(finished / "out" / "img-masks" / f"{row['fname']}.png"))
        scores = score_regions(picture == 255, np.array(entry["landmarks"]))
        assert {key: row[key] for key in scores} == scores


def test_a_second_run_does_nothing_and_says_so(photos, finished, capsys):
    before = files_in(finished / "meta")
    stamps = {path.name: path.stat().st_mtime_ns for path in (finished / "meta").iterdir()}
    assert stage1(photos, finished) == 0
    out = capsys.readouterr().out
    assert "mean absolute error" in out.split(f"\n{UTKFACE_LABELS}")[0].splitlines()[-1]  # it follows the errors
    last = out.splitlines()[-2:]
    assert last == ["nothing to do, all results were there", "4 images = 3 done + 1 failed (align/no-face 1)"]
    assert stage2(finished) == 0
    last = capsys.readouterr().out.splitlines()[-2:]
    assert last == ["nothing to do, all results were there", "3 images = 3 done + 0 failed"]
    assert files_in(finished / "meta") == before
    assert {path.name: path.stat().st_mtime_ns for path in (finished / "meta").iterdir()} == stamps


@pytest.mark.long
def test_the_same_bytes_from_two_processes_in_steps_and_other_file_order(photos, finished, tmp_path):
    reversed_photos = tmp_path / "photos"
    reversed_photos.mkdir()
    for path in sorted(photos.iterdir(), reverse=True):
        shutil.copy(path, reversed_photos / path.name)
    assert stage1(reversed_photos, tmp_path, "--steps", "align") == 0
    assert stage1(reversed_photos, tmp_path, "--steps", "crop,estimate", "--batch", "2") == 0
    assert stage1(reversed_photos, tmp_path, "--steps", "explain", "--workers", "2") == 0
    assert stage2(tmp_path, "--workers", "2") == 0
    assert files_in(tmp_path / "meta") == files_in(finished / "meta")
    for name in ("img-aligned", "img-cropped", "img-masks"):
        assert files_in(tmp_path / "out" / name) == files_in(finished / "out" / name)


def test_nothing_written_names_a_place_or_a_time(finished):
    for name, content in files_in(finished / "meta").items():
        assert str(finished).encode() not in content, name
        assert b"/tmp" not in content, name


def test_presets_live_side_by_side_and_masks_show_the_one_asked_for(photos, finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    published = files_in(folder / "out" / "img-masks")
    few = ("--preset", "audit", "--samples", "64")
    assert stage1(photos, folder, *few, meta="meta-audit") == 0
    assert stage2(folder, *few, meta="meta-audit") == 0
    audit = files_in(folder / "out" / "img-masks")
    assert audit.keys() == published.keys() and audit != published
    shades = np.unique(np.stack([np.array(Image.open(path)) for path in (folder / "out" / "img-masks").iterdir()]))
    assert shades.tolist() == [0, 128, 255]  # unsettled superpixels are neither
    first = read_metadataset(folder / "meta-audit", "utkface", "activations")
    assert first != read_metadataset(folder / "meta", "utkface", "activations")

    assert stage1(photos, folder) == 0  # back to the other preset: nothing to compute, masks drawn from what was kept
    assert files_in(folder / "out" / "img-masks") == published
    assert files_in(folder / "meta") == files_in(finished / "meta")


def test_other_numbers_of_samples_lie_beside_the_presets(photos, finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    assert stage1(photos, folder, "--samples", "20", meta="meta-20") == 0
    assert stage2(folder, "--samples", "20", meta="meta-20") == 0
    provenance = json.loads((folder / "meta-20" / "metadataset_utkface_activations.provenance.json").read_text())
    assert provenance["explanation"]["num_samples"] == 20
    assert (
        files_in(folder / "meta-20")["metadataset_utkface_masks.npz"]
        != files_in(folder / "meta")["metadataset_utkface_masks.npz"]
    )
    capsys.readouterr()
    assert stage1(photos, folder) == 0  # those of the preset are still there
    assert "nothing to do" in capsys.readouterr().out
    assert files_in(folder / "meta") == files_in(finished / "meta")
    assert stage2(folder, "--samples", "30", meta="elsewhere") == 2
    said = capsys.readouterr().err
    assert (
        "--preset published for cydral-resnet10, preset published, lime of top-class; --preset published --samples"
        in said
    )
    assert "got --preset published --samples 30" in said
    assert stage2(folder, "--samples", "20") == 2  # the folder holds those of the preset's number
    assert "which are --preset published for cydral-resnet10" in capsys.readouterr().err


def test_sampling_until_settled_lies_beside_the_rest_and_goes_through_both_stages(photos, finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    audit = ("--preset", "audit", "--samples", "512")
    until = (*audit, "--until-settled", "0.3")
    assert stage1(photos, folder, *until, meta="until") == 0
    assert stage2(folder, *until, meta="until") == 0
    provenance = json.loads((folder / "until" / "metadataset_utkface_activations.provenance.json").read_text())
    stated = {name: provenance["explanation"][name] for name in ("num_samples", "settled_by", "until_settled")}
    assert stated == {"num_samples": 512, "settled_by": "false-discovery-rate", "until_settled": 0.3}
    with Ledger(folder / "out") as ledger:
        (variant,) = (name for name in ledger.variants("explain") if "until" in name)
        payloads = [ledger.payload(image, "explain", variant) for image in ledger.images()]
    found = [attribution_from_bytes(payload) for payload in payloads if payload is not None]  # one has no face
    for attribution in found:
        settled = (attribution.positive_mask | attribution.negative_mask).mean()
        assert attribution.samples == 512 or (attribution.samples == 256 and settled >= 0.3)
    assert len(found) == 3
    assert stage2(folder, *audit, meta="until") == 2
    words = "which are --preset audit --samples 512 --until-settled 0.3 for cydral-resnet10"
    assert words in capsys.readouterr().err
    assert stage2(folder, *audit, "--until-settled", "0.4", meta="elsewhere") == 2
    assert "got --preset audit --samples 512 --until-settled 0.4" in capsys.readouterr().err


def test_a_changed_image_is_done_again_and_no_other(photos, finished, tmp_path, capsys, astronaut_head):
    folder, changed = tmp_path / "copy", tmp_path / "photos"
    shutil.copytree(finished, folder)
    shutil.copytree(photos, changed)
    Image.fromarray(astronaut_head[:, ::-1]).save(changed / "30_1_0_2017.png")
    before = seconds_by_image(folder)
    assert stage1(changed, folder) == 0
    after = seconds_by_image(folder)
    assert {image for image, *_ in before if before[(image, *_)] != after[(image, *_)]} == {"30_1_0_2017.png"}
    assert "4 images = 3 done + 1 failed" in capsys.readouterr().out


def change_ledger(folder: Path, statement: str, *values) -> None:
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite")) as database:
        assert database.execute(statement, values).rowcount > 0
        database.commit()


@pytest.mark.parametrize("step", ["estimate", "explain", "landmarks", "activations"])
def test_a_damaged_result_is_told_forgotten_and_made_anew(photos, finished, tmp_path, capsys, step):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    change_ledger(folder, "UPDATE results SET payload = X'00' WHERE step = ? AND image LIKE '30%'", step)
    stages = [lambda: stage1(photos, folder), lambda: stage2(folder)]
    if step in ("landmarks", "activations"):
        stages.reverse()
    assert stages[0]() == 2
    said = capsys.readouterr().err
    assert f"expected the results of {step} in " in said and "run stage" in said and said.count("\n") == 1
    assert [stage() for stage in stages] == [0, 0]
    assert files_in(folder / "meta") == files_in(finished / "meta")


def test_a_damaged_explanation_that_stage_2_meets_first(photos, finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    change_ledger(folder, "UPDATE results SET payload = X'00' WHERE step = 'explain' AND image LIKE '30%'")
    change_ledger(folder, "DELETE FROM outcomes WHERE step = 'activations'")
    assert stage2(folder) == 0
    assert "activations/explanation-unreadable 1" in capsys.readouterr().out
    assert stage1(photos, folder) == 2
    assert stage1(photos, folder) == stage2(folder) == 0
    assert files_in(folder / "meta") == files_in(finished / "meta")


@pytest.mark.parametrize("part", [0, 0.5])
def test_a_ledger_whose_pages_are_damaged(photos, finished, tmp_path, capsys, part):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    path = folder / "out" / "ledger.sqlite"
    whole = path.read_bytes()
    start = 4096 + int(part * (len(whole) - 4096))
    path.write_bytes(whole[:start] + b"\xff" * (len(whole) - start))
    assert stage1(photos, folder) == 2
    said = capsys.readouterr().err
    assert "malformed" in said and "put back a copy" in said and said.count("\n") == 1


def seconds_by_image(folder: Path) -> dict[tuple, float]:
    """How long each step took: a step that ran again took another time."""
    with sqlite3.connect(folder / "out" / "ledger.sqlite") as database:
        return {row[:2]: row[2] for row in database.execute("SELECT image, step, seconds FROM outcomes")}


def test_a_lost_crop_and_a_lost_mask_are_made_again(photos, finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    lost = [
        folder / "out" / "img-cropped" / "30_1_0_2017.png.png",
        folder / "out" / "img-masks" / "77_1_0_2017.jpg.png",
    ]
    contents = [path.read_bytes() for path in lost]
    for path in lost:
        path.unlink()
    (folder / "out" / "img-masks" / ".1-0.partial").write_bytes(b"half")
    assert stage1(photos, folder) == 0
    assert [path.read_bytes() for path in lost] == contents
    assert not list((folder / "out").rglob("*.partial"))


def test_a_damaged_crop_fails_with_a_reason_and_heals(photos, finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    crop = folder / "out" / "img-cropped" / "30_1_0_2017.png.png"
    whole = crop.read_bytes()
    crop.write_bytes(whole[: len(whole) // 2])
    assert stage1(photos, folder, "--overwrite", "--steps", "estimate") == 0
    assert "2 done + 2 failed (align/no-face 1, estimate/crop-unreadable 1)" in capsys.readouterr().out
    assert stage1(photos, folder) == 0
    assert "3 done + 1 failed (align/no-face 1)" in capsys.readouterr().out
    assert crop.read_bytes() == whole
    assert files_in(folder / "meta") == files_in(finished / "meta")


def test_of_two_leaning_heads_the_aligned_one_is_cropped(tmp_path, astronaut_head, hopper_head):
    """Turned upright, one head makes the other one the larger find."""
    sides = []
    for head, degrees in ((astronaut_head, -10), (hopper_head, 10)):
        square = Image.fromarray(head).resize((260, 260))
        sides.append(np.array(square.rotate(degrees, fillcolor=(128, 128, 128))))
    both = np.full((340, 620, 3), 128, np.uint8)
    both[40:300, 20:280], both[40:300, 320:580] = sides
    alone = both.copy()
    alone[:, :300] = 128
    crops = []
    for name, picture in (("both", both), ("alone", alone)):
        (tmp_path / name).mkdir()
        Image.fromarray(picture).save(tmp_path / name / "30_1_0_2017.png")
        folder = tmp_path / f"of-{name}"
        assert stage1(tmp_path / name, folder, "--steps", "align") == 0
        assert stage1(tmp_path / name, folder, "--steps", "crop") == 0
        crops.append(np.array(Image.open(folder / "out" / "img-cropped" / "30_1_0_2017.png.png")).astype(int))
    assert np.abs(crops[0] - crops[1]).mean() < 3
    with closing(sqlite3.connect(tmp_path / "of-both" / "out" / "ledger.sqlite")) as database:
        notes = dict(database.execute("SELECT step, note FROM outcomes"))
        assert notes["align"] == "several-faces: 2, the largest one taken"
        assert notes["crop"] == "several-faces: 2, the aligned one taken"

        # A ledger from before the place of the aligned face was kept: it is aligned again.
        facts = '{"scale": 1, "angle": 0, "faces_found": 2}'
        database.execute("UPDATE results SET payload = ? WHERE step = 'align'", (facts.encode(),))
        database.commit()
    crop = tmp_path / "of-both" / "out" / "img-cropped" / "30_1_0_2017.png.png"
    before = crop.read_bytes()
    crop.unlink()
    assert stage1(tmp_path / "both", tmp_path / "of-both", "--steps", "crop") == 0
    assert crop.read_bytes() == before


def test_without_alignment(photos, tmp_path, capsys):
    assert stage1(photos, tmp_path, "--steps", "crop,estimate", "--limit", "2") == 0
    assert "2 images = 1 done + 1 failed (crop/no-face 1)" in capsys.readouterr().out
    assert not list((tmp_path / "out" / "img-aligned").iterdir())
    provenance = json.loads((tmp_path / "meta" / "metadataset_utkface_predictions.provenance.json").read_text())
    assert provenance["aligned"] is False
    assert provenance["estimator"]["name"] == ESTIMATOR


def test_sample_and_csv_labels(photos, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    labels.write_text("fname,age,gender,race\n77_1_0_2017.jpg,,Female,\n30_1_0_2017.png,36.5,,\n")
    assert stage1(photos, tmp_path, "--steps", "crop", "--labels", str(labels), "--sample", "3") == 0
    assert "3 images = " in capsys.readouterr().out
    assert stage1(photos, tmp_path, "--steps", "crop,estimate", "--labels", str(labels)) == 0
    out = capsys.readouterr().out
    assert "4 images = " in out and "mean absolute error" in out and UTKFACE_LABELS not in out
    known = read_metadataset(tmp_path / "meta", "utkface", "predictions")["labels"]
    assert known["30_1_0_2017.png"] == {"age_real": 36.5, "gender_real": None, "race_real": None}


def test_a_folder_of_metadatasets_is_of_one_estimator_and_preset(photos, tmp_path, capsys):
    assert stage1(photos, tmp_path) == 0
    assert stage2(tmp_path) == 0
    before = files_in(tmp_path / "meta")
    capsys.readouterr()
    assert stage1(photos, tmp_path, "--preset", "audit", "--samples", "16") == 2
    words = "its predictions are by cydral-resnet10, preset published, lime of top-class; each estimator"
    assert words in capsys.readouterr().err
    assert stage1(photos, tmp_path, "--preset", "audit", "--samples", "16", meta="audit") == 0
    assert stage2(tmp_path, "--preset", "audit", "--samples", "16") == 2
    assert "which are --preset published for cydral-resnet10" in capsys.readouterr().err
    assert stage1(photos, tmp_path, "--steps", "estimate", estimator="dex-wrn") == 2
    assert files_in(tmp_path / "meta") == before


def test_labels_come_from_one_source_that_is_named(photos, tmp_path, capsys):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("fname,age\n30_1_0_2017.png,31\n77_1_0_2017.jpg,76\nnobody.jpg,5\n")
    second.write_text("fname,age\n30_1_0_2017.png,32\n77_1_0_2017.jpg,76\n")
    names = ("30_1_0_2017.png", "77_1_0_2017.jpg")

    def ages():
        found = read_metadataset(tmp_path / "meta", "utkface", "predictions")
        return [found["labels"][name]["age_real"] for name in names], [found["accuracy"]["n"]]

    assert stage1(photos, tmp_path, "--labels", str(first)) == 0
    assert ages() == ([31, 76], [2])
    stated = json.loads((tmp_path / "meta" / "metadataset_utkface_predictions.provenance.json").read_text())["labels"]
    sha256 = hashlib.sha256(first.read_bytes()).hexdigest()
    unmatched = {"images_without_label": len(list(photos.iterdir())) - 2, "rows_without_image": 1}
    assert stated == {"from": "first.csv", "sha256": sha256} | unmatched
    assert stage2(tmp_path) == 0
    capsys.readouterr()
    assert stage1(photos, tmp_path) == 2
    assert "expected --labels, for those in" in (said := capsys.readouterr().err) and "are from first.csv" in said
    assert ages() == ([31, 76], [2])
    assert stage1(photos, tmp_path, "--labels", str(second), "--limit", "1") == 0
    assert "1 images have another one than before; all labels are now from second.csv" in capsys.readouterr().out
    assert ages() == ([32, 76], [2])
    drawn = ["--metadatasets", str(tmp_path / "meta"), "--figures", str(tmp_path / "figures")]
    assert analysis_3_filter_visualise.main(drawn) == 2
    assert "run analysis_2_evaluate.py again" in capsys.readouterr().err
    assert stage2(tmp_path) == 0
    assert analysis_3_filter_visualise.main(drawn) == 0
    assert stage1(photos, tmp_path, "--labels", "utkface", meta="elsewhere") == 0
    before = files_in(tmp_path / "meta")
    assert stage2(tmp_path) == 2
    assert "predictions from second.csv, with other contents; run analysis_1_method.py" in capsys.readouterr().err
    assert files_in(tmp_path / "meta") == before
    assert stage1(photos, tmp_path) == 0
    assert ages() == ([30, 77], [3])


def test_an_image_that_comes_back_has_no_label_of_an_earlier_source(photos, tmp_path):
    """It is left out by --limit in the run that finds it again."""
    folder, away = tmp_path / "photos", tmp_path / "away.jpg"
    shutil.copytree(photos, folder)
    last = folder / "77_1_0_2017.jpg"
    for source, age in (("first.csv", 70), ("second.csv", 71)):
        (tmp_path / source).write_text(f"fname,age\n{last.name},{age}\n30_1_0_2017.png,31\n")
    options = ["--steps", "crop", "--labels", str(tmp_path / "second.csv"), "--limit", "1"]
    assert stage1(folder, tmp_path, "--steps", "crop", "--labels", str(tmp_path / "first.csv")) == 0
    last.rename(away)
    assert stage1(folder, tmp_path, *options) == 0
    away.rename(last)
    assert stage1(folder, tmp_path, *options) == 0
    assert read_metadataset(tmp_path / "meta", "utkface", "predictions")["labels"][last.name]["age_real"] == 71


def test_stage2_says_what_is_missing(photos, finished, tmp_path, capsys):
    assert analysis_2_evaluate.main(["--output", str(tmp_path / "none")]) == 2
    assert "run analysis_1_method.py with this --output first" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert stage2(finished, "--preset", "audit", meta="elsewhere") == 2
    words = "published for cydral-resnet10, preset published, lime of top-class; got --preset audit: say so here"
    assert words in capsys.readouterr().err


def test_stage3_reads_what_stage2_wrote(finished, tmp_path, capsys):
    figures = tmp_path / "figures"
    assert analysis_3_filter_visualise.main(["--metadatasets", str(finished / "meta"), "--figures", str(figures)]) == 0
    assert "3 images read, 3 used" in capsys.readouterr().out
    assert len(list(figures.glob("*.png"))) == 4


@pytest.mark.long
def test_the_same_tables_from_parquet(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    before = files_in(folder / "meta")
    tables = {}
    for form in ("json", "parquet"):
        assert stage2(folder, "--format", form) == 0
        figures = folder / f"figures-{form}"
        arguments = ["--metadatasets", str(folder / "meta"), "--figures", str(figures)]
        assert analysis_3_filter_visualise.main(arguments) == 0
        tables[form] = files_in(figures)
    assert tables["json"] == tables["parquet"]
    assert not (folder / "meta" / "metadataset_utkface_activations.json").exists()
    assert stage2(folder) == 0  # few images: JSON again
    assert not (folder / "meta" / "metadataset_utkface_activations.parquet").exists()
    assert files_in(folder / "meta") == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--images", "nowhere"], "expected a folder of images at nowhere"),
        (
            ["--labels", "labels.xlsx"],
            "expected --labels to be utkface, imdbwiki, agedb, morph or a path ending in .csv, .tsv or .txt",
        ),
        (["--dataset", "x" * 240], "File name too long"),
        (["--estimator", "dex"], "expected an estimator among dex-wrn, dex-efficientnet-b3, cydral-resnet10"),
        (["--estimator", "nothing_here:f", "--steps", "estimate"], "expected 'nothing_here:f' to name module:function"),
    ],
)
def test_one_clear_sentence_and_exit_code_2(photos, tmp_path, capsys, options, words):
    assert stage1(photos, tmp_path, *options) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("analysis_1_method.py:") and words in lines[0]  # and no progress


def test_other_steps_leave_the_predictions_of_another_estimator(photos, finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    before = files_in(folder / "meta")
    arguments = ["--images", str(photos), "--output", str(folder / "out"), "--metadatasets", str(folder / "meta")]
    assert (
        analysis_1_method.main([*arguments, "--steps", "crop"]) == 0
    )  # by default of dex-wrn, which estimated nothing
    assert "is left as it is" in capsys.readouterr().out
    assert files_in(folder / "meta") == before
    assert stage2(folder) == 0  # and stage 2 still knows who explained


def test_what_was_not_attempted_is_no_failure(photos, tmp_path):
    assert stage1(photos, tmp_path, "--steps", "align") == 0
    predictions = read_metadataset(tmp_path / "meta", "utkface", "predictions")
    assert predictions["cropping"] == {"images_total": 1, "images_failed_detected": 1}  # the one without a face
    assert stage1(photos, tmp_path, "--steps", "crop") == 0
    assert stage1(photos, tmp_path, "--steps", "estimate", "--limit", "1") == 0
    predictions = read_metadataset(tmp_path / "meta", "utkface", "predictions")
    assert predictions["cropping"] == {"images_total": 4, "images_failed_detected": 1}
    assert predictions["failures"]["overall"]["by_reason"] == {"align/no-face": 1}
    assert len(predictions["predictions"]) == 1


def test_another_set_of_images_needs_another_output(photos, finished, tmp_path, capsys, astronaut_head):
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut_head).save(tmp_path / "photos" / "1_1_1_other.png")
    assert stage1(tmp_path / "photos", finished) == 2
    assert "choose another --output for another set" in capsys.readouterr().err


def test_results_of_other_images_and_of_another_model_of_the_name_are_no_ones_neighbours(
    photos, tmp_path, monkeypatch, capsys, astronaut_head
):
    other = tmp_path / "photos"
    other.mkdir()
    Image.fromarray(astronaut_head[:, ::-1]).save(other / "30_1_0_2017.png")  # called like one of the others
    (tmp_path / "mine.json").write_text(json.dumps({"model": "cv_ages:years"}))
    module = "import numpy as np\ndef years(faces):\n    return np.tile(np.eye(101)[{}], (len(faces), 1))\n"
    (tmp_path / "cv_ages.py").write_text(module.format(40))
    monkeypatch.chdir(tmp_path)

    def first(images, output, *options):
        where = ["--images", str(images), "--output", output, "--metadatasets", "meta", "--samples", "8"]
        return [*where, "--estimator", "mine.json", *options]

    def anew(*options):  # a process each: a module is loaded once
        command = [sys.executable, str(ROOT / "analysis_1_method.py"), *first(*options)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert analysis_1_method.main(first(photos, "out")) == 0
    second = ["--output", "out", "--metadatasets", "meta", "--samples", "8"]
    assert analysis_2_evaluate.main(second) == 0
    before = files_in(tmp_path / "meta")
    assert analysis_1_method.main(first(other, "out-2")) == 2
    assert "predictions are of others, none of which is among these 1" in capsys.readouterr().err
    assert files_in(tmp_path / "meta") == before
    (tmp_path / "cv_ages.py").write_text(module.format(50))
    assert "are by another mine.json, sha256:" in anew(photos, "out")
    third = ["--metadatasets", "meta", "--figures", "figures"]
    assert analysis_3_filter_visualise.main(third) == 2
    assert "expected one model in meta, but the activations are of sha256:" in capsys.readouterr().err
    assert analysis_2_evaluate.main(second) == 0
    assert analysis_3_filter_visualise.main(third) == 0
    anew(other, "out-2", "--overwrite")


def test_the_output_may_not_lie_among_the_images(photos, capsys):
    for output in (photos, photos / "out"):
        arguments = ["--images", str(photos), "--output", str(output), "--metadatasets", str(output)]
        assert analysis_1_method.main(arguments) == 2
        assert "expected --output outside --images" in capsys.readouterr().err
        assert len(list(photos.iterdir())) == 4


@pytest.mark.parametrize(
    ("name", "step", "redo"),
    [
        ("img-cropped", "estimate/crop-changed", "UPDATE outcomes SET key = '' WHERE step = 'estimate'"),
        ("img-cropped", "explain/crop-changed", "UPDATE outcomes SET key = '' WHERE step = 'explain'"),
        ("img-cropped", "landmarks/crop-changed", "UPDATE outcomes SET key = '' WHERE step = 'landmarks'"),
        ("img-aligned", "crop/aligned-changed", "UPDATE outcomes SET key = '' WHERE step = 'crop'"),
    ],
)
def test_a_picture_of_another_face_is_refused_and_made_again(photos, finished, tmp_path, capsys, name, step, redo):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    pictures = folder / "out" / name
    shutil.copy(pictures / "77_1_20170109142408075.png.png", pictures / "30_1_0_2017.png.png")
    change_ledger(folder, redo)
    run = (lambda: stage2(folder)) if step.startswith("landmarks") else (lambda: stage1(photos, folder))
    assert run() == 0
    assert f"{step} 1" in capsys.readouterr().out
    assert stage1(photos, folder) == stage2(folder) == 0
    assert files_in(pictures) == files_in(finished / "out" / name)
    assert files_in(folder / "meta") == files_in(finished / "meta")


def test_a_ledger_from_before_pictures_were_known_by_hash_is_taken_as_it_is(photos, finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    without = "CAST(json_remove(CAST(payload AS TEXT), '$.sha256') AS BLOB)"
    change_ledger(folder, f"UPDATE results SET payload = {without} WHERE step IN ('align', 'crop')")
    change_ledger(folder, "UPDATE outcomes SET key = '' WHERE step IN ('estimate', 'landmarks')")
    assert stage1(photos, folder) == stage2(folder) == 0
    assert "failed (" not in capsys.readouterr().out.splitlines()[-1]
    assert files_in(folder / "meta") == files_in(finished / "meta")
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite")) as database:
        (crops,) = zip(*database.execute("SELECT payload FROM results WHERE step = 'crop'"), strict=True)
    assert [sorted(json.loads(crop)) for crop in crops] == [["box", "decoder", "faces_found"]] * 3


def test_pictures_that_an_earlier_version_decoded_are_told_until_they_are_made_anew(photos, finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    assert stage1(photos, folder) == 0
    assert "decoded by an earlier version" not in capsys.readouterr().out
    without = "CAST(json_remove(CAST(payload AS TEXT), '$.decoder') AS BLOB)"
    change_ledger(folder, f"UPDATE results SET payload = {without} WHERE step IN ('align', 'crop')")
    steps = ["--steps", "align,crop,estimate"]
    for options, told in (([], "3 of 3"), (["--overwrite", "--limit", "1"], ""), ([], "2 of 3"), (["--overwrite"], "")):
        assert stage1(photos, folder, *steps, *options) == 0
        said = capsys.readouterr().out
        assert ("decoded by an earlier version" in said) == bool(told)
        assert f"{told} images were decoded" in said or not told
    assert files_in(folder / "meta") == files_in(finished / "meta")


def test_a_damaged_aligned_picture_heals(photos, finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    (folder / "out" / "img-aligned" / "30_1_0_2017.png.png").write_bytes(b"no picture")
    (folder / "out" / "img-cropped" / "30_1_0_2017.png.png").unlink()
    assert stage1(photos, folder) == 0
    assert "crop/aligned-unreadable 1" in capsys.readouterr().out
    assert stage1(photos, folder) == 0
    assert files_in(folder / "out" / "img-aligned") == files_in(finished / "out" / "img-aligned")
    assert files_in(folder / "meta") == files_in(finished / "meta")


def test_another_picture_of_the_same_size_and_time_is_another_picture(tmp_path, astronaut_head, hopper_head):
    place = tmp_path / "photos"
    place.mkdir()
    ages = []
    for head in (astronaut_head, np.array(Image.fromarray(hopper_head).resize((200, 200)))):
        path = place / "30_1_0_2017.bmp"  # pixels as they are: the same number of bytes
        Image.fromarray(head).save(path)
        os.utime(path, ns=(10**18, 10**18))
        assert stage1(place, tmp_path, "--steps", "crop,estimate") == 0
        ages += read_metadataset(tmp_path / "meta", "utkface", "predictions")["predictions"].values()
    assert ages[1] > ages[0] + 10


def test_an_estimator_that_trips_over_one_face_loses_that_face_only(photos, tmp_path, monkeypatch, capsys):
    (tmp_path / "shaky.py").write_text(
        "import numpy as np\n"
        "def raises(faces):\n"
        "    if (faces.mean(axis=(1, 2, 3)) > BRIGHT).any(): raise RuntimeError('too bright')\n"
        "    return np.full(len(faces), 30.0)\n"
        "def knows_not(faces):\n"
        "    return np.where(faces.mean(axis=(1, 2, 3)) > BRIGHT, np.nan, 30.0)\n"
    )
    monkeypatch.chdir(tmp_path)
    assert stage1(photos, tmp_path, "--steps", "crop") == 0
    brightness = sorted(np.array(Image.open(path)).mean() for path in (tmp_path / "out" / "img-cropped").iterdir())
    (tmp_path / "shaky.py").write_text(f"BRIGHT = {brightness[-2:][0] + 1e-3}\n" + (tmp_path / "shaky.py").read_text())
    for function, reason in (("raises", "unexpected-error"), ("knows_not", "estimate-not-finite")):
        (tmp_path / f"{function}.json").write_text(json.dumps({"model": f"shaky:{function}", "output": "ages"}))
        arguments = [
            "--images",
            str(photos),
            "--output",
            str(tmp_path / "out"),
            "--metadatasets",
            str(tmp_path / f"meta-{function}"),
        ]
        options = ["--estimator", f"{function}.json", "--steps", "estimate"]
        assert analysis_1_method.main([*arguments, *options]) == 0
        assert f"2 done + 2 failed (crop/no-face 1, estimate/{reason} 1)" in capsys.readouterr().out


def own_ages(folder: Path, answer: str) -> str:
    """A function of one's own, beside which one stands, that answers with plain ages; the name of its description."""
    name = f"ages_{abs(hash(str(folder)))}"
    (folder / f"{name}.py").write_text(f"import numpy as np\ndef years(faces): {answer}\n")
    (folder / "mine.json").write_text(json.dumps({"model": f"{name}:years", "output": "ages"}))
    return "mine.json"


@pytest.mark.parametrize(
    ("answers", "kept", "reasons"),
    [
        ([104.25, -5, 250], [104.25], {"estimate/estimate-impossible": 2}),
        ([0, 130, 42.0003], [0, 130, 42.0003], {}),
        ([np.inf, np.nan, -49006], [], {"estimate/estimate-not-finite": 2, "estimate/estimate-impossible": 1}),
    ],
)
def test_plain_ages_are_kept_as_they_come_or_fail_with_a_reason(
    photos, tmp_path, monkeypatch, capsys, answers, kept, reasons
):
    monkeypatch.chdir(tmp_path)
    listed = ", ".join(f"float('{answer}')" for answer in answers)
    estimator = own_ages(tmp_path, f"return np.resize([{listed}], len(faces))")
    assert stage1(photos, tmp_path, "--steps", "crop,estimate", estimator=estimator) == (0 if kept else 1)
    predictions = read_metadataset(tmp_path / "meta", "utkface", "predictions")
    assert list(predictions["predictions"].values()) == kept
    assert list(predictions["age_spread"].values()) == [None] * len(kept)  # nothing is known of how sure it is
    by_reason = predictions["failures"]["overall"]["by_reason"]
    assert by_reason == {"crop/no-face": 1} | reasons
    told = capsys.readouterr().out
    if "estimate/estimate-impossible" in reasons:
        assert f"the estimator gave {min(answers):g} years, nobody is beyond 0 to 130" in told
    provenance = json.loads((tmp_path / "meta" / "metadataset_utkface_predictions.provenance.json").read_text())
    assert provenance["estimator"]["output"] == "ages"


def test_plain_ages_go_through_all_stages(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    estimator = own_ages(tmp_path, "return faces.mean(axis=(1, 2, 3)) - 20")
    audit = ("--preset", "audit", "--samples", "16")
    assert stage1(photos, tmp_path, *audit, estimator=estimator) == 0
    assert stage2(tmp_path, *audit) == 0
    arguments = ["--metadatasets", str(tmp_path / "meta"), "--figures", str(tmp_path / "figures"), "--preset", "audit"]
    assert analysis_3_filter_visualise.main(arguments) == 0
    assert "3 images read, 3 used" in capsys.readouterr().out
    rows = read_metadataset(tmp_path / "meta", "utkface", "activations")
    ages = read_metadataset(tmp_path / "meta", "utkface", "predictions")["predictions"]
    assert {row["fname"]: row["age_estimation"] for row in rows} == ages
    assert max(ages.values()) > 100  # as it came


def test_what_the_preset_cannot_explain_is_told_before_any_work(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    estimator = own_ages(tmp_path, "return np.full(len(faces), 30.0)")
    assert stage1(photos, tmp_path, estimator=estimator) == 2
    told = capsys.readouterr()
    assert "this estimator gives ages only; explain its age (target 'age'," in told.err and not told.out
    assert not (tmp_path / "out").exists()


def test_an_estimator_that_raises_on_every_face_says_why_and_is_no_success(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    estimator = own_ages(tmp_path, "raise RuntimeError('no weights\\nhere')")
    assert stage1(photos, tmp_path, "--steps", "crop,estimate", estimator=estimator) == 1
    *_, first, second, balance = capsys.readouterr().out.splitlines()
    assert first == "  crop/no-face 1, the first 40_0_3_2017.png: the frontal face detector found none"
    assert second == "  estimate/unexpected-error 3, the first 30_1_0_2017.png: RuntimeError: no weights here"
    assert balance == "4 images = 0 done + 4 failed (crop/no-face 1, estimate/unexpected-error 3)"


def test_a_function_that_draws_at_random_is_refused(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    estimator = own_ages(tmp_path, "return np.random.default_rng().uniform(20, 60, len(faces))")
    for steps, preset in (("crop,estimate", "published"), ("explain", "audit")):
        assert stage1(photos, tmp_path, "--steps", steps, "--preset", preset, estimator=estimator) == 2
        assert "to answer the same for the same face within 0.01 years" in capsys.readouterr().err


def test_what_a_function_depends_on_changes_its_results(photos, tmp_path):
    """A module that it imports, then a file that it declares: each changed alone between two runs, which are processes
    of their own.
    """
    (tmp_path / "some_years.py").write_text(
        "import helper\ndef years(faces): return [helper.YEARS + float(open('weights.txt').read())] * len(faces)\n"
    )
    description = {"model": "some_years:years", "output": "ages", "files": ["weights.txt"]}
    (tmp_path / "mine.json").write_text(json.dumps(description))
    told = []
    for helper, weights in ((30, 1), (37, 1), (37, 8)):
        (tmp_path / "helper.py").write_text(f"YEARS = {helper}\n")
        (tmp_path / "weights.txt").write_text(f"{weights}\n")
        command = [
            sys.executable,
            str(ROOT / "analysis_1_method.py"),
            "--images",
            str(photos),
            "--steps",
            "crop,estimate",
        ]
        command += ["--output", "out", "--metadatasets", "meta", "--estimator", "mine.json", "--workers", "2"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        told.append(set(read_metadataset(tmp_path / "meta", "utkface", "predictions")["predictions"].values()))
        assert "made anew when one of these changes: mine.json, some_years, helper, weights.txt;" in done.stdout
    assert told == [{31.0}, {38.0}, {45.0}]


def test_an_onnx_file_of_ones_own_gives_the_same_from_any_number_of_processes(photos, tmp_path):
    (tmp_path / "net.onnx").write_bytes(network(["N", 3, 64, 64], last="Identity"))
    config = {"model": "net.onnx", "output": "logits", "value_range": [0, 1], "std": [0.1, 0.1, 0.1]}
    (tmp_path / "mine.json").write_text(json.dumps(config))
    for workers in ("1", "2"):
        options = ("--workers", workers, "--samples", "30")
        assert stage1(photos, tmp_path / workers, *options, estimator=str(tmp_path / "mine.json")) == 0
    alone, together = (files_in(tmp_path / workers / "meta") for workers in ("1", "2"))
    assert alone == together
    predictions = read_metadataset(tmp_path / "1" / "meta", "utkface", "predictions")
    assert predictions["explanations"] == {"images_total": 3, "images_failed_detected": 0}
    assert len(set(predictions["predictions"].values())) == 3

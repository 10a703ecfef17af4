"""Images that come as files, and images of which only crops and ledger came along."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import analysis_1_method
from age_audit.core.config import Stage1Config
from age_audit.core.errors import UsageError
from age_audit.pipeline.intake import find_images

ROOT = Path(__file__).parents[2]

# dlib cannot be imported, as on a machine that has none.
WITHOUT_DLIB = """
import sys
sys.modules["dlib"] = None
import analysis_1_method
from age_audit.core.config import Stage1Config
from age_audit.core.errors import UsageError
from age_audit.pipeline.intake import find_images
raise SystemExit(analysis_1_method.main(sys.argv[1:]))
"""
ESTIMATOR = """
import numpy as np

def years(faces):
    return faces[:, 40:150, 60:170, 0].mean(axis=(1, 2)) / 4
"""


@pytest.fixture
def studio(tmp_path, astronaut_head, hopper_head):
    """Three photos, one of them without a face, and an estimator of one's own."""
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut_head).save(tmp_path / "photos" / "30_1_0_1.png")
    Image.fromarray(hopper_head).save(tmp_path / "photos" / "77_1_0_1.png")
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "photos" / "40_0_3_1.png")
    (tmp_path / "studio_estimator.py").write_text(ESTIMATOR)
    (tmp_path / "mine.json").write_text('{"model": "studio_estimator:years", "output": "ages"}')
    return tmp_path


def options(folder, *more, images="photos"):
    told = ["--images", images, "--output", f"{folder}/out", "--metadatasets", f"{folder}/meta"]
    return [*told, "--estimator", "mine.json", "--preset", "audit", *more]


def files_in(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.long
def test_later_steps_run_from_crops_and_ledger_alone_and_without_dlib(studio, monkeypatch, capsys):
    monkeypatch.chdir(studio)
    assert analysis_1_method.main(options("whole")) == 0
    assert analysis_1_method.main(options("here", "--steps", "align,crop")) == 0
    away = studio / "away" / "out"
    away.mkdir(parents=True)
    shutil.copytree("here/out/img-cropped", away / "img-cropped")
    shutil.copy("here/out/ledger.sqlite", away)

    command = [sys.executable, "-c", WITHOUT_DLIB, *options("away", "--steps", "estimate,explain", images="nowhere")]
    done = subprocess.run(command, env={"PYTHONPATH": f"{ROOT}:{studio}"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 images, known from the ledger (their files are not here), faces aligned" in done.stdout
    assert done.stdout.splitlines()[-1] == "3 images = 2 done + 1 failed (align/no-face 1)"
    assert files_in(away / "img-masks") == files_in(studio / "whole" / "out" / "img-masks")
    assert files_in(studio / "away" / "meta") == files_in(studio / "whole" / "meta")

    # Brought back, nothing is left to do.
    shutil.copy(away / "ledger.sqlite", "here/out")
    shutil.copytree(away / "img-masks", "here/out/img-masks", dirs_exist_ok=True)
    capsys.readouterr()
    assert analysis_1_method.main(options("here")) == 0
    assert "nothing to do, all results were there" in capsys.readouterr().out
    assert files_in(studio / "here" / "meta") == files_in(studio / "whole" / "meta")


def test_a_crop_that_did_not_come_along_is_accounted_for(studio, monkeypatch, capsys):
    monkeypatch.chdir(studio)
    assert analysis_1_method.main(options("here", "--steps", "crop")) == 0
    Path("here/out/img-cropped/30_1_0_1.png.png").unlink()
    late = ["--steps", "explain", "--limit", "2", "--labels", "not_here.csv"]
    assert analysis_1_method.main(options("here", *late, images="nowhere")) == 1
    told = capsys.readouterr().out
    assert "labels: those in the ledger, from file names, utkface; without images --labels is not read" in told
    assert "2 of 3 images, known from the ledger" in told
    assert "2 images = 0 done + 2 failed (crop/no-face 1, explain/crop-unreadable 1)" in told


def test_columns_that_could_be_groups_are_told_where_nothing_is_compared(studio, monkeypatch, capsys):
    monkeypatch.chdir(studio)
    Path("labels.csv").write_text("fname;age;skin_tone\n30_1_0_1.png;30;I\n77_1_0_1.png;77;II\n40_0_3_1.png;40;II\n")
    given = options("here", "--steps", "crop", "--labels", "labels.csv")
    hint = "labels: no groups are compared; the labels have skin_tone: compare by --sensitive skin_tone\n"
    for more, told in (([], 1), (["--sensitive", "skin_tone"], 0)):
        assert analysis_1_method.main([*given, *more]) == 0
        assert capsys.readouterr().out.count(hint) == told


@pytest.mark.parametrize("steps", ["crop,explain", "align"])
def test_earlier_steps_need_the_images(studio, monkeypatch, capsys, steps):
    monkeypatch.chdir(studio)
    assert analysis_1_method.main(options("here", "--steps", "crop")) == 0
    assert analysis_1_method.main(options("here", "--steps", steps, images="nowhere")) == 2
    assert "expected a folder of images at nowhere" in capsys.readouterr().err


def test_pictures_of_a_run_are_none_of_its_images(astronaut_head, tmp_path):
    photos, output = tmp_path / "photos", tmp_path / "out"
    for folder in (photos, output / "img-cropped"):
        folder.mkdir(parents=True)
        Image.fromarray(astronaut_head).save(folder / "30_1_1_20170101000000000.png")
    assert str(find_images(Stage1Config(images=photos, output=output))) == "1 images"
    (photos / "link").symlink_to(output)
    for images in (photos, output / "img-cropped"):
        with pytest.raises(
            UsageError, match=r"expected images that no run has made, but .*img-cropped is where --output"
        ):
            find_images(Stage1Config(images=images, output=output))

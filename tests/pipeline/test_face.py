"""A photo of one's own: numbers of stage 1, the gate's own verdict, nothing kept but the page, no text that runs."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit.__main__ import main
from age_audit.core.config import Stage1Config
from age_audit.core.policy import Policy
from age_audit.core.schema import AgeEstimate
from age_audit.data.metadatasets import read_metadataset
from age_audit.data.portraits import PORTRAITS, portrait_path
from age_audit.pipeline.face import OneFace, ages_of_such, gate_rows, page_of
from age_audit.pipeline.stage1 import run_stage1

PHOTO = portrait_path(PORTRAITS[0])
LIGHT = "cydral-resnet10"


def spread_over(age, spread):
    """An estimate whose distribution over ages has this standard deviation."""
    return AgeEstimate(np.array([age]), np.array([[0.5, 0.5]]), np.array([age - spread, age + spread]))


def run(*options):
    return main(["face", "--estimator", LIGHT, *map(str, options)])


def test_the_estimate_is_that_of_stage_1_and_nothing_else_is_kept(tmp_path, capsys, monkeypatch):
    images, work = tmp_path / "img", tmp_path / "work"
    images.mkdir()
    work.mkdir()
    (images / "one.png").write_bytes(PHOTO.read_bytes())
    monkeypatch.chdir(work)
    assert run(images / "one.png", "--output", "page.html") == 0
    assert [path.name for path in work.iterdir()] == ["page.html"]
    said = float(re.search(r"one\.png: (\d+\.\d) years", capsys.readouterr().out)[1])
    stage1 = Stage1Config(
        images=images, output=tmp_path / "out", labels="utkface", estimator=LIGHT, dataset="d",
        metadatasets=tmp_path / "meta", steps=("align", "crop", "estimate"),
    )  # fmt: skip
    run_stage1(stage1)
    stored = read_metadataset(tmp_path / "meta", "d", "predictions")["predictions"]["one.png"]
    assert said == pytest.approx(stored, abs=0.051)

    page = (work / "page.html").read_text()
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", page)
    assert len(pictures) == 1 and Image.open(io.BytesIO(base64.b64decode(pictures[0]))).width > 1000
    assert "://" not in page and "<script" not in page and str(tmp_path) not in page
    assert "This is not your age" in page and "% of the picture is undecided" in page
    before = page
    assert run(images / "one.png", "--output", "page.html") == 0
    assert (work / "page.html").read_text() == before


def test_failures_are_told_and_all_failed_is_an_error(tmp_path, capsys):
    nobody, text = tmp_path / "<b>grey.png", tmp_path / "text.jpg"
    Image.new("RGB", (300, 300), "grey").save(nobody)
    text.write_text("no picture")
    assert run(nobody, text, tmp_path / "absent.png", "--output", tmp_path / "page.html") == 1
    told = capsys.readouterr().out
    assert "no-face" in told and "not-an-image" in told and "absent.png: No estimate" in told
    page = (tmp_path / "page.html").read_text()
    assert "<b>grey" not in page and "&lt;b&gt;grey.png" in page
    assert "another attempt" in page and "img src" not in page


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--output", "."], "expected --output to be a file"),
        (["--output", "nowhere/page.html"], "expected --output to be a file in a folder that is there"),
        (["--policies", "absent.toml"], "expected a TOML file of policies"),
        (["--estimator", "nobody"], "expected"),
    ],
)
def test_what_cannot_be_used_is_told(options, told, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = ["face", str(PHOTO), *options]
    assert main([*argv, *([] if "--estimator" in options else ["--estimator", LIGHT])]) == 2
    assert told in capsys.readouterr().err


def test_the_gate_by_hand():
    face = OneFace("a.jpg", estimate=spread_over(22.0, 5.0))
    policies = [Policy(), Policy("Challenge 25", 18, 7), Policy("13", 13), Policy("40", 40)]
    alone_and_heeding = [row[2:] for row in gate_rows(face, policies)]
    assert alone_and_heeding == [
        ("passes", "ask for a document"),  # 18 is within 22 ± 5
        ("does not pass", "ask for a document"),
        ("passes", "pass"),
        ("does not pass", "refuse"),
    ]
    plain = OneFace("a.jpg", estimate=AgeEstimate(np.array([22.0]), np.empty((1, 0)), np.empty(0)))
    assert gate_rows(plain, policies[:1]) == [("over 18", "18", "passes", "no spread stated")]


def test_ages_of_such_estimates():
    frame = pd.DataFrame({"age_real": [*range(31), None, 90], "age_estimation": [30.0] * 30 + [32.0, 30.0, 32.1]})
    assert ages_of_such(30.0, frame) == (3.0, 27.0, 31)  # of 0 to 30; without a label, or too far, none counts
    assert ages_of_such(30.0, frame[:29]) is None
    assert ages_of_such(float("nan"), frame) is None and ages_of_such(30.0, None) is None


def test_names_are_text():
    page = page_of([OneFace("<script>alert(1)</script>.jpg", "no-face")], [Policy('"><img src=x>', 18)], "<i>", None)
    assert "<script>" not in page and "<img" not in page and "<i>" not in page

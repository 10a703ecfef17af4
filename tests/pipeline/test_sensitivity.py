"""The run as people start it: every face accounted for, the same files however it is worked and interrupted."""

import json
import shutil
import signal
import sqlite3
import sys
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit import __main__
from age_audit.explain.sensitivity import BASE, CHOICES, OtherwiseExplainer, cells_of, frame_of
from age_audit.explain.units import grid_units, seen_units
from age_audit.faces.detection import cut_out, detect_faces
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.pipeline.sensitivity import ANOTHER_FACE, STEP
from age_audit.regions.polygons import REGIONS
from age_audit.regions.years import region_years
from age_audit.store.ledger import Ledger
from tests.pipeline.processes import ESTIMATOR, Running

NAMES = ("30_1_0_plain.png", "77_1_0_hopper.png")  # two are enough: each hides the other


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut_head, hopper_head):
    """Two faces, a picture without one, and a damaged file."""
    folder = tmp_path_factory.mktemp("photos")
    hopper = np.array(Image.fromarray(hopper_head).resize((200, 200)))
    for name, picture in zip(NAMES, (astronaut_head, hopper), strict=True):
        Image.fromarray(picture).save(folder / name)
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(folder / "40_0_3_faceless.png")
    whole = (folder / NAMES[0]).read_bytes()
    (folder / "20_0_0_damaged.png").write_bytes(whole[: len(whole) // 2])
    return folder


def arguments(photos, output, *options):
    usual = ["--images", str(photos), "--output", str(output), "--estimator", ESTIMATOR, "--faces", "4"]
    return ["sensitivity", *usual, *options]


def results(output):
    """Every file of the command's own, as bytes."""
    return {path.name: path.read_bytes() for path in output.glob("sensitivity*")}


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    output = tmp_path_factory.mktemp("run") / "out"
    assert __main__.main(arguments(photos, output)) == 0
    return output


def table(output, name):
    return pd.read_csv(output / f"sensitivity_{name}.csv", keep_default_na=False, na_values=[""])


def test_every_face_is_done_or_failed_by_reason(run):
    outcomes = table(run, "outcomes").fillna("")
    found = dict(zip(outcomes["fname"], outcomes["outcome"] + " " + outcomes["reason"], strict=True))
    assert found == {
        "20_0_0_damaged.png": "failed read/truncated",
        "40_0_3_faceless.png": "failed align/no-face",
        **dict.fromkeys(NAMES, "done "),
    }


def test_tables_hold_every_face_under_every_choice(run):
    faces, regions = table(run, "faces"), table(run, "regions")
    others = [name for name in CHOICES if name != BASE]
    assert faces["fname"].tolist() == [name for name in NAMES for _ in (*others, ANOTHER_FACE)]
    assert faces["choice"].tolist() == [*others, ANOTHER_FACE] * 2
    assert len(regions) == 2 * len(CHOICES) * len(REGIONS)
    assert set(table(run, "agreement")["n"]) <= {0, 1, 2}
    conclusions = table(run, "conclusions")
    assert set(conclusions["kind"]) == {"direction", "order"}  # two faces are no groups
    assert len(conclusions) == len(CHOICES) * (13 + 78)
    document = json.loads((run / "sensitivity.json").read_text())
    assert document["faces"] == 2 and document["estimator"]["name"] == ESTIMATOR
    assert document["choices"]["black"]["parameters"]["hidden"] == "black"
    assert len(document["survival"]) == 13 + 78
    assert str(run) not in (run / "sensitivity.json").read_text()


def test_numbers_are_those_of_each_explanation_by_itself(run, cydral):
    """Face, neighbour and crop by hand: of the last face the next one is the first."""
    regions = table(run, "regions").set_index(["fname", "choice", "region"])
    crops = [np.array(Image.open(run / "img-cropped" / f"{name}.png")) for name in NAMES]
    aligned = np.array(Image.open(run / "img-aligned" / f"{NAMES[1]}.png"))
    landmarks, _ = landmarks_on_crop(crops[1])
    box = detect_faces(aligned)[0]
    wide = frame_of(box, 0.5)
    for name, crop, points in (
        ("another face", crops[1], landmarks),
        ("grid", crops[1], landmarks),
        ("margin 50 %", cut_out(aligned, box, 0.5), wide.points(landmarks)),
    ):
        found = OtherwiseExplainer(name, cydral, points, crops[0], seed=42).explain(crop)
        for region, years in region_years(found, points).items():
            row = regions.loc[(NAMES[1], name, region)]
            np.testing.assert_allclose(row[["years", "low", "high"]].astype(float), years, rtol=1e-4, atol=1e-5)
    base = cells_of(OtherwiseExplainer(BASE, cydral, landmarks, crops[0], seed=42).explain(crops[1]))
    other = cells_of(found, wide)
    alike = table(run, "faces").set_index(["fname", "choice"]).loc[(NAMES[1], "margin 50 %")]
    seen = seen_units(cydral, crops[1], grid_units()).reshape(14, 14)
    assert 0 < seen.sum() == alike["squares"] < 196
    assert alike["same_sign"] == pytest.approx((np.sign(base.years) == np.sign(other.years))[seen].mean(), abs=1e-5)


def test_a_repeated_run_does_nothing_and_says_so(run, photos, capsys):
    before = results(run)
    assert __main__.main(arguments(photos, run)) == 0
    said = capsys.readouterr().out
    assert "nothing to do" in said and "4 images = 2 done + 2 failed (align/no-face 1, read/truncated 1)" in said
    assert "conclusions that preset audit draws from its explanations of 2 faces" in said
    assert results(run) == before


def recorded(output):
    try:
        with closing(sqlite3.connect(output / "ledger.sqlite")) as ledger:
            return ledger.execute("SELECT count(*) FROM outcomes WHERE step = ?", (STEP,)).fetchone()[0]
    except sqlite3.OperationalError:  # not there yet
        return 0


@pytest.mark.long
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(run, photos, tmp_path):
    output, log = tmp_path / "out", tmp_path / "log"
    shutil.copytree(run, output, ignore=shutil.ignore_patterns("sensitivity*"))
    with Ledger(output) as ledger:  # each explanation is a second's work: a part of them is enough to be killed at
        for variant in ledger.variants(STEP)[1::3]:
            ledger.forget(STEP, variant, NAMES)
    command = [sys.executable, "-m", "age_audit", *arguments(photos, output, "--workers", "2")]
    total, there = len(NAMES) * len(CHOICES), recorded(output)
    assert there == 20
    for cause, least in ((signal.SIGKILL, there + 2), (signal.SIGINT, there + 5)):
        with Running(command, log) as running:
            assert running.wait_for(lambda least=least: recorded(output) >= least), running.said()
            running.send(cause, to_all=False)
            running.process.wait()
        assert least <= recorded(output) < total and not (output / "sensitivity.json").exists()
    with Running(command, log) as running:
        assert running.exit_code() == 0, running.said()
    assert recorded(output) == total
    assert results(output) == results(run)


def test_one_face_alone_has_no_tables(photos, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (NAMES[0], "40_0_3_faceless.png"):
        (folder / name).write_bytes((photos / name).read_bytes())
    output = tmp_path / "out"
    assert __main__.main(arguments(folder, output)) == 1
    said = capsys.readouterr().out
    assert "expected two faces or more" in said
    assert "2 images = 0 done + 2 failed (align/no-face 1, preset audit/not-attempted 1)" in said
    assert set(results(output)) == {"sensitivity_outcomes.csv"}


def test_fewer_than_two_faces_are_refused_before_any_work(photos, tmp_path, capsys):
    command = [*arguments(photos, tmp_path / "out")[:-1], "1"]
    assert __main__.main(command) == 2
    assert "expected --faces to be at least 2, got 1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_damaged_explanation_is_forgotten_and_made_anew(run, photos, tmp_path, capsys):
    before = results(run)
    with closing(sqlite3.connect(run / "ledger.sqlite")) as ledger, ledger:
        ledger.execute(
            "UPDATE results SET payload = ? WHERE step = ? AND image = ? AND variant LIKE '%|grid'",
            (b"damaged", STEP, NAMES[1]),
        )
    assert __main__.main(arguments(photos, run)) == 2
    assert f"the explanation of {NAMES[1]} by grid" in capsys.readouterr().err
    assert __main__.main(arguments(photos, run)) == 0
    assert results(run) == before

"""Audits drawn on explained faces: what is planted is named, what is not is not, and a second run explains nothing."""

import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit.audit.explanations.region_contrasts import region_contrasts
from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.core.randomness import Resampling
from age_audit.core.schema import AgeEstimate
from age_audit.regions.polygons import REGIONS
from benchmarks import audit_power
from benchmarks.audit_power import (
    NOTHING,
    Kept,
    asked_of,
    audits,
    effects,
    explained,
    false_alarms,
    markdown,
    scenarios,
    smallest_p,
    summary,
    table,
)
from benchmarks.faces import photos
from benchmarks.planted import FLAWS

MOUTH = REGIONS.index("mouth_inner")


class Twenty:
    """Twenty years, whatever it sees: all that is explained is what was planted."""

    gives_classes = False

    def predict(self, faces):
        return AgeEstimate(np.full(len(faces), 20.0), np.zeros((len(faces), 0)), np.zeros(0))

    def predict_masked(self, masked):
        return AgeEstimate(np.full(len(masked), 20.0), np.zeros((len(masked), 0)), np.zeros(0))


def standing_landmarks():
    """A face whose parts lie where the flaws' boxes take them to lie: a mouth of 88-147 x 143-160, outlines around."""
    landmarks = np.full((68, 2), 112)
    landmarks[:17] = [(112 - 75 * np.cos(t), 90 + 100 * np.sin(t)) for t in np.linspace(0, np.pi, 17)]
    landmarks[17:27] = [(50 + 14 * i, 70) for i in range(10)]
    landmarks[27:31], landmarks[31:36] = [(112, 90 + 12 * i) for i in range(4)], [(96 + 8 * i, 132) for i in range(5)]
    for first, x in ((36, 70), (42, 138)):
        landmarks[first : first + 6] = [(x, 88), (x + 5, 84), (x + 10, 84), (x + 15, 88), (x + 10, 92), (x + 5, 92)]
    landmarks[48:55] = [(88 + 59 * i / 6, 143) for i in range(7)]
    landmarks[55:60] = [(147 - 59 * i / 6, 160) for i in range(1, 6)]
    return landmarks


def noise(rng, n):
    return rng.normal(size=(n, 13)) + rng.normal(size=(n, 1))


def test_methods_see_what_is_planted_where_it_is():
    """10 years for a bright mouth on a dark face: covering the mouth takes them off, and so do its pixels."""
    face = np.full((224, 224, 3), 20, dtype=np.uint8)
    face[143:160, 88:147] = 134
    asked = [NOTHING, ("mouth", 10.0)]
    for method, parameters in (("occlusion", {"cells": 28}), ("lime", {"hidden": "black", "num_samples": 64})):
        found = explained(Twenty(), method, face, standing_landmarks(), asked, parameters)
        assert np.abs(found[NOTHING]).max() < 1e-6
        years = dict(zip(REGIONS, found["mouth", 10.0], strict=True))
        assert max(years, key=years.get) in ("mouth_inner", "chin") and years["mouth_inner"] > 3
        assert abs(years["eye_l"]) < 0.1
    # In its own mean colour the mouth is as bright as before: such superpixels hide nothing of this flaw.
    blind = explained(Twenty(), "lime", face, standing_landmarks(), asked, {"num_samples": 64})
    assert np.abs(blind["mouth", 10.0]).max() < 0.5


@pytest.mark.parametrize("method", ["grad-cam", "grad-cam++", "score-cam", "smooth-grad"])
def test_a_flaw_of_almost_no_years_changes_almost_nothing(method):
    """Whatever else planting does to an estimator, such as to the layout of its maps, must not be found."""

    class Mapped(Twenty):
        info = SimpleNamespace(name="mapped")
        gives_gradients, view = True, 146

        def gradients(self, faces, target):
            return np.ones(faces.shape, dtype=np.float32)

        def last_maps(self, faces, target):
            return np.arange(98.0).reshape(1, 7, 7, 2), np.full((1, 7, 7, 2), 1 / 49)

        def predict(self, faces):
            return AgeEstimate(faces.mean(axis=(1, 2, 3), dtype=float), np.zeros((len(faces), 0)), np.zeros(0))

    face = np.random.default_rng(4).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    asked = [NOTHING, ("mouth", 1e-9), ("mouth", 1e6)]
    found = explained(Mapped(), method, face, standing_landmarks(), asked, {})
    assert found["mouth", 1e-9] == pytest.approx(found[NOTHING], rel=1e-4, abs=1e-9)
    assert found["mouth", 1e6][MOUTH] > 2 * found[NOTHING][MOUTH]


def test_what_has_to_be_explained():
    assert asked_of("lime", (1.0, 3.0)) == [NOTHING, *((flaw, 3.0) for flaw in FLAWS)]
    assert asked_of("grad-cam", (1.0, 3.0)) == [NOTHING, *((flaw, years) for flaw in FLAWS for years in (1.0, 3.0))]


def test_audits_name_a_large_flaw_and_the_group_that_has_it():
    real = noise(np.random.default_rng(1), 90)
    planted = real.copy()
    planted[:, MOUTH] += 3
    named = list(audits(planted, real, size=40, repeats=20, seed=1))
    assert sum(name == ("first", "mouth_inner") for name in named) >= 18
    named = list(audits(real, planted, size=40, repeats=20, seed=1))
    assert sum(name == ("second", "mouth_inner") for name in named) >= 18


@pytest.mark.long
def test_at_most_five_in_a_hundred_audits_name_what_is_not_there():
    real = noise(np.random.default_rng(2), 90)
    named = list(audits(real, real, size=30, repeats=200, seed=2))
    assert sum(name is not None for name in named) <= 17  # binomial: 200 at 5 %, 2.5 % of cases are beyond


def test_groups_of_unlike_faces_are_drawn_apart():
    real = noise(np.random.default_rng(3), 60)
    bright = np.arange(60) % 2 == 0
    real[bright, 0] += 3
    named = list(audits(real, real, 25, 10, 3, bright))
    assert sum(name == ("first", REGIONS[0]) for name in named) >= 9


def test_summary_by_hand():
    named = [None, ("first", "mouth_inner"), ("first", "chin"), ("second", "mouth_inner")]
    row = summary(named, ("mouth_inner",), ("chin",))
    assert (row["audits"], row["anything"], row["right"], row["near"]) == (4, 0.75, 0.25, 0.5)
    assert row["right_low"] < 0.25 < row["right_high"]
    assert row["named_most"] == {"first mouth_inner": 1, "first chin": 1, "second mouth_inner": 1}
    assert summary([None], (), ())["named_most"] == {}


def test_every_flaw_and_three_kinds_of_nothing():
    values = {NOTHING: np.zeros((4, 13))} | {(flaw, 2.0): np.ones((4, 13)) for flaw in FLAWS}
    found = list(scenarios(values, [2.0], np.array([True, False] * 2)))
    assert [(named["planted"], named["for"]) for named, _ in found] == [
        *((flaw, "one group") for flaw in FLAWS),
        ("nothing", "nobody"),
        ("mouth", "everybody"),
        ("nothing", "nobody, groups of bright and of dark pictures"),
    ]


def test_what_the_page_says_is_that_of_the_results():
    page, entries = (ROOT / "docs" / "audit_power.md").read_text(), json.loads(audit_power.OUT.read_text())
    assert markdown(entries) in page and effects(entries) in page and false_alarms(entries) in page


def test_sizes_of_flaws_and_false_alarms_by_hand():
    mouth = {"planted": "mouth", "for": "one group", "years": 3.0, "faces_a_group": 20, "near": 0.5, "right": 0.1}
    others = [mouth | {"planted": flaw, "near": 0.0, "right": 0.0} for flaw in ("mouth detail", "background")]
    unfound = [row | {"years": 1.0, "near": 0.1} for row in (mouth, *others)]
    everywhere = mouth | {"planted": "brightness", "near": 0.9}  # without a region there is nothing to name rightly
    nothing = {"planted": "nothing", "for": "nobody", "years": 0.0, "faces_a_group": 20}
    nothing = [nothing | {"audits": 100, "anything": 0.02}, nothing | {"audits": 200, "anything": 0.05}]
    entry = {"method": "rise", "set": "cells=5", "rows": [mouth, *others, *unfound, everywhere, *nothing]}
    assert effects([entry]).splitlines()[2:] == ["| rise cells=5 | 3 | 20 | 50 % (10) | 0 % (0) | 0 % (0) |"]
    assert false_alarms([entry]).startswith("of 300 audits")
    assert "12 named something (4.0 %); the most in one row is 5 % (rise cells=5)" in false_alarms([entry])


def test_the_smallest_p_values_by_hand():
    """Of six faces 2 of the 20 ways to make two groups are the most unequal; of many faces 999 are drawn."""
    assert (smallest_p(2), smallest_p(3), smallest_p(7)) == (2 / 6, 0.1, 0.001)
    apart = np.repeat([[0.0], [9.0]], 3, axis=0) + np.arange(13) + np.array([[0], [0.1], [0.3]] * 2)
    frame = pd.DataFrame(apart, columns=[f"years_{region}" for region in REGIONS]).assign(group=[*"aaabbb"])
    table = region_contrasts(frame, "group", resampling=Resampling(seed=1, permutations=999), intervals=False)
    assert table["p_value"].min() == smallest_p(3) and table["p_holm"].min() > 0.05


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sizes", "3"], r"can be found, got 3: .* p-value there is, 0\.1, becomes 1 by Holm's .* over 26 rows"),
        (["--sizes", "20", "6"], r"got 6: .* 0\.0022, becomes 0\.056 by"),
        (["--sizes", "7", "50", "--faces", "30"], "at most 15 for two groups of the 30 faces, got 50; take smaller"),
        (["--sizes", "7", "--images", "nowhere"], "expected a folder of images at nowhere"),
        (["--set", "hidden"], "expected --set as NAME=VALUE, such as hidden=black, got hidden"),
        (["--set", "hiden=black"], "expected parameters of lime among .* got hiden"),
        (["--estimator", "dex"], "expected an estimator among"),
        (["--years", "0"], "expected --years above 0"),
        (["--repeats", "0"], "expected --years above 0 and --repeats"),
    ],
)
def test_what_cannot_be_measured_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, options, said):
    usual = ["--images", str(tmp_path), "--method", "lime", "--estimator", "cydral-resnet10", "--out", "out.json"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["audit_power", *usual, *options])
    with pytest.raises(SystemExit) as ended:
        audit_power.main()
    told = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and re.search(said, told[-1]) and told[-1].startswith("audit_power: expected")
    assert not [line for line in told[:-1] if line and "faces" not in line] and not list(
        tmp_path.iterdir()
    )  # but for progress


def test_faces_that_are_not_found_make_no_group(tmp_path, monkeypatch, capsys):
    for number, photo in enumerate(photos(None, 2)):
        Image.fromarray(photo).save(tmp_path / f"{20 + number}_0_0_2017010900000000{number}.png")
    options = [f"--images={tmp_path}", "--method=lime", "--estimator=cydral-resnet10", "--sizes=7"]
    monkeypatch.setattr(sys, "argv", ["audit_power", *options])
    with pytest.raises(SystemExit):
        audit_power.main()
    assert "expected --sizes of at most 1 for two groups of the 2 faces, got 7" in capsys.readouterr().err


def test_kept_faces_are_read_again(tmp_path):
    kept = Kept(tmp_path / "faces.jsonl")
    kept.add(("face-api", "lime", "", "1.jpg", "mouth", 1.0), [1.0, 2.0])
    kept.add(("face-api", "lime", "", "2.jpg", "mouth", 1.0), [1 / 3])
    assert Kept(kept.path).rows == {
        ("face-api", "lime", "", "1.jpg", "mouth", 1.0): [1.0, 2.0],
        ("face-api", "lime", "", "2.jpg", "mouth", 1.0): [0.3333333],
    }


def test_a_line_that_a_killed_run_left_unfinished_is_made_anew(tmp_path):
    kept = Kept(tmp_path / "faces.jsonl")
    kept.add(("face-api", "1.jpg"), [1.0])
    with kept.path.open("a") as file:
        file.write('[["face-api", "2.j')
    again = Kept(kept.path)
    assert list(again.rows) == [("face-api", "1.jpg")]
    again.add(("face-api", "2.jpg"), [2.0])
    assert Kept(kept.path).rows == {("face-api", "1.jpg"): [1.0], ("face-api", "2.jpg"): [2.0]}
    kept.path.write_text("odd\n" + kept.path.read_text())
    with pytest.raises(UsageError, match=r"expected a line of JSON a face and flaw in .*faces\.jsonl"):
        Kept(kept.path)


def test_whole(tmp_path, monkeypatch, capsys):
    """Sixteen portraits, weights drawn at random, nothing to find; the second time nothing is explained."""
    for number, photo in enumerate(photos(None, 16)):
        Image.fromarray(photo).save(tmp_path / f"{20 + number}_0_0_201701090000000{number:02}.png")
    out = tmp_path / "out.json"
    options = [f"--images={tmp_path}", "--method=random", "--method=grad-cam", "--estimator=cydral-resnet10"]
    options += ["--faces=16", "--sizes=7", "--repeats=2", "--years=1", f"--out={out}"]
    monkeypatch.setattr(sys, "argv", ["audit_power", *options])
    audit_power.main()
    (entry,) = json.loads(out.read_text())
    assert (entry["estimator"], entry["method"], entry["set"]) == ("cydral-resnet10", "random", "")
    assert len(entry["rows"]) == len(FLAWS) + 3 and {row["faces_a_group"] for row in entry["rows"]} == {7}
    told = capsys.readouterr().out
    assert "grad-cam needs derivatives" in told and table(entry["rows"]) in told

    def refuse(*arguments):
        raise AssertionError("explained again")

    monkeypatch.setattr(audit_power, "explained", refuse)
    before = out.read_bytes()
    audit_power.main()
    assert out.read_bytes() == before

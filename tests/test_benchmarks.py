"""The benchmarks run; how fast they find things to be is not tested."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit.core.paths import ROOT
from age_audit.core.schema import AgeEstimate
from age_audit.data.frames import completed_frame
from age_audit.faces.skin_tone import SkinTone
from benchmarks import (
    alignment,
    draws,
    duplicates,
    explain,
    gradients,
    landmark_sets,
    lighting,
    methods,
    passes,
    scaling,
    sensitivity,
    settled_coverage,
)
from benchmarks.__main__ import GOALS, machine, measure, table, with_other_parts
from benchmarks.faces import crops as faces_to_time


def test_faces_for_those_who_have_none():
    faces = faces_to_time(None, 6)
    assert {face.shape for face in faces} == {(224, 224, 3)}
    assert len({face.tobytes() for face in faces}) == 6


def test_table_marks_what_is_not_reached():
    found = {"stage 2, scoring alone": {"literal_to_ours": 470.0}, "2 workers against 1": {"one_to_two": 1.7}}
    lines = table(found).splitlines()[2:]
    assert [line.endswith("not reached") for line in lines] == [False, True]
    assert "at least 300" in lines[0] and " 470 " in lines[0]


def test_a_part_measured_anew_leaves_the_others_as_they_were():
    before = {"machine": "A", "faces": "UTKFace", "figures": {"start": {"import_s": 1.0}, "heatmaps": {"seconds": 2.0}}}
    now = {"machine": "B", "faces": "UTKFace", "figures": {"start": {"import_s": 3.0}}}
    found = {"start": {"import_s": 3.0, "machine": "B"}, "heatmaps": {"seconds": 2.0}}
    assert with_other_parts(now, before) == {"machine": "A", "faces": "UTKFace", "figures": found}
    everything = {"machine": "B", "faces": "UTKFace", "figures": {name: {} for name in before["figures"]}}
    assert with_other_parts(everything, before) == everything
    assert with_other_parts(now, {}) == now


@pytest.mark.parametrize("part", ["heatmaps", pytest.param("stage2", marks=pytest.mark.long)])
def test_a_part_gives_the_figures_of_its_goals(part):
    found = measure(part, None, quick=True)
    goals = {(what, figure) for what, figure, *_ in GOALS if what in found}
    assert goals and goals <= {(what, figure) for what, figures in found.items() for figure in figures}


def test_quality_gives_the_figures_of_its_goals():
    (found,) = measure("quality", None, quick=True).values()
    assert {figure for what, figure, *_ in GOALS if what == "quality of a picture"} <= set(found)
    assert 0 < found["without_brisque_s"] < found["all_s"]
    assert found["pictures_a_second"] == pytest.approx(1 / (found["decode_s"] + found["all_s"]))


@pytest.mark.long
def test_two_workers_have_a_pace():
    assert explain.with_two_workers(
        "cydral-resnet10", "float32", faces_to_time(None, 4), {"floor_s": 1.0, "naive_s": 2.0}
    )["two_workers_s"] > 0  # fmt: skip


def test_starting_takes_some_time():
    found = measure("start", None, quick=True)["start"]
    assert {figure for what, figure, *_ in GOALS if what == "start"} == set(found)
    assert min(found.values()) > 0  # which is longer, a busy machine decides


def test_passes_are_interpolated_in_their_logarithm():
    assert passes.reached({64: 0.90, 128: 0.94, 256: 0.96}) == pytest.approx(2**7.5)
    assert passes.reached({64: 0.90, 128: 0.96, 256: 0.955}) == pytest.approx(2 ** (6 + 5 / 6))
    assert np.isnan(passes.reached({64: 0.5, 128: 0.6})) and np.isnan(passes.reached({64: 0.96}))


def test_a_way_that_does_not_reach_the_goal_bounds_the_share():
    means = {"audit": {128: 0.94, 256: 0.96}, "lime": {1024: 0.9, 4096: 0.94}, "lime, age": {512: 0.94, 1024: 0.96}}
    audit, lime, age = passes.summary(means, {"faces": 3})
    assert [row["reached"] for row in (audit, lime, age)] == [True, False, True] and audit["faces"] == 3
    assert (audit["passes"], lime["passes"]) == (pytest.approx(2**7.5, abs=0.1), 4096)
    assert (audit["of_lime"], audit["of_lime_age"]) == pytest.approx((2**7.5 / 4096, 0.25), abs=1e-3)


@pytest.mark.parametrize("way", ["audit", "lime", "lime, age"])
def test_more_passes_come_nearer_to_the_converged_weights(monkeypatch, cydral, crops, way):
    monkeypatch.setattr(passes, "SIZES", dict.fromkeys(passes.SIZES, (256, 528)))
    monkeypatch.setattr(passes, "REFERENCE", 1056)
    monkeypatch.setattr(passes, "REPEATS", 1)
    few, many = passes.correlations(cydral, crops[0], way, np.random.default_rng(1)).values()
    assert few < many < 1


def test_machine_names_what_figures_depend_on():
    assert machine()["cores"] >= 1 and "tensorflow" in machine()["libraries"]


@pytest.mark.parametrize(
    ("seconds", "told"), [(30, "30 s"), (200, "3.3 min"), (7200, "2.0 h"), (86400 * 20, "20 days"), (1e9, "32 years")]
)
def test_durations(seconds, told):
    assert scaling.duration(seconds) == told


def test_explaining_is_the_only_cost_that_grows_with_samples():
    figures = {what: {"two_workers_s": 3.3} for _, what, _ in scaling.WAYS.values()}
    figures |= {"align, detect, crop": {"ours_s": 0.04}, "stage 2, landmarks included": {"ours_s": 0.03}}
    memory = {"workers": 2} | {
        name: {"runs": [None, {"seconds_a_face": {"estimate": 0.06}}]} for name in ("dex-wrn", "cydral-resnet10")
    }
    costs = scaling.core_seconds({"figures": figures}, memory)
    published, audit = costs["dex-wrn, published, float32"], costs["dex-wrn, audit, bfloat16"]
    assert published == {"align, crop": 0.04, "estimate": 0.12, "explain": pytest.approx(6.6), "regions": 0.03}
    assert audit["explain"] == pytest.approx(0.024 + 6.576 * 2.56)


def test_alignment_compares_the_faces_that_both_runs_estimate():
    ages = {"age_real": [20.0, 30, 40, None], "gender_real": None, "race_real": None}
    frames = [
        completed_frame(pd.DataFrame({"fname": list(fnames), "age_estimation": estimates, **ages}))
        for fnames, estimates in (("abcd", [22.0, 33, 44, 50]), ("abxd", [24.0, 32, 90, 57]))
    ]
    row = alignment.compared(*frames)
    assert (row["faces"], row["aligned_estimated"], row["plain_estimated"]) == (3, 4, 4)
    assert (row["apart_mean"], row["apart_median"], row["apart_most"]) == pytest.approx((10 / 3, 2, 7), abs=1e-4)
    assert (row["aligned_both_mae"], row["plain_both_mae"]) == (2.5, 3.0)  # of the two with a real age
    assert (row["aligned_mae"], row["plain_mae"]) == pytest.approx((3, 56 / 3), abs=1e-4)  # of each run's own three


def test_settled_superpixels_of_all_faces_count_together():
    """One face has 10 settled superpixels of which 1 is wrong, another 2 of which 1 is: 2 of 12, or 30 % a face."""
    faces = [
        {"coverage": 0.9, "false_discovery_rate": 0.1, "settled_count": 10}
        | {"settled_wrong_count": 1, "settled_missed_count": 2},
        {"coverage": 1.0, "false_discovery_rate": 0.5, "settled_count": 2}
        | {"settled_wrong_count": 1, "settled_missed_count": 0},
    ]
    row = settled_coverage.in_one_row(faces)
    assert row == {
        "coverage": 0.95,
        "false_discovery_rate": 0.3,
        "false_discovery_rate_standard_error": 0.2,
        "false_discovery_rate_high": 0.5,
        "signs_wrong_of_settled": pytest.approx(2 / 12, abs=1e-4),
        "coverage_of_settled": pytest.approx(10 / 12, abs=1e-4),
    }


class Tenths:
    """In place of an estimator: a tenth of a year for each superpixel shown, and noise of its own."""

    def __init__(self):
        self.asked = 0

    def predict_masked(self, masked):
        self.asked += len(masked)
        noise = np.random.default_rng(self.asked).normal(0, 1e-3, len(masked))
        return AgeEstimate(masked.shown.sum(axis=1) / 10 + noise, np.ones((len(masked), 1)), np.zeros(1))


def test_what_the_estimator_said_is_kept_and_asked_once(crops, tmp_path):
    estimator, kept = Tenths(), tmp_path / "face.npy"
    first = settled_coverage.sampled(estimator, crops[0], "paley", 2, 42, kept)
    assert estimator.asked == 512
    more = settled_coverage.sampled(estimator, crops[0], "paley", 4, 42, kept)
    assert estimator.asked == 1024 and len(more.targets) == 4
    np.testing.assert_array_equal(more.targets[:2], first.targets)
    again = settled_coverage.sampled(estimator, crops[0], "paley", 4, 42, kept)
    assert estimator.asked == 1024
    np.testing.assert_array_equal(again.targets, more.targets)
    np.testing.assert_array_equal(again.shown, more.shown)
    assert [path.name for path in tmp_path.iterdir()] == ["face.npy"]


def test_where_every_superpixel_acts_all_are_settled_and_right(crops, tmp_path):
    said = settled_coverage.sampled(Tenths(), crops[0], "paley", 4, 42, tmp_path / "face.npy")
    found = settled_coverage.judged(said, "false-discovery-rate")
    assert (found["settled"], found["false_discovery_rate"], found["overlap_of_settled"]) == (1, 0, 1)
    assert found["area_settled"] == pytest.approx(1)
    assert found["settled_count"] == 4 * found["superpixels"] and found["settled_wrong_count"] == 0
    eight = settled_coverage.Sampled(said.areas, said.shown * 2, said.targets * 2)
    run = settled_coverage.until_settled(eight)
    assert (run["samples"], run["reached"], run["false_discovery_rate"]) == (256, 1, 0)
    assert run["area_settled"] == pytest.approx(1)


def test_the_page_on_the_method_shows_what_was_measured():
    rows = json.loads(settled_coverage.OUT.read_text())
    page = (settled_coverage.OUT.parents[1] / "docs" / "method.md").read_text()
    assert settled_coverage.table(rows) in page
    held = [row for row in rows if row["design"] == "paley" and row["rule"] != "interval"]
    assert {row["estimator"] for row in held} == {"cydral-resnet10", "dex-wrn", "face-api", "faceres"}
    for row in held:  # what the rule promises, for every estimator
        assert row["false_discovery_rate"] < 0.05 and row["false_coverage_rate"] < 0.05


def test_masks_overlap_where_they_mark_alike():
    assert settled_coverage._overlap(np.array([1, -1, 0, 1]), np.array([1, 1, 0, 0])) == pytest.approx(1 / 3)
    assert np.isnan(settled_coverage._overlap(np.zeros(3), np.zeros(3)))


def test_passes_are_counted_a_face_each_and_a_derivative_as_three(cydral, crops):
    counts = Counter()
    counted = methods.Counted(cydral, counts)
    assert counted.info.name == "cydral-resnet10" and not counted.gives_gradients
    counted.predict(crops)
    counted.bind(crops[0]).predict(crops)
    assert counts["passes"] == 4

    class Derivatives:
        def gradients(self, faces, target):
            return faces

    counted = methods.Counted(Derivatives(), counts)
    assert counted.gradients(crops, "age") is crops and counts["passes"] == 10
    assert not hasattr(counted, "bind")


@pytest.mark.parametrize("method", ["lime", "kernel-shap", "occlusion", "rise", "random"])
def test_methods_get_the_budget(cydral, crops, method):
    counts = Counter()
    explainer = methods.load_explainer(method, methods.Counted(cydral, counts), **methods.BUDGET.get(method, {}))
    explainer.explain(np.array(crops[1]))
    assert counts["passes"] == 0 if method == "random" else 220 < counts["passes"] <= methods.PASSES + 1


@pytest.fixture(scope="module")
def explained(tmp_path_factory, astronaut_head, hopper_head):
    """Records and result of two cheap methods on two portraits, and the records once more after a second run."""
    folder = tmp_path_factory.mktemp("methods")
    images, records = folder / "images", folder / "records.jsonl"
    images.mkdir()
    for name, head in (("29_1_0_20170101.png", astronaut_head), ("60_0_0_20170101.png", hopper_head)):
        Image.fromarray(head).save(images / name)
    patch = pytest.MonkeyPatch()
    patch.setattr(methods, "methods_of", lambda estimator: ["occlusion", "random"])
    patch.setattr(methods, "BUDGET", {"occlusion": {"cells": 4, "window": 1}})
    methods.run(["cydral-resnet10"], images, {"cydral-resnet10": 1}, records, [], threads=1)
    first = records.read_text()
    methods.run(["cydral-resnet10"], images, {"cydral-resnet10": 2}, records, [], threads=1)
    second = records.read_text()
    kept, again = folder / "kept.jsonl.xz", folder / "again.jsonl"
    methods.keep([json.loads(line) for line in second.splitlines()[:3]], kept)
    patch.setattr(methods, "WHOLE", 1)
    methods.run(["cydral-resnet10"], images, {"cydral-resnet10": 2}, again, methods.read(kept), threads=1)
    patch.undo()
    added = methods.read(again)
    assert len(methods.read(kept)) == 3 and [row["method"] for row in added] == ["chance", "occlusion", "random"]
    assert all("grid mean-colour" in row and "grid blurred" not in row and "shift" not in row for row in added)
    return first, second, methods.summary([json.loads(line) for line in second.splitlines()])


def test_a_longer_run_adds_to_a_shorter_one(explained):
    first, second, _ = explained
    assert second.startswith(first)
    assert [json.loads(line)["method"] for line in second.splitlines()] == ["chance", "occlusion", "random"] * 2


def test_the_result_is_of_the_records(explained):
    _, second, found = explained
    rows = [json.loads(line) for line in second.splitlines()]
    gaps = [row["grid blurred"]["gap"] for row in rows if row["method"] == "occlusion"]
    (said,) = [
        row
        for row in found["faithfulness"]
        if (row["method"], row["way"], row["score"]) == ("occlusion", "grid blurred", "gap")
    ]
    assert said["n"] == 2 and said["value"] == pytest.approx(np.mean(gaps), abs=1e-3)
    assert said["low"] is None  # two faces have no interval
    (cost,) = [row for row in found["cost"] if row["method"] == "occlusion"]
    assert cost["passes"] == 17 and cost["of_lime"] is None
    (pair,) = found["agreement"]
    assert (pair["method"], pair["other"], pair["n"]) == ("occlusion", "random", 2)
    assert {row["group"] for row in found["by_group"]} >= {"Male", "Female", "26–100"}
    assert json.loads(methods.written(found)) == found
    assert methods.summary(rows[::-1]) == found


def test_ways_to_hide_stand_beside_each_other_for_the_same_faces(explained):
    """The second face was hidden in one way: its gap counts in the first column of no row."""
    rows = [json.loads(line) for line in explained[1].splitlines()]
    for row in rows[3:]:
        row.pop("grid blurred")
    found = methods.summary(rows)
    said = [(row["n"], row["value"]) for row in found["hidden_otherwise"] if row["method"] == "occlusion"]
    assert said == [(1, rows[1][" ".join(way)]["gap"]) for way in methods.WAYS]
    (all_faces,) = (row for row in methods._gaps(found) if row["method"] == "occlusion")
    assert all_faces["n"] == 2
    assert "| cydral-resnet10 | occlusion | 1 |" in methods.tables(found)["hidden otherwise"]


def test_tables_take_the_place_of_those_before(explained):
    made = methods.tables(explained[2])
    assert "| cydral-resnet10 | occlusion | 2 |" in made["faithfulness"]
    page = f"# Methods\n\n{methods.BLOCK.format('cost')}\nold\n{methods.END}\nwords"
    renewed = methods.renewed(page, made)
    assert made["cost"] in renewed and "old" not in renewed and renewed.endswith("words")
    assert methods.renewed(renewed, made) == renewed


def test_findings_say_of_whom_and_of_how_many_faces():
    """LIME right on two of two faces and one of one, Grad-CAM wrong on one of two: its mean is below 0."""
    said = {"way": "grid mean-colour", "score": "gap"}
    lime, cam = {"method": "lime"} | said, {"method": "grad-cam"} | said
    gaps = [
        lime | {"estimator": "one", "n": 2, "value": 4.0, "faces_better": 1.0},
        lime | {"estimator": "two", "n": 1, "value": 3.0, "faces_better": 1.0},
        cam | {"estimator": "one", "n": 2, "value": -1.0, "high": None, "faces_better": 0.5},
        cam | {"estimator": "two", "n": 9, "value": -2.0, "high": 0.1, "faces_better": 1 / 9},
        cam | {"estimator": "three", "n": 9, "value": -3.0, "high": -0.1, "faces_better": 0.0},
    ]
    kept = [("lime", "shift", 0.4), ("grad-cam", "shift", 0.9), ("grad-cam", "drawn_weights", 0.6)]
    stability = [{"estimator": "one", "method": m, "what": w, "value": value, "n": 2} for m, w, value in kept]
    alike = {"estimator": "one", "method": "lime", "other": "kernel-shap", "n": 2, "value": 0.7}
    agreement = [alike, alike | {"other": "rise", "value": 0.1}, alike | {"other": "grad-cam", "value": 0.6}]
    found = {"faithfulness": gaps, "stability": stability, "agreement": agreement}
    assert methods._faces_seen(found) == "Faces seen so far, by estimator: one 2, two 1–9 and three 9."
    right, wrong, drawn, pairs, steady = methods._findings(found).splitlines()
    assert right.endswith("lime 3 of 3 and grad-cam ◦ 2 of 20.")
    assert wrong.endswith(
        "with grad-cam ◦ (−1.00 on one, n = 2, not told from 0; −2.00 on two, n = 9, not told from 0; "
        "−3.00 on three, n = 9)."
    )
    assert "with grad-cam ◦ (0.60 on one, n = 2). The nearer" in drawn
    assert "correlations of 0.70. Of the 2 other pairs of methods on an estimator 1 are below one half" in pairs
    assert steady.endswith("of: grad-cam ◦ 0.90. Those of LIME keep 0.40.")
    assert methods._short_table(found).splitlines()[2:] == [
        "| lime | 3 of 3 | 3.00 to 4.00 | – | 0.40 | – |",
        "| grad-cam ◦ | 2 of 20 | −3.00 to −1.00 | 1 | 0.90 | 0.60 |",
    ]


def test_a_line_that_was_torn_is_left_out(tmp_path):
    (tmp_path / "records.jsonl").write_text('{"method": "lime"}\n{"method": "ri')
    assert methods.read(tmp_path / "records.jsonl") == [{"method": "lime"}]
    assert methods.read(tmp_path / "none.jsonl") == []


def test_numbers_in_cells():
    row = {"value": -0.004, "low": -1.25, "high": 2.0, "n": 5}
    assert methods._cell(row) == "0.00 (−1.25 to 2.00)"
    assert methods._cell(row, 1, n=6) == "0.0 (−1.2 to 2.0), n = 5"
    assert methods._cell(row | {"low": None}) == "0.00" and methods._cell(row | {"value": None}) == "–"


def test_the_page_shows_the_tables_of_the_result():
    page = (ROOT / "docs" / "methods.md").read_text()
    made = methods.tables(json.loads(methods.OUT.read_text()))
    assert all(f"{methods.BLOCK.format(name)}\n{table}\n{methods.END}" in page for name, table in made.items())


def test_rows_of_a_sensitivity_run_are_its_numbers_and_replace_those_of_the_same_estimator(tmp_path):
    measure = {"choice": "black", "low": 0.1, "high": 0.3, "n": 40, "settled_in_both": 0.25}
    kinds = [{"choice": "black", "kind": kind} for kind in ("direction", "all")]
    counts = dict.fromkeys(("statements", "turned", "undecided", "decided_here", "changed"), 0)
    document = {
        "estimator": {"name": "b"},
        "faces": 40,
        "agreement": [measure | {"measure": name, "mean": 0.2 + i} for i, name in enumerate(sensitivity.MEASURES)],
        "changes": [kind | counts | {"decided": 5 + i, "kept": 3 + i} for i, kind in enumerate(kinds)],
        "survival": [{"kind": "direction", "region": "nose", "survives": True}],
    }
    (row,) = sensitivity.choice_rows(document)
    assert (row["estimator"], row["rank_correlation"], row["same_sign_settled"]) == ("b", 0.2, 2.2)
    assert (row["kept_direction"], row["kept"], row["rank_correlation_n"]) == (3, 4, 40)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"estimator": "c"}, {"estimator": "b", "old": 1}]))
    path.write_text(sensitivity.merged(path, sensitivity.conclusion_rows(document)))
    assert [row["estimator"] for row in json.loads(path.read_text())] == ["b", "c"]
    assert "old" not in path.read_text()


def test_light_is_light():
    face = np.array([[[0, 5, 10], [60, 128, 255]]], dtype=np.uint8)
    np.testing.assert_array_equal(lighting.relit(face, lighting.GAIN), face)
    halved = lighting.relit(face, lighting.GAIN / 2)
    assert halved[0, 1].tolist() == [41, 92, 188]  # of 1, 0.5 is 0.7354 of sRGB
    np.testing.assert_array_equal(lighting.relit(face, lighting.GAIN * 8)[0, 1], [162, 255, 255])
    np.testing.assert_allclose(lighting.relit(face, lighting.GAIN, 2)[0, 1], [14, 64, 255])


def test_a_face_that_loses_its_angle_is_counted_apart():
    tones = [SkinTone(angle, 60, {}) for angle in (50, 30, 20, np.nan)]
    after = [SkinTone(angle, 60, {}) for angle in (56, 31, np.nan, 20)]
    found = lighting.change(tones, after)
    assert (found["faces"], found["lost"], found["median"], found["other_class"]) == (2, 1, 3.5, 0.5)


def test_the_page_on_faces_shows_what_lighting_does():
    found, page = json.loads(lighting.OUT.read_text()), (ROOT / "docs" / "faces.md").read_text()
    assert lighting.table(found) in page
    cheeks = found["patches"]["left_cheek against right_cheek"]
    assert (
        f"{cheeks['p50']:.0f}° apart (median of {cheeks['faces']} faces), in one face of ten {cheeks['p90']:.0f}°"
        in page
    )
    lost = found["reasons"]
    assert f"that is so of {lost['too-few-skin-pixels']} and of {lost['no-yellowness']}" in page


@pytest.mark.parametrize("kind", ["random", "equal", "crowded", "whole"])
def test_every_planted_copy_is_found_among_made_hashes(kind):
    found = duplicates.WORKS[kind]("2000")
    assert found["planted"] == found["planted_found"] == 40
    assert found["clusters"] <= 1960 and (found["largest_cluster"] >= 40 if kind == "equal" else True)


def test_planted_copies_are_one_to_four_bits_away():
    hashes, chosen = duplicates.planted(duplicates.random(5000, "test"), "test")
    apart = np.bitwise_count(hashes[chosen[:, 0]] ^ hashes[chosen[:, 1]])
    assert set(apart.tolist()) == {1, 2, 3, 4} and len(set(chosen.ravel().tolist())) == 200


def test_shares_of_made_hashes_are_those_of_all_pairs():
    hashes = duplicates.crowded(300, "test", *duplicates.LIKE_DHASH)
    near = sum((int(a) ^ int(b)).bit_count() <= 4 for i, a in enumerate(hashes) for b in hashes[:i])
    assert duplicates.counted(hashes)["near_pairs"] == near > 0


def test_boxes_overlap_by_their_pixels():
    one = {"min_x": 0, "min_y": 0, "max_x": 4, "max_y": 2}
    other = {"min_x": 2, "min_y": 1, "max_x": 6, "max_y": 3}
    assert landmark_sets.area(one) == 8 and landmark_sets.overlap(one, other) == 2 / 14
    assert landmark_sets.overlap(one, dict(one, min_x=9, max_x=13)) == 0 and landmark_sets.overlap(one, one) == 1


def test_angles_that_differ_by_a_constant_agree():
    theirs = np.random.default_rng(0).normal(0, 10, (50, 3))
    found = landmark_sets.pose_agreement(theirs * [1, 0.5, -1] + [0, 5, 0], theirs)
    assert [found[angle]["r"] for angle in landmark_sets.ANGLES] == [1, 1, -1]
    assert [found[angle]["slope"] for angle in landmark_sets.ANGLES] == [1, 0.5, -1]
    assert found["yaw"]["mean_absolute_difference"] == 0
    assert found["pitch"]["mean_difference"] == pytest.approx(5 - theirs[:, 1].mean() / 2, abs=1e-3)


def test_the_page_on_faces_shows_what_two_sets_of_landmarks_find():
    found = json.loads(landmark_sets.OUT.read_text())
    page = (ROOT / "docs" / "faces.md").read_text()
    assert landmark_sets.boxes_table(found) in page and landmark_sets.pose_table(found) in page
    again = found["named_again"]
    assert f"{again['same_name']:.0%} of {again['boxes']}".replace("%", " %") in page


def test_the_page_on_the_data_set_says_what_was_measured():
    folder, page = ROOT / "benchmarks", " ".join((ROOT / "docs" / "dataset.md").read_text().split())
    quality = json.loads((folder / "results.json").read_text())["figures"]["quality of a picture"]
    assert f"One core measures {quality['without_brisque_a_second']:.0f} pictures of 200 × 200 pixels a second" in page
    assert f"and {quality['pictures_a_second']:.0f} with BRISQUE" in page
    copies = json.loads((folder / "duplicates.json").read_text())["runs"]["whole"]
    assert copies["result"]["planted_found"] == copies["result"]["planted"] == 20_000
    assert f"compared for copies in {copies['cpu_seconds']:.0f} core-seconds" in page
    peer = json.loads((folder / "cleanvision_peer.json").read_text())
    times, ratios, found = (peer[name] for name in ("core_seconds_a_thousand_pictures", "to_cleanvision", "copies"))
    assert f"On the same {peer['pictures']:,} pictures it takes {times['cleanvision']} core-seconds a thousand" in page
    assert f"ours {times['ours_without_brisque']} without BRISQUE, {times['ours']} with it" in page
    assert f"{ratios['ours_without_brisque']} and {ratios['ours']} times as long" in page
    counts = found["both"], found["ours_alone"], found["cleanvision_alone"]
    assert "both find {} pairs, ours alone {}, cleanvision alone {}".format(*counts) in page
    assert f"(Spearman's r {peer['spearman_of_blur']:.2f})" in page


def test_ratios_of_traced_derivatives_are_the_measured_ones():
    ratios = {row["estimator"]: f"{row['plain_to_traced']:.1f}" for row in json.loads(gradients.OUT.read_text())}
    quoted = "{dex-wrn} (dex-wrn), {faceres} (faceres) and {face-api} times (face-api)".format(**ratios)
    assert quoted in (ROOT / "CHANGELOG.md").read_text()


def test_a_traced_derivative_is_measured_beside_a_plain_one(crops, monkeypatch):
    monkeypatch.setattr(gradients, "ROUNDS", 1)
    row = gradients.measured("dex-wrn", crops[:1])
    assert row["faces"] == 1 and row["plain_ms"] > 0 < row["traced_ms"] and row["largest_difference"] < 0.01


@pytest.mark.parametrize("work", [draws.permuted, draws.chosen, draws.counted, draws.interval])
def test_what_is_drawn_is_timed_beside_the_library_and_the_same(work):
    row = draws.measured(work, rounds=1)
    assert row["library_s"] > 0 < row["ours_s"]


def test_ratios_of_draws_are_the_measured_ones():
    found = {name: row["library_to_ours"] for name, row in json.loads(draws.OUT.read_text()).items()}
    interval, text = found.pop("interval"), (ROOT / "CHANGELOG.md").read_text()
    assert f"{min(found.values()):.1f} to {max(found.values()):.1f} times as fast" in text
    assert f"{interval:.1f} times as fast as scipy" in text


def test_the_page_on_methods_quotes_the_first_faces_alone_as_the_records_have_them():
    page = " ".join((methods.OUT.parents[1] / "docs" / "methods.md").read_text(encoding="utf-8").split())
    rows = [row for row in methods.read(methods.KEPT) if row["estimator"] == "cydral-resnet10" and "shift" in row]
    for method, quote in (("lime", "{:.2f} (LIME, {:.2f} to {:.2f})"), ("rise", "{:.2f} (RISE, {:.2f} to {:.2f})")):
        some = [row for row in rows if row["method"] == method and "grid blurred" in row]
        found = methods._estimate([row["shift"] for row in sorted(some, key=lambda row: row["image"])])
        assert found["n"] == 58 and quote.format(found["value"], found["low"], found["high"]) in page
    again = []
    for method in ("lime", "rise"):
        found = methods._estimate([row["shift"] for row in rows if row["method"] == method])
        again.append((found["n"], f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"))
    (limes, lime), (rises, rise) = again
    assert f"all that were explained again ({limes} and {rises}) {lime} and {rise}" in page


def test_the_page_on_methods_says_whom_explanations_tell_apart():
    """Age ranges by eight of ten methods on face-api, by five on faceres and two on dex-wrn, no race or gender."""
    rows = [row for row in json.loads(methods.OUT.read_text())["by_group"] if row["estimator"] == "face-api"]
    apart = [
        row for row in rows if row["measure"] == "gap_spreads" and row["p_holm"] is not None and row["p_holm"] < 0.05
    ]
    assert {row["feature"] for row in apart} == {"age_range"}
    assert {row["method"] for row in apart} == {*methods.EXPLAINERS} - {"integrated-gradients", "random"}
    rows = [row for row in json.loads(methods.OUT.read_text())["by_group"] if row["estimator"] == "faceres"]
    apart = [row for row in rows if row["measure"] == "gap_spreads" and (row["p_holm"] or 1) < 0.05]
    assert {row["feature"] for row in apart} == {"age_range"}
    assert {row["method"] for row in apart} == {"integrated-gradients", *methods.WITHOUT_SIGNS}
    rows = [row for row in json.loads(methods.OUT.read_text())["by_group"] if row["estimator"] == "dex-wrn"]
    apart = [row for row in rows if row["measure"] == "gap_spreads" and (row["p_holm"] or 1) < 0.05]
    assert [(row["method"], row["group"]) for row in apart] == [("grad-cam++", "26–100"), ("smooth-grad", "26–100")]


def test_the_page_on_methods_says_on_how_many_faces_score_cam_says_nothing():
    page = (methods.OUT.parents[1] / "docs" / "methods.md").read_text(encoding="utf-8")
    rows = [row for row in methods.read(methods.KEPT) if (row["estimator"], row["method"]) == ("faceres", "score-cam")]
    empty = [row for row in rows if min(row["map"]) == max(row["map"])]
    assert f"0 everywhere, as on {len(empty)} of {len(rows)} faces of faceres" in page


def test_the_page_on_methods_says_which_maps_point_the_other_way():
    rows = json.loads(methods.OUT.read_text())["sides"]
    rows = [row for row in rows if row["estimator"] != "cydral-resnet10" and row["method"] != "random"]
    assert len(rows) == 3 * 2 * 9
    other_way = {("faceres", "grad-cam++"): -5, ("dex-wrn", "grad-cam++"): -2}
    for row in rows:
        case = row["estimator"], row["method"]
        if case == ("dex-wrn", "score-cam"):
            assert -1.2 < row["low"] < 0 < row["high"] < 2  # on either side
        elif row["method"] not in methods.WITHOUT_SIGNS or row["taken_for"] == "older":
            assert row["low"] > 0
        elif row["method"] == "smooth-grad" or case in other_way:
            assert row["high"] < other_way.get(case, -5)
        elif case == ("dex-wrn", "grad-cam"):
            assert row["low"] > 1
        else:
            assert -1.2 < row["low"] < row["high"] < 1.2  # next to no gap


def test_the_page_on_power_says_how_often_the_other_group_is_blamed():
    """Of LIME hidden in black and 50 faces: the left or the right of the face, named for the group without the flaw."""
    (found,) = (
        found
        for found in json.loads((ROOT / "benchmarks" / "audit_power.json").read_text())
        if (found["method"], found["set"]) == ("lime", "hidden=black")
    )
    rows = [row for row in found["rows"] if row["for"] == "one group" and row["faces_a_group"] == 50]
    blamed = {
        (row["planted"], row["years"]): sum(row["named_most"].get(f"second {side}", 0) for side in ("left", "right"))
        for row in rows
    }
    page = " ".join((ROOT / "docs" / "audit_power.md").read_text(encoding="utf-8").split())
    background = [blamed["background", years] for years in (1.0, 3.0, 10.0)]
    assert "in {} of 100, of 3 years in {}, of 10 in none;".format(*background[:2]) in page and background[2] == 0
    assert f"whole picture in {blamed['brightness', 3.0]} of 100" in page


def test_sides_are_told_by_the_hidden_picture():
    chance = {"grid mean-colour": {"whole": 20.0, "none": 30.0}}, {"grid mean-colour": {"whole": 40.0, "none": 30.0}}
    rows = [
        {"estimator": "faceres", "image": image, "method": "chance"} | told
        for image, told in zip("ab", chance, strict=True)
    ]
    some = [{"image": image, "grid mean-colour": {"gap": gap}} for image, gap in (("a", -3.0), ("b", 5.0))]
    younger, older = methods._sides({("faceres", "lime"): some}, rows)
    assert (younger["taken_for"], younger["n"], younger["value"], younger["faces_better"]) == ("younger", 1, -3.0, 0.0)
    assert (older["taken_for"], older["n"], older["value"], older["faces_better"]) == ("older", 1, 5.0, 1.0)


def test_the_page_on_method_says_what_of_dex_wrn_stands():
    rows = pd.DataFrame(json.loads((ROOT / "benchmarks" / "sensitivity_conclusions.json").read_text()))
    rows = rows[(rows["estimator"] == "dex-wrn") & (rows["verdict"] != "undecided")]
    orders = rows[(rows["kind"] == "order") & rows["survives"]]
    much = {"nose", "eye_l", "eye_r", "cheek_l", "cheek_r", "chin", "top"}
    pairs = [
        (row.region, row.other_region) if row.verdict == "more" else (row.other_region, row.region)
        for row in orders.itertuples()
    ]
    assert (len(pairs), sum(more in much and less not in much for more, less in pairs)) == (45, 40)
    directions = rows[rows["kind"] == "direction"]
    assert set(directions["verdict"]) == {"lowers"} and len(directions) == 12
    assert directions["undecided"].str.split("; ").map(lambda names: "another face" in names).sum() == 11
    assert not rows.loc[rows["kind"] == "group", "survives"].any()
    assert ((rows["turned"] != "").sum(), (rows["undecided"] != "").sum(), rows["survives"].sum()) == (6, 43, 46)

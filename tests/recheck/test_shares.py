"""Other shares for Appendix B: true closure, log-ratios by age range, two presets' masks, halves."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.vocabulary import FEATURES_ALL, FEATURES_FACIAL, RACES
from age_audit.data.frames import activations_frame
from age_audit.recheck.shares import (
    association_summary,
    associations,
    closure_summary,
    closure_table,
    faces_with_shares,
    mask_agreement,
    restriction_summary,
    restrictions,
    truly_closed,
    zero_sensitivity,
)
from age_audit.study.appendix_b import SEGMENTS, correlation_table
from age_audit.study.rows import divided_in_turn, generate_processed_datasets


def rows(count=120, seed=1, slope=0.0):
    """Faces whose absolute error grows with the logarithm of how much of the face is covered."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        covered = {feature: float(rng.uniform(0.1, 1)) for feature in FEATURES_ALL}
        covered |= dict.fromkeys(FEATURES_FACIAL, float(rng.uniform(0.1, 1)))
        age = int(rng.choice([5, 40]))
        error = float(np.abs(10 + 3 * rng.normal() + slope * np.log(covered[FEATURES_FACIAL[0]])))
        found.append(
            {"fname": f"{i}.jpg", "age_real": age, "gender_real": "Male", "race_real": str(rng.choice(RACES))}
            | {"age_estimation": age + error, "age_estimation_accuracy": (100 - error) / 100}
            | covered
        )
    return found


def test_shares_by_hand():
    row = dict.fromkeys(FEATURES_FACIAL, 0.4) | {"activation_left_pct_of_feature": 0.1}
    row |= {"activation_right_pct_of_feature": 0.2, "activation_top_pct_of_feature": 0.1}
    row |= {"activation_bottom_pct_of_feature": 0.2}
    frame = pd.DataFrame([row], index=[4])
    true, running = (faces_with_shares(frame, closure=which).loc[4, list(SEGMENTS)] for which in ("true", "running"))
    assert true.tolist() == pytest.approx([0.4, 0.1, 0.2, 0.1, 0.2])
    assert running.tolist() == pytest.approx(divided_in_turn([0.4, 0.1, 0.2, 0.1, 0.2]))
    closed = truly_closed({"positive": [row | dict(zip(SEGMENTS, running, strict=True))], "negative": []})
    assert [closed["positive"][0][segment] for segment in SEGMENTS] == pytest.approx(true.tolist())
    assert closed["negative"] == []


def test_closure_table():
    parts, _ = generate_processed_datasets(rows())
    before = [dict(row) for row in parts["positive"]]
    running, true = correlation_table(parts), correlation_table(truly_closed(parts))
    assert parts["positive"] == before
    table = closure_table(running, true)
    assert len(table) == 200
    face = table[table["segment"] == "face"]
    np.testing.assert_allclose(face["change"].dropna(), 0, atol=1e-12)  # the first is divided by the true sum anyway
    row = table[table["segment"] == "outer_boundary_bottom"].iloc[0]
    assert row["r_running"] == running["outer_boundary_bottom"][0]
    assert row["r_true"] == true["outer_boundary_bottom"][0]
    summary = closure_summary(table).set_index("segment")
    assert summary["correlations"]["all"] == table["change"].notna().sum()
    assert summary["largest_change"]["all"] == table["change"].abs().max() > 0
    changed = np.sign(table["r_true"].dropna()) != np.sign(table["r_running"].dropna())
    assert summary["sign_changes"]["all"] == changed.sum()


class TestAssociations:
    @pytest.mark.long
    def test_planted_in_one_preset_only(self):
        frames = {"one": activations_frame(rows(200, 1, 6.0)), "two": activations_frame(rows(200, 2))}
        table = associations(frames, seed=1, permutations=199)
        assert len(table) == 2 * 5 * 2 * 5
        assert table["age_range"].unique().tolist() == ["all", "0–12", "13–18", "19–25", "26–100"]
        everyone = table[(table["age_range"] == "all") & (table["segment"] == "face")].set_index(["masks", "error"])
        assert everyone.loc[("one", "absolute_error"), "p_holm"] <= 0.05 < everyone["p_holm"]["two", "absolute_error"]
        summary = association_summary(table).set_index(["masks", "error", "scope"])
        found = summary.loc[("one", "absolute_error", "all ages")]
        assert (found["n"], found["tests"], found["segment"]) == (200, 5, "face") and found["both"] >= 1
        # Each age range holds one age here, so that the estimate says the error: nothing is left to go with it.
        within = summary.loc[("one", "absolute_error", "age ranges")]
        assert within["log_ratio"] >= 1 and within["log_ratio_given"] == within["plain_given"] == 0
        assert np.isnan(within["largest_r_given"]) and np.isfinite(found["largest_r_given"])
        within = summary.loc[("two", "absolute_error", "age ranges")]
        assert (within["n"], within["tests"], within["log_ratio"]) == (200, 10, 0)  # of two ranges with faces

    def test_adjusted_over_age_ranges_together(self):
        table = associations({"one": activations_frame(rows(60))}, seed=1, permutations=99)
        within = table[(table["age_range"] != "all") & (table["error"] == "signed_error")]
        tested = within["p_value"].notna()
        assert within["p_holm"].min() == pytest.approx(min(1, tested.sum() * within["p_value"].min()))
        assert within["p_share_holm"].min() == pytest.approx(min(1, tested.sum() * within["p_share"].min()))
        frame = activations_frame(rows(60)).assign(age_estimation=np.random.default_rng(1).uniform(0, 60, 60))
        within = associations({"one": frame}, seed=1, permutations=99).query("age_range != 'all'")
        for p_value in ("p_given", "p_share_given"):
            signed = within.loc[within["error"] == "signed_error", [p_value, f"{p_value}_holm"]].dropna()
            assert signed[f"{p_value}_holm"].min() == pytest.approx(min(1, len(signed) * signed[p_value].min()))

    def test_no_faces(self):
        frame = activations_frame(rows(3)).iloc[:0]
        table = associations({"one": frame}, seed=1, permutations=9)
        assert (table["n"] == 0).all() and (association_summary(table)["tests"] == 0).all()
        assert restrictions({"one": frame}, seed=1, shuffles=2)["r"].isna().all()
        assert (zero_sensitivity({"one": frame})["n"] == 0).all()


def test_what_stands_for_zero_matters_only_where_there_is_one():
    faces = rows(80)
    without = zero_sensitivity({"one": activations_frame(faces)})
    np.testing.assert_allclose(without["r_0.0005"], without["r_0.05"])
    for face in faces[:20]:
        face["activation_top_pct_of_feature"] = 0.0
    table = zero_sensitivity({"one": activations_frame(faces)}).set_index("segment")
    assert table["zeros"].tolist() == [0, 0, 0, 0.25, 0]
    assert abs(table["r_0.0005"]["outer_boundary_top"] - table["r_0.05"]["outer_boundary_top"]) > 1e-3


def test_masks_of_the_same_faces():
    first = activations_frame(rows(60, 1))
    other = activations_frame(rows(60, 2)).assign(fname=[f"{i + 20}.jpg" for i in range(60)])
    same = mask_agreement(first, first.sample(frac=1, random_state=1)).set_index(["age_range", "segment"])
    assert same.loc["all", "r_between"].tolist() == pytest.approx([1] * 5)
    assert same.loc["all", "same_sign"].all() and (same.loc["all", "n"] == 60).all()
    table = mask_agreement(first, other)
    young = table[table["age_range"] == "0–12"].iloc[0]
    shares = [faces_with_shares(frame, closure="true").set_index("fname") for frame in (first, other)]
    ratios = [np.log(share["face"]) - np.log(share[list(SEGMENTS)]).mean(axis=1) for share in shares]
    inside = [name for name in first["fname"][first["age_real"] == 5] if name in set(other["fname"])]
    assert young["n"] == len(inside) < 60
    one, two = (ratio[inside] for ratio in ratios)
    error = shares[0]["absolute_error"][inside]
    assert young["r_between"] == pytest.approx(np.corrcoef(one, two)[0, 1])
    assert young["r_second"] == pytest.approx(np.corrcoef(two, error)[0, 1])
    assert table[table["age_range"] == "13–18"]["same_sign"].isna().all()


def test_restrictions():
    table = restrictions({"one": activations_frame(rows(200, 1, 6.0))}, seed=1, shuffles=99)
    face = table[(table["age_range"] == "all") & (table["segment"] == "face")].set_index("estimates")
    assert face["n"].to_dict() == {"all": 200} | {half: face["n"][half] for half in ("accurate", "inaccurate")}
    assert face["n"]["accurate"] + face["n"]["inaccurate"] == 200
    assert face["p_value"]["all"] <= 0.05 and abs(face["r"]["accurate"]) < abs(face["r"]["all"])
    summary = restriction_summary(table).set_index("estimates")
    assert summary["correlations"]["all"] == 10 and summary["by_chance"]["all"] == pytest.approx(0.5)
    within = table[(table["age_range"] != "all") & (table["estimates"] == "all")]
    assert summary["p_up_to_0.05"]["all"] == (within["p_value"] <= 0.05).sum() >= 2
    assert summary["sd_ratio"]["accurate"] < 1

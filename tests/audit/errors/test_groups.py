"""Errors by group: shape of the tables, numbers by hand, planted differences found, none found where there is none."""

import warnings

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.groups import (
    disaggregate,
    estimates_of,
    face_measures,
    group_differences,
)
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL
from age_audit.core.measures import COMPARED, MEASURES
from age_audit.core.randomness import Resampling
from age_audit.core.schema import FaceLabel
from age_audit.core.vocabulary import AGE_RANGE_LABELS, GENDERS, RACES
from age_audit.data.frames import activations_frame, completed_frame, predictions_frame
from age_audit.stats.resampling import combination_interval

FEW = {"resampling": Resampling(seed=1, draws=99, permutations=99)}


def simulated(count, seed, older=0.0):
    """Faces of random ages and groups, errors of 8 years' standard deviation; Asian ones are taken for older."""
    rng = np.random.default_rng(seed)
    age, race = rng.integers(0, 101, count), rng.choice(RACES, count)
    return completed_frame(
        pd.DataFrame(
            {
                "fname": [f"{i}.jpg" for i in range(count)],
                "age_real": age,
                "gender_real": rng.choice(GENDERS, count),
                "race_real": race,
                "age_estimation": age + rng.normal(0, 8, count) + older * (race == "Asian"),
            }
        )
    )


def rows(table, **levels):
    return table[np.logical_and.reduce([table[name] == level for name, level in levels.items()])]


PREDICTIONS = {
    "predictions": {
        "10_0_2_20170109.jpg": 12,  # male, Asian, +2
        "10_0_2_20170110.jpg": 14,  # +4
        "11_1_3_20170109.jpg": 5.0,  # female, Indian, -6
        "61_1_20170109142408075.jpg": 71,  # no race, +10
        "30_0_2_20170111.jpg": None,
    }
}


class TestPredictions:
    def test_labels_come_from_the_names(self):
        frame = predictions_frame(PREDICTIONS)
        assert frame["age_real"].tolist() == [10, 10, 11, 61, 30]
        assert frame["gender_real"].tolist() == ["Male", "Male", "Female", "Female", "Male"]
        assert frame["race_real"].isna().tolist() == [False, False, False, True, False]
        assert frame["signed_error"].tolist()[:4] == [2, 4, -6, 10]

    def test_other_labels(self):
        frame = predictions_frame({"predictions": {"a.jpg": 3}}, lambda fname: FaceLabel(fname, 5.0, None, "Martian"))
        assert (frame["absolute_error"][0], frame["race_real"][0]) == (2, "Martian")

    def test_are_enough_for_errors(self):
        result = disaggregate(predictions_frame(PREDICTIONS), "race_real", "age_range", **FEW)
        asian = rows(result.by_group, age_range=ALL, race_real="Asian", measure="mean_absolute_error").iloc[0]
        assert (asian["n"], asian["value"], asian["few_faces"]) == (2, 3, True)

    def test_none(self):
        assert len(predictions_frame({"predictions": {}})) == 0

    def test_something_else(self):
        with pytest.raises(UsageError, match=r"expected an object 'predictions'.*begin with: cropping"):
            predictions_frame({"cropping": {}})


def test_measures_by_hand():
    frame = pd.DataFrame({"age_real": [10, 10, None], "age_estimation": [15, 4, 5]})
    expected = [[5, 6, np.nan], [5, -6, np.nan], [1, 0, np.nan], [0.95, 0.94, np.nan]]
    np.testing.assert_allclose(face_measures(frame), expected)
    with pytest.raises(ValueError, match="got speed"):
        face_measures(frame, ["speed"])


class TestEstimates:
    faces = (
        ("a.jpg", 10, "Male", 12),  # +2
        ("b.jpg", 10, "Male", 14),  # +4
        ("c.jpg", 11, "Male", 5),  # -6
        ("d.jpg", 12, "Female", 15),  # +3
        ("e.jpg", 30, None, 31),  # +1
        ("f.jpg", 116, "Female", 100),  # -16, outside the age ranges
        ("g.jpg", None, "Male", 50),
        ("h.jpg", 50, "Male", None),
    )
    frame = activations_frame(
        [{"fname": a, "age_real": b, "gender_real": c, "race_real": None, "age_estimation": d} for a, b, c, d in faces]
    )
    features = ("age_range", "gender_real")

    def test_by_hand(self):
        table = estimates_of(self.frame, self.features, self.features, **FEW)
        found = rows(table, age_range="0–12", gender_real="Male").set_index("measure")
        assert found["n"].tolist() == [3] * 4
        assert found["value"].tolist() == pytest.approx([4, 0, 2 / 3, 0.96])  # (2 + 4 + 6) / 3, (2 + 4 - 6) / 3 …

    def test_intervals_are_drawn_by_the_absolute_errors(self):
        frame = pd.DataFrame({"age_real": 40, "age_estimation": [41.0, 43, 38, 44, 51, 40, 37]})
        errors = np.array([1.0, 3, 2, 4, 11, 0, 3])
        options = FEW["resampling"].for_intervals(errors.tobytes())
        found = combination_interval([errors[None]], [1], **options)
        row = estimates_of(frame, [], **FEW).iloc[0]
        assert (row["low"], row["high"]) == (found.low[0], found.high[0])

    def test_every_level_has_its_rows_in_order(self):
        table = estimates_of(self.frame, self.features, self.features, **FEW)[:: len(MEASURES)]
        assert table["age_range"].tolist() == [label for label in [*AGE_RANGE_LABELS, ALL] for _ in range(3)]
        assert table["gender_real"].tolist() == [*GENDERS, ALL] * 5

    def test_all_counts_faces_that_no_level_fits(self):
        table = rows(estimates_of(self.frame, self.features, self.features, **FEW), gender_real=ALL)
        table = rows(table, measure="mean_absolute_error").set_index("age_range")
        assert table["n"].to_dict() == {"0–12": 4, "13–18": 0, "19–25": 0, "26–100": 1, ALL: 6}  # one of 116 years
        assert table.loc[ALL, "value"] == pytest.approx((2 + 4 + 6 + 3 + 1 + 16) / 6)

    def test_plain_columns_use_the_values_that_occur(self):
        frame = pd.DataFrame({"age_real": [1, 2, 3], "age_estimation": [2, 4, 6], "camera": ["b", "a", None]})
        table = rows(estimates_of(frame, ["camera"], ["camera"], **FEW), measure="mean_signed_error")
        assert table[["camera", "n", "value"]].to_numpy().tolist() == [["a", 1, 2], ["b", 1, 1], [ALL, 3, 2]]


class TestTables:
    frame = simulated(400, 3)

    def test_rows_and_order(self):
        result = disaggregate(self.frame, "race_real", "age_range", **FEW)
        assert result.overall["age_range"].tolist() == [a for a in [*AGE_RANGE_LABELS, ALL] for _ in MEASURES]
        assert len(result.by_group) == 5 * 5 * len(MEASURES)
        assert len(result.difference) == 5 * (5 + 10) * len(COMPARED)

    def test_intersections_and_no_control(self):
        result = disaggregate(self.frame, ["race_real", "gender_real"], **FEW)
        assert list(result.by_group.columns[:2]) == ["race_real", "gender_real"]
        assert len(result.overall) == len(MEASURES)
        assert "Asian / Female" in set(result.difference["group"])

    def test_difference_is_that_of_the_values(self):
        result = disaggregate(self.frame, "gender_real", **FEW)
        values = result.by_group.set_index(["gender_real", "measure"])["value"]
        overall = result.overall.set_index("measure")["value"]
        for row in result.difference.itertuples():
            other = overall[row.measure] if row.other == ALL else values[row.other, row.measure]
            assert row.difference == pytest.approx(values[row.group, row.measure] - other)

    def test_group_and_all_others_test_the_same(self):
        # With two groups, each against the overall and each against the other ask one question.
        table = group_differences(self.frame, "gender_real", resampling=Resampling(1, draws=9, permutations=1999))
        p_values = rows(table, measure="mean_signed_error")["p_value"]
        assert np.ptp(p_values) < 0.05

    def test_by_hand(self):
        # Men err by 1, 2 and 6 years, women by 3 and 5, a face without a gender by 9; one man has no estimate.
        errors, genders = [1, 2, 6, -3, -5, 9, np.nan], [*["Male"] * 3, *["Female"] * 2, None, "Male"]
        frame = pd.DataFrame({"age_real": 40.0, "age_estimation": np.add(40, errors), "gender_real": genders})
        table = rows(group_differences(frame, "gender_real", **FEW), measure="mean_absolute_error")
        alone = group_differences(frame, "gender_real", **FEW, measures=["mean_absolute_error"])
        assert alone["difference"].tolist() == table["difference"].tolist()
        assert table[["group", "other", "n_group", "n_other"]].to_numpy().tolist() == [
            ["Female", ALL, 2, 6],
            ["Male", ALL, 3, 6],
            ["Female", "Male", 2, 3],
        ]
        assert table["difference"].tolist() == pytest.approx([4 - 26 / 6, 3 - 26 / 6, 1])
        # 3 and 5 against 1, 2, 6, 9: 4 pairs above, 4 below; 1, 2, 6 against 3, 5, 9: 2 above, 7 below.
        assert table["cliffs_delta"].tolist() == pytest.approx([0, -5 / 9, (4 - 2) / 6])
        assert table["few_faces"].all()

    def test_within_a_level_only_its_own_faces_count(self):
        errors = [1, 3, 2, 6, 50, 60, 70, 80]
        frame = pd.DataFrame({"age_real": 40, "age_estimation": np.add(40, errors), "gender_real": list("ffmm") * 2})
        frame["camera"] = ["a"] * 4 + ["b"] * 4
        table = rows(group_differences(frame, "gender_real", "camera", **FEW), measure="mean_absolute_error")
        assert table["camera"].tolist() == [level for level in ("a", "b", ALL) for _ in range(3)]
        assert rows(table, kind="between")["difference"].tolist() == [2 - 4, 55 - 75, 28.5 - 39.5]
        assert rows(table, camera="b", kind="to overall")["difference"].tolist() == [55 - 65, 75 - 65]

    def test_few_are_fewer_than_thirty(self):
        genders = ["Male"] * 31 + ["Female"] * 30 + ["Other"] * 29
        frame = pd.DataFrame({"age_real": 40, "age_estimation": np.arange(90) % 7 + 38, "gender_real": genders})
        result = disaggregate(frame, "gender_real", resampling=Resampling(1, draws=9, permutations=9))
        few = result.by_group.groupby("gender_real", sort=False)["few_faces"].first()
        assert few.to_dict() == {"Female": False, "Male": False, "Other": True}
        between = rows(result.difference, kind="between", measure="mean_signed_error").set_index(["group", "other"])
        assert between["few_faces"].to_dict() == {
            ("Female", "Male"): False,
            ("Female", "Other"): True,
            ("Male", "Other"): True,
        }

    def test_groups_against_the_overall_alone(self):
        alone = disaggregate(self.frame, "race_real", between=False, **FEW).difference
        both = disaggregate(self.frame, "race_real", **FEW).difference
        assert set(alone["kind"]) == {"to overall"}
        columns = ["group", "measure", "n_group", "difference", "cliffs_delta"]
        pd.testing.assert_frame_equal(alone[columns], rows(both, kind="to overall")[columns].reset_index(drop=True))

    def test_same_seed_same_tables(self):
        first, second = (disaggregate(self.frame, "gender_real", **FEW) for _ in range(2))
        for name in ("overall", "by_group", "difference"):
            pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))

    def test_empty_and_single_groups(self):
        frame = self.frame[(self.frame["race_real"] != "Other") & (self.frame["race_real"] != "Indian")]
        frame = pd.concat([frame, self.frame[self.frame["race_real"] == "Other"].head(1)])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = disaggregate(frame, "race_real", **FEW)
        empty = rows(result.by_group, race_real="Indian")
        assert (empty["n"] == 0).all() and empty["value"].isna().all() and empty["few_faces"].all()
        single = rows(result.by_group, race_real="Other")
        assert (single["n"] == 1).all() and single["value"].notna().all() and single["low"].isna().all()
        compared = rows(result.difference, group="Caucasian", other="Other")
        assert (compared["n_other"] == 1).all() and compared["p_value"].isna().all() and compared["few_faces"].all()
        assert rows(result.difference, group="Caucasian", other="Asian")["p_holm"].notna().all()

    def test_no_faces_at_all(self):
        with np.errstate(all="raise"):
            result = disaggregate(self.frame.head(0), "race_real", "age_range", **FEW)
        assert (result.by_group["n"] == 0).all() and result.difference["p_value"].isna().all()

    def test_what_is_refused(self):
        with pytest.raises(UsageError, match=r"missing column\(s\) camera"):
            disaggregate(self.frame, "camera", **FEW)
        with pytest.raises(ValueError, match="at least one sensitive feature"):
            disaggregate(self.frame, [], **FEW)


@pytest.mark.long
def test_planted_difference_is_found_after_adjusting():
    found = []
    for seed in range(12):  # 4 years among some 120 faces a group, half a standard deviation
        few = {"resampling": Resampling(seed, draws=9, permutations=499), "measures": ["mean_signed_error"]}
        table = group_differences(simulated(600, seed, 4), "race_real", **few)
        found.append(rows(table, kind="to overall", group="Asian", measure="mean_signed_error")["p_holm"].iloc[0])
    assert np.mean(np.array(found) <= 0.05) >= 0.9


@pytest.mark.long
def test_nothing_is_found_where_there_is_nothing():
    # 500 small data sets at once: the levels of a control feature are tested apart.
    frame = simulated(500 * 40, 5).assign(study=np.repeat(np.arange(500), 40))
    few = {"resampling": Resampling(5, draws=9, permutations=199), "measures": ["mean_signed_error"]}
    table = group_differences(frame, "gender_real", "study", **few)
    found = rows(table, kind="between")
    assert 0.03 <= (found["p_value"] <= 0.05).mean() <= 0.07
    assert not (found["p_holm"] <= 0.05).any()


def test_with_clusters_intervals_and_p_values_change_and_copies_tell_nothing_new():
    frame = simulated(60, seed=3).assign(cluster=range(60))
    twice = pd.concat([frame, frame], ignore_index=True)
    options = {"control_features": "age_range", "resampling": Resampling(seed=1, draws=99, permutations=99)}
    once, plain = disaggregate(frame, "gender_real", **options), disaggregate(twice, "gender_real", **options)
    found = disaggregate(twice, "gender_real", clusters="cluster", **options)
    for table in ("overall", "by_group", "difference"):
        tables = [getattr(errors, table) for errors in (found, plain, once)]
        others = [
            one.drop(columns=["low", "high", "method", "p_value", "p_holm", "p_bh"], errors="ignore") for one in tables
        ]
        pd.testing.assert_frame_equal(*others[:2])
        widths = [(one["high"] - one["low"]).to_numpy() for one in tables]
        some = np.isfinite(widths[2]) & (widths[2] > 0)
        assert some.sum() > 10
        assert np.all(widths[0][some] > widths[1][some]), table
        # Other faces have other draws in the tables of estimates; that these are 99 leaves some noise.
        assert abs(np.median(widths[0][some] / widths[2][some]) - 1) < 0.1, table
    p_values = [errors.difference["p_value"].to_numpy() for errors in (found, plain, once)]
    tested = np.isfinite(p_values[2])
    assert tested.sum() > 10 and np.abs(p_values[0] - p_values[2])[tested].max() < 0.15  # of 99 deals
    assert (p_values[1][tested] < p_values[2][tested] - 0.05).sum() > 5  # singly dealt copies are too sure
    with pytest.raises(UsageError, match=r"missing column\(s\) copies"):
        disaggregate(frame, "gender_real", clusters="copies", **options)


def test_a_face_without_a_cluster_stands_alone():
    frame = simulated(40, seed=3)
    few = {"resampling": Resampling(seed=1, draws=99, permutations=99)}
    numbered = disaggregate(frame.assign(cluster=range(40)), "gender_real", clusters="cluster", **few)
    missing = disaggregate(frame.assign(cluster=[0, *[None] * 39]), "gender_real", clusters="cluster", **few)
    for table in ("by_group", "difference"):
        pd.testing.assert_frame_equal(getattr(numbered, table), getattr(missing, table))


def test_labels_that_are_ranges_count_from_their_nearer_end_and_the_table_says_so():
    frame = pd.DataFrame({"age_real": [25.0, np.nan, np.nan, np.nan], "age_estimation": [30.0, 25.0, 35.5, 12.0]})
    assert "n_age_as_range" not in estimates_of(frame, [], **FEW)
    frame = frame.assign(age_real_low=[np.nan, 20, 20, 20], age_real_high=[np.nan, 29, 29, 29])
    table = estimates_of(frame, [], **FEW).set_index("measure")
    assert table["value"].to_dict() == {  # errors 5, 0, 6.5 and -8
        "mean_absolute_error": 19.5 / 4,
        "mean_signed_error": 3.5 / 4,
        "cumulative_score_5": 0.5,
        "study_accuracy": pytest.approx(1 - 19.5 / 400),
    }
    assert table["n"].tolist() == [4] * 4 and table["n_age_as_range"].tolist() == [3] * 4

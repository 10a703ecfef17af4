"""The published functions that draw or print: what they answer, against the slow literal way, and what they show."""

import copy
import math
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit.core.errors import UsageError
from age_audit.core.vocabulary import (
    FEATURES_ALL,
    GENDERS,
    KEYS_BOUNDARIES,
    KEYS_BOUNDARIES_GENDERS,
    KEYS_RACE_AGE_BOUNDARIES,
    RACES,
)
from age_audit.figures.published_names import (
    normalise_cohort,
    statistic_details,
    visualise_corr_gender,
    visualise_heatmap_corr_pairplot,
    visualise_heatmap_corr_pairplot_all,
    visualise_pairplot,
)
from age_audit.study.rows import filter_dataset, generate_processed_datasets

SHOWN_RACES = ["Caucasian", "Asian"]


@pytest.fixture(autouse=True)
def closed_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def processed():
    """Positive and negative rows of 24 faces: 16 Caucasian, 8 Asian."""
    rng = np.random.default_rng(7)
    rows = [
        {
            "fname": f"{i}.jpg",
            "age_real": 30,
            "gender_real": GENDERS[i % 2],
            "race_real": SHOWN_RACES[i % 3 == 0],
            "age_estimation": 31.0,
            "age_estimation_accuracy": 0.95 + 0.001 * i if i % 4 < 2 else 0.5 + 0.01 * i,
            **{feature: float(rng.random()) for feature in FEATURES_ALL},
        }
        for i in range(24)
    ]
    return generate_processed_datasets(rows)[0]


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    """A folder of mask pictures, each a third unsettled."""
    folder = tmp_path_factory.mktemp("img-masks")
    levels = np.random.default_rng(8).choice(np.array([0, 128, 255], np.uint8), (24, 28, 28))
    levels[:, 0, 0] = 255  # so that no sum has 0 for its largest, for which the formula has no answer
    for i, level in enumerate(levels):
        Image.fromarray(np.kron(level, np.ones((8, 8), np.uint8))).save(folder / f"{i}.jpg.png")
    return folder


def filtered(rows, groups=SHOWN_RACES, **ages):
    return filter_dataset(rows, KEYS_RACE_AGE_BOUNDARIES, "race_real", groups, **ages)


def literal_sum(rows, race, folder):
    """Pictures opened once for every row, +1 and -1 added one after the other."""
    total = np.zeros((224, 224))
    for row in rows:
        if row["race_real"] == race:
            grey = np.array(Image.open(folder / f"{row['fname']}.png"))
            total = total + np.where(grey > 200, 1.0, -1.0)
    return total


def literal_scaled(heatmap):
    factor = 2 / heatmap.max()
    return heatmap * factor - 1


def texts(figure):
    return " ".join(text.get_text() for axes in figure.get_axes() for text in [axes.title, *axes.texts])


class TestCohort:
    def test_repeats_and_cuts(self, capsys):
        cohort = [{"a": 1}, {"a": 2}]
        assert normalise_cohort(cohort, 5) == [{"a": 1}, {"a": 2}, {"a": 1}, {"a": 2}, {"a": 1}]
        assert normalise_cohort(cohort, 1) == [{"a": 1}]
        assert normalise_cohort([], 3) == []
        assert len(cohort) == 2
        assert capsys.readouterr().out == ""

    def test_says_which_is_small(self, capsys):
        normalise_cohort([1] * 30, 40, verbose=True)
        assert capsys.readouterr().out == ""
        normalise_cohort([1] * 29, 40, True)
        assert capsys.readouterr().out == "WARNING: Cohort is small and may not be representative.\n"


class TestPairplot:
    def test_answers_the_frame(self, processed, capsys):
        chosen = filtered(processed["positive"])
        assert visualise_pairplot(chosen) is chosen.frame
        assert capsys.readouterr().out == ""

    def test_prints_sizes_and_shares(self, capsys):
        rows = [
            {"race_real": "Asian", "age_real": 5, "age_estimation_accuracy": accuracy}
            for accuracy in (0.2, 0.9, 0.95, None)
        ]
        chosen = filter_dataset(rows, list(rows[0]), "race_real", ["Asian", "Other"])
        visualise_pairplot(chosen, verbose=True)
        assert capsys.readouterr().out.splitlines() == [
            "Asian",
            "\tCohort size: 4",
            "\tage_estimation_accuracy: 0 - 90: 0.5",
            "\tage_estimation_accuracy: 90 - 100: 0.5",
            "Other",
            "\tCohort size: 0",
            "\tage_estimation_accuracy: 0 - 90: nan",
            "\tage_estimation_accuracy: 90 - 100: nan",
        ]


class TestCorrelations:
    def test_rows_against_the_literal_way(self, processed, masks):
        chosen = filtered(processed["positive"])
        rows = visualise_heatmap_corr_pairplot(chosen, f"{masks}/", age_range="0 - 100", this_type="positive")
        assert [list(row) for row in rows] == [[*KEYS_BOUNDARIES, "race", "age_range", "classification_type", "n"]] * 2
        for row, race in zip(rows, SHOWN_RACES, strict=True):
            members = [x for x in chosen.rows if x["race_real"] == race]  # the repeated ones repeatedly
            for key in KEYS_BOUNDARIES:
                pairs = np.array([(x[key], x["age_estimation_accuracy"]) for x in members])
                away = pairs - pairs.mean(axis=0)
                r = away.prod(axis=1).sum() / math.sqrt((away**2).sum(axis=0).prod())
                assert row[key] == pytest.approx(r)
            assert (row["race"], row["age_range"], row["classification_type"]) == (race, "0 - 100", "positive")
            assert row["n"] == chosen.cohort_sizes[race]

    def test_figure(self, processed, masks):
        chosen = filtered(processed["positive"])
        visualise_heatmap_corr_pairplot(chosen, masks, ["face", "outer_boundary_top"], 0.3, "0 - 100", "positive")
        figure = plt.gcf()
        assert figure.get_suptitle() == "Masks and accuracy of positive estimates, real age 0 - 100 years"
        heatmap = figure.get_axes()[0]
        assert heatmap.get_title() == f"Caucasian (n = {chosen.cohort_sizes['Caucasian']})"
        expected = literal_scaled(literal_sum(chosen.rows, "Caucasian", masks))
        np.testing.assert_array_equal(heatmap.images[0].get_array(), expected)
        scatter = [axes for axes in figure.get_axes() if axes.get_xlabel().startswith("share of")]
        assert [axes.get_xlabel() for axes in scatter] == ["share of face", "share of outer boundary top"]
        points = scatter[0].get_lines()[1]
        members = [row for row in chosen.rows if row["race_real"] == "Asian"]
        assert points.get_xdata().tolist() == [row["face"] for row in members]
        assert points.get_alpha() == 0.3
        legend = [text.get_text() for text in scatter[1].get_legend().get_texts()]
        assert legend[1] == f"Asian (n = {chosen.cohort_sizes['Asian']})"
        assert len({line.get_marker() for line in scatter[0].get_lines()}) == 2

    def test_empty_and_single_groups(self, processed, masks):
        one = [row for row in processed["positive"] if row["race_real"] == "Asian"][:1]
        caucasians = [row for row in processed["positive"] if row["race_real"] == "Caucasian"]
        chosen = filtered(one + caucasians, [*SHOWN_RACES, "Other"])
        with pytest.warns(UserWarning, match=r"correlations are NaN: Asian \(n = 1\), Other \(n = 0\)") as caught:
            rows = visualise_heatmap_corr_pairplot(chosen, masks)
        assert len(caught) == 1
        assert [row["n"] for row in rows] == [len(caucasians), 1, 0]
        assert [[math.isnan(row[key]) for key in KEYS_BOUNDARIES] for row in rows] == [
            [False] * 5,
            [True] * 5,
            [True] * 5,
        ]
        assert "no heatmap" in texts(plt.gcf()) and "Other (n = 0)" in texts(plt.gcf())

    def test_nobody_at_all(self, masks):
        with pytest.warns(UserWarning, match=r"Other \(n = 0\)") as caught:
            rows = visualise_heatmap_corr_pairplot(filtered([], RACES), masks)
        assert len(caught) == 1
        assert [row["race"] for row in rows] == RACES
        plt.gcf().canvas.draw()

    def test_no_groups(self, processed, masks):
        assert visualise_heatmap_corr_pairplot(filtered(processed["positive"], []), masks) == []
        assert not plt.get_fignums()

    def test_without_masks_the_rows_are_the_same(self, processed, masks, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        chosen = filtered(processed["positive"])
        expected = visualise_heatmap_corr_pairplot(chosen, masks)
        with pytest.warns(UserWarning, match="masks are missing") as caught:
            assert visualise_heatmap_corr_pairplot(chosen, tmp_path / "nowhere") == expected
        assert len(caught) == 1

    def test_groups_by_gender(self, processed, masks):
        keep = [*KEYS_RACE_AGE_BOUNDARIES, "gender_real"]
        rows = visualise_heatmap_corr_pairplot(
            filter_dataset(processed["positive"], keep, "gender_real", GENDERS), masks
        )
        assert [(row["race"], row["n"]) for row in rows] == [("Male", 6), ("Female", 6)]

    def test_missing_columns_are_named(self, processed, masks):
        chosen = filter_dataset(processed["positive"], ["race_real", "age_real", "face"], "race_real", SHOWN_RACES)
        with pytest.raises(UsageError, match=r"missing key\(s\) age_estimation_accuracy, outer_boundary_left"):
            visualise_heatmap_corr_pairplot(chosen, masks)


class TestHeatmaps:
    @pytest.mark.parametrize("how", ["accurate", "inaccurate", "observing"])
    def test_against_the_literal_way(self, processed, masks, how, capsys):
        chosen = [filtered(processed[name]) for name in ("positive", "negative")]
        found = visualise_heatmap_corr_pairplot_all(chosen[0], f"{masks}/", dataset_tuple2=chosen[1], this_type=how)
        assert list(found) == SHOWN_RACES
        for race, heatmap in found.items():
            one, two = (literal_scaled(literal_sum(each.rows, race, masks)) for each in chosen)
            outcome = {"accurate": one - two, "inaccurate": two - one, "observing": two + one}[how]
            np.testing.assert_array_equal(heatmap, literal_scaled(outcome))
        assert capsys.readouterr().out == ""

    def test_figure_and_print(self, processed, masks, capsys):
        one, two = (filtered(processed[name]) for name in ("positive", "negative"))
        found = visualise_heatmap_corr_pairplot_all(one, masks, dataset_tuple2=two, verbose=True)
        axes = plt.gcf().get_axes()
        sizes, sizes2 = one.cohort_sizes, two.cohort_sizes
        assert [panel.get_title() for panel in axes[:2]] == [f"{r} (n = {sizes[r]} and {sizes2[r]})" for r in sizes]
        np.testing.assert_array_equal(axes[1].images[0].get_array(), found["Asian"])
        out = capsys.readouterr().out.splitlines()
        assert out[:2] == ["Caucasian", f"\tCohort size: {sizes['Caucasian']}"]

    def test_a_group_without_faces(self, processed, masks):
        one, two = filtered(processed["positive"], [*SHOWN_RACES, "Other"]), filtered(processed["negative"])
        with pytest.warns(UserWarning, match=r"no faces, so heatmaps are NaN: Other \(n = 0\)") as caught:
            found = visualise_heatmap_corr_pairplot_all(one, masks, dataset_tuple2=two)
        assert len(caught) == 1
        assert np.isnan(found["Other"]).all() and found["Other"].shape == (224, 224)
        assert not np.isnan(found["Asian"]).any()

    def test_what_cannot_be_done(self, processed, masks, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        chosen = filtered(processed["positive"])
        with pytest.raises(UsageError, match="expected dataset_tuple2"):
            visualise_heatmap_corr_pairplot_all(chosen, masks)
        with pytest.raises(UsageError, match="expected this_type to be one of accurate, inaccurate, observing"):
            visualise_heatmap_corr_pairplot_all(chosen, masks, dataset_tuple2=chosen, this_type="both")
        with pytest.warns(UserWarning, match="missing"), pytest.raises(UsageError, match="expected masks in"):
            visualise_heatmap_corr_pairplot_all(chosen, tmp_path, dataset_tuple2=chosen)
        assert not plt.get_fignums()


class TestGenderAndStatistics:
    def test_gender(self, processed):
        matrix = visualise_corr_gender(processed["positive"])
        expected = pd.DataFrame(processed["positive"])[KEYS_BOUNDARIES_GENDERS]
        expected["gender_real"] = [1 if gender == "Male" else 0 for gender in expected["gender_real"]]
        pd.testing.assert_frame_equal(matrix, expected.corr())
        axes = plt.gcf().get_axes()[0]
        assert axes.get_title() == "Correlations over 12 rows"
        assert len(axes.texts) == 49

    @pytest.mark.parametrize("n", [0, 1])
    def test_gender_of_nobody_or_one(self, processed, n):
        with pytest.warns(UserWarning, match=f"n = {n}") as caught:
            assert visualise_corr_gender(processed["positive"][:n]).isna().all(axis=None)
        assert len(caught) == 1

    def test_statistics_are_drawn_when_asked_for(self, processed):
        rows = processed["positive"] + processed["negative"]
        plain = statistic_details(rows, "Caucasian", 0, 100, "Male")
        assert not plt.get_fignums()
        assert statistic_details(rows, "Caucasian", 0, 100, "Male", visualise=True) == pytest.approx(plain, nan_ok=True)
        assert f"n = {plain['n_participants']}" in plt.gcf().get_axes()[0].get_title()
        heights = [bar.get_height() for bar in plt.gcf().get_axes()[0].patches]
        assert heights == [plain["n_participants"]]  # all are estimated at 31
        with pytest.warns(UserWarning, match="n = 0"):
            statistic_details([], "Asian", 0, 12, "Male", visualise=True)


def test_arguments_are_left_alone(processed, masks):
    kept = copy.deepcopy(processed)
    one, two = (filtered(processed[name]) for name in ("positive", "negative"))
    frozen = copy.deepcopy(one)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visualise_pairplot(one)
        visualise_heatmap_corr_pairplot(one, masks)
        visualise_heatmap_corr_pairplot_all(one, masks, dataset_tuple2=two)
        visualise_corr_gender(processed["positive"])
    assert processed == kept
    assert one[:2] == frozen[:2] and one[3:] == frozen[3:]
    pd.testing.assert_frame_equal(one.frame, frozen.frame)

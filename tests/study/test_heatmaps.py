"""Sums of masks, against the literal way: pixel by pixel, face by face."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.masks import pack_masks, signed_mask_sums
from age_audit.core.vocabulary import FEATURES_ALL, KEYS_RACE_AGE_BOUNDARIES
from age_audit.figures.published_names import visualise_heatmap_corr_pairplot_all
from age_audit.study.heatmaps import (
    StudyPanel,
    cohort_sum,
    compared_heatmap,
    panel_table,
    repeated_mask_sum,
    scale_to_unit,
    study_panels,
)
from age_audit.study.rows import filter_dataset, generate_processed_datasets


def random_masks(count, share=0.4, seed=0):
    return np.random.default_rng(seed).random((count, 224, 224)) < share


class TestScale:
    def test_by_hand(self):
        np.testing.assert_array_equal(scale_to_unit([[4, 2], [0, -2]]), [[1, 0], [-1, -2]])
        np.testing.assert_array_equal(scale_to_unit([[-1, -2]]), [[1, 3]])  # the published arithmetic turns the signs

    @pytest.mark.parametrize("heatmap", [[[0, 0], [0, -3]], [[np.nan, 1], [2, 3]], np.zeros((2, 2), int)])
    def test_no_answer(self, heatmap):
        assert np.isnan(scale_to_unit(heatmap)).all()
        assert scale_to_unit(heatmap).shape == (2, 2)

    def test_of_an_empty_group(self):
        groups = pd.Categorical(["a"], categories=["a", "b"])
        assert np.isnan(scale_to_unit(signed_mask_sums(pack_masks(random_masks(1)), groups)["b"])).all()

    def test_to_the_last_digit(self):
        heatmap = np.arange(-40, 60).reshape(10, 10)
        expected = heatmap.astype(float)
        expected *= 2 / expected.max()
        expected -= 1
        np.testing.assert_array_equal(scale_to_unit(heatmap), expected)


class TestRepeatedAndCompared:
    def test_repeated_faces_count_repeatedly(self):
        masks, times = random_masks(7), [3, 3, 2, 2, 2, 2, 2]
        expected = np.zeros((224, 224))
        for mask, repeats in zip(masks, times, strict=True):
            for _ in range(repeats):
                expected += np.where(mask, 1, -1)
        np.testing.assert_array_equal(repeated_mask_sum(pack_masks(masks), times), expected)
        assert not repeated_mask_sum(pack_masks(random_masks(0)), []).any()

    @pytest.mark.parametrize("how", ["accurate", "inaccurate", "observing"])
    def test_against_the_literal_way(self, how):
        first, second = (np.random.default_rng(seed).integers(-9, 10, (6, 5)) for seed in (1, 2))
        a, b = first * (2 / first.max()) - 1, second * (2 / second.max()) - 1
        outcome = {"accurate": a - b, "inaccurate": b - a, "observing": b + a}[how]
        np.testing.assert_array_equal(compared_heatmap(first, second, how), outcome * (2 / outcome.max()) - 1)

    def test_by_hand(self):
        first, second = [[2, 0]], [[-1, 4]]  # scaled: 1, -1 and -1.5, 1; difference 2.5, -2
        np.testing.assert_allclose(compared_heatmap(first, second, "accurate"), [[1, -2.6]])
        np.testing.assert_allclose(compared_heatmap(first, second, "inaccurate"), [[-3.5, 1]])

    def test_an_empty_group_has_no_answer(self):
        assert np.isnan(compared_heatmap(np.zeros((2, 2)), np.ones((2, 2)), "observing")).all()

    def test_another_word(self):
        with pytest.raises(UsageError, match="one of accurate, inaccurate, observing, got 'both'"):
            compared_heatmap([[1]], [[1]], "both")


def test_cohort_sum_row_by_row():
    masks = random_masks(3)
    rows = [{"fname": name} for name in ("c", "a", "c", None, "lost")] + [{}]
    sums, n = cohort_sum(rows, {"a": 0, "b": 1, "c": 2}, pack_masks(masks))
    signed = np.where(masks, 1, -1)
    np.testing.assert_array_equal(sums, signed[0] + 2 * signed[2])
    assert n == 2


RANGES = [[0, 12], [13, 100]]
GROUPS = ["Asian", "Other"]


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    rows = [
        {
            **{"fname": f"{i}.jpg", "race_real": GROUPS[i % 2], "age_real": 10 if i < 12 else 40},
            **{"age_estimation": 20.0, "age_estimation_accuracy": 0.95 if i % 3 else 0.5, "gender_real": "Male"},
            **dict.fromkeys(FEATURES_ALL, 0.5),
        }
        for i in range(20)
    ]
    masks = rng.random((20, 224, 224)) < 0.4
    packed = {"fname": np.array([row["fname"] for row in rows]), "positive": pack_masks(masks)}
    return generate_processed_datasets(rows)[0], packed, masks


@pytest.mark.parametrize("this_type", ["accurate", "observing"])
def test_panels_as_the_public_function_gives_them(parts, tmp_path, this_type):
    rows, packed, _ = parts
    store = tmp_path / "metadataset_some_masks.npz"
    np.savez(store, **packed, negative=packed["positive"])
    panels = {
        (panel.age_range, panel.group): panel for panel in study_panels(rows, packed, "race_real", GROUPS, RANGES)
    }
    for low, high in RANGES:
        cohorts = [
            filter_dataset(rows[half], KEYS_RACE_AGE_BOUNDARIES, "race_real", GROUPS, low, high)
            for half in ("positive", "negative")
        ]
        expected = visualise_heatmap_corr_pairplot_all(
            cohorts[0], store, dataset_tuple2=cohorts[1], this_type=this_type
        )
        for group in GROUPS:
            panel = panels[f"{low}–{high}", group]
            np.testing.assert_array_equal(panel.heatmap(this_type), expected[group])
            assert [panel.n_first, panel.n_second] == [cohort.cohort_sizes[group] for cohort in cohorts]


def test_faces_without_a_mask_do_not_count(parts):
    rows, packed, _ = parts
    fewer = {name: values[1:] for name, values in packed.items()}  # face 0: Asian, 10 years, inaccurate
    before, after = (study_panels(rows, masks, "race_real", GROUPS, RANGES)[0] for masks in (packed, fewer))
    assert (after.n_first, after.n_second) == (before.n_first, before.n_second - 1)


def test_panel_table_by_hand():
    first, second = np.array([[2, 0]]), np.array([[-1, 4]])  # heatmap: 1, -2.6; see the test of compared_heatmap
    table = panel_table([StudyPanel("0–12", "A", first, second, 5, 6), StudyPanel("0–12", "B", first, 0 * first, 1, 0)])
    row = table.iloc[0]
    assert [row["n_accurate"], row["n_inaccurate"], row["accurate_above_zero"]] == [5, 6, 0.5]
    assert [row["accurate_lowest"], row["accurate_mean"]] == pytest.approx([-2.6, -0.8])
    assert table.filter(like="accurate_").iloc[1].isna().all() and table["n_inaccurate"][1] == 0


def test_above_zero_is_above_what_was_zero_before_scaling():
    # Scaled: 1, 0, -0.5, -1, -2 and 1 everywhere; their sum 2, 1, 0.5, 0, -1 becomes 1, 0, -0.5, -1, -2.
    panel = StudyPanel("0–12", "A", np.array([[4, 2, 1, 0, -2]]), np.full((1, 5), 3), 5, 6)
    row = panel_table([panel]).iloc[0]
    assert (row["observing_lowest"], row["observing_mean"], row["observing_above_zero"]) == (-2, -0.5, 3 / 5)

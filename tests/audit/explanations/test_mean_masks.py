"""Masks by group and age range: against the public function, and by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.mean_masks import explained_faces, mean_masks, outline_distances
from age_audit.core.masks import pack_masks
from age_audit.core.vocabulary import FEATURES_ALL, KEYS_RACE_AGE_BOUNDARIES
from age_audit.figures.published_names import visualise_heatmap_corr_pairplot_all
from age_audit.recheck.shuffled import shuffled_parts
from age_audit.study.heatmaps import StudyPanel, panel_table, study_panels
from age_audit.study.rows import filter_dataset, generate_processed_datasets

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


def test_shuffled_within_group_and_age_range(parts):
    rows, *_ = parts
    dealt = shuffled_parts(rows, seed=1, age_ranges=RANGES)

    def counts(of):
        frames = {half: pd.DataFrame(of[half]) for half in ("positive", "negative")}
        return {half: frame.groupby(["race_real", "age_real"]).size().to_dict() for half, frame in frames.items()}

    def names(of):
        return {half: sorted(row["fname"] for row in of[half]) for half in ("positive", "negative")}

    assert counts(dealt) == counts(rows)
    before, after = names(rows), names(dealt)
    assert before["positive"] != after["positive"]
    assert sorted(before["positive"] + before["negative"]) == sorted(after["positive"] + after["negative"])
    assert shuffled_parts(rows, seed=1, age_ranges=RANGES) == dealt
    assert shuffled_parts({"positive": [], "negative": []}, seed=1) == {"positive": [], "negative": []}


def test_masks_in_the_order_of_the_frame():
    frame = pd.DataFrame({"fname": ["c", "lost", "a"]})
    positive = np.arange(3, dtype=np.uint8).repeat(6272).reshape(3, 6272)
    masks = {"fname": np.array(["a", "b", "c"]), "positive": positive, "negative": positive + 10}
    faces = explained_faces(frame, masks)
    assert list(faces.frame["fname"]) == ["c", "a"] and list(faces.frame.index) == [0, 1]
    assert faces.positive[:, 0].tolist() == [2, 0] and faces.negative[:, 0].tolist() == [12, 10]
    assert explained_faces(frame[1:2], masks).positive.shape == (0, 6272)


def test_mean_masks_pixel_by_pixel():
    rng = np.random.default_rng(3)
    positive = rng.random((7, 224, 224)) < 0.3
    negative = (rng.random((7, 224, 224)) < 0.5) & ~positive
    groups = pd.Categorical(["x", "y", "x", None, "y", "x", "x"], categories=["x", "y", "z"])
    frame = pd.DataFrame({"fname": list("abcdefg"), "group": groups})
    packed = {"fname": frame["fname"].to_numpy(), "positive": pack_masks(positive), "negative": pack_masks(negative)}
    faces = explained_faces(frame, packed)
    x, y, z = mean_masks(faces, ["group"])
    signed = positive.astype(int) - negative
    np.testing.assert_allclose(x.heatmap, signed[[0, 2, 5, 6]].mean(axis=0))
    assert (x.labels, x.n, y.n, z.n) == ({"group": "x"}, 4, 2, 0) and np.isnan(z.heatmap).all()
    np.testing.assert_allclose(mean_masks(faces, [])[0].heatmap, signed.mean(axis=0))


def test_outline_distances_by_hand():
    points = np.zeros((68, 2))
    landmarks = {"a": points, "b": points + np.array([6, 8]), "d": points}  # all: mean (2, 8/3)
    groups = pd.Categorical(["x", "y", "y", "x"], categories=["x", "y", "z"])
    frame = pd.DataFrame({"fname": ["a", "b", "lost", "d"], "group": groups})
    table = outline_distances(frame, landmarks, ["group"]).set_index("group")
    assert table["n"].tolist() == [2, 1, 0]
    assert table["mean_pixels"].tolist()[:2] == pytest.approx([10 / 3, 20 / 3]) and np.isnan(table["mean_pixels"]["z"])
    assert table["largest_pixels"]["y"] == pytest.approx(20 / 3)

"""A data set in numbers, held to small examples worked by hand and to slow literal twins."""

import numpy as np
import pandas as pd
import pytest
import scipy

from age_audit.audit.dataset import description as d
from age_audit.core.errors import UsageError
from age_audit.core.randomness import stream


def frame_of(ages, genders=None, **more):
    return pd.DataFrame({"age_real": ages, "gender_real": genders or ["Male"] * len(ages), **more})


def test_every_number_of_five_ages():
    (row,) = d.describe(frame_of([1.0, 2, 2, 5, 10]), ["age_real"], []).to_dict("records")
    # Mean 4; squared deviations 9, 4, 4, 1, 36 sum to 54; cubes -27, -8, -8, 1, 216 to 174; fourth powers to 1410.
    assert row == {
        "measure": "age_real",
        "n": 5,
        "share": 1.0,
        "mean": 4.0,
        "median": 2.0,
        "mode": 2.0,
        "standard_deviation": pytest.approx(np.sqrt(54 / 4)),
        "interquartile_range": 3.0,
        "p5": pytest.approx(1.2),
        "p25": 2.0,
        "p75": 5.0,
        "p95": pytest.approx(9.0),
        "minimum": 1.0,
        "maximum": 10.0,
        "skewness": pytest.approx(np.sqrt(5 * 4) / 3 * (174 / 5) / (54 / 5) ** 1.5),
        "excess_kurtosis": pytest.approx(4 / (3 * 2) * (6 * ((1410 / 5) / (54 / 5) ** 2 - 3) + 6)),
    }


def test_shape_is_that_of_scipy_corrected_for_bias():
    values = stream(1, "shape").lognormal(size=60)
    row = d.describe(frame_of(values), ["age_real"], []).iloc[0]
    assert row["skewness"] == pytest.approx(scipy.stats.skew(values, bias=False))
    assert row["excess_kurtosis"] == pytest.approx(scipy.stats.kurtosis(values, bias=False))


def test_groups_and_all_and_who_has_no_value_or_label():
    frame = frame_of([10.0, 20, 30, np.nan], ["Male", "Female", None, "Male"], entropy=[7.0, None, 5.0, 6.0])
    table = d.describe(frame).set_index(["gender_real", "measure"])
    assert table["n"].to_dict() == {
        ("Female", "age_real"): 1,
        ("Female", "entropy"): 0,
        ("Male", "age_real"): 1,
        ("Male", "entropy"): 2,
        ("all", "age_real"): 3,
        ("all", "entropy"): 3,
    }
    assert table.loc[("Male", "entropy"), "share"] == pytest.approx(2 / 3)
    assert np.isnan(table.loc[("Female", "entropy"), "mean"])
    assert np.isnan(table.loc[("all", "entropy"), "mode"])  # none occurs twice
    with pytest.raises(UsageError, match="luminance"):
        d.describe(frame, ["luminance"])


def test_bins_hold_their_lower_end_and_the_last_has_none():
    table = d.age_bins(frame_of([0, 9.9, 10, 89, 90, 116, np.nan], ["Male"] * 6 + [None]))
    everyone = table[table["gender_real"] == "all"].set_index("age_low")
    assert everyone["images"].to_dict() == dict.fromkeys(range(0, 91, 10), 0) | {0: 2, 10: 1, 80: 1, 90: 2}
    assert everyone["age_high"].tolist()[:2] == [9, 19] and np.isnan(everyone.loc[90, "age_high"])
    assert everyone["share"].sum() == pytest.approx(1) and everyone.loc[0, "low"] < 1 / 3 < everyone.loc[0, "high"]
    assert set(table["gender_real"]) == {"Male", "all"}


def test_bins_without_features_and_of_nobody():
    assert d.age_bins(frame_of([5, 15]), [])["images"].sum() == 2
    assert d.age_bins(frame_of([np.nan])).empty
    for features in ([], ["gender_real"]):
        assert list(d.age_bins(frame_of([5])[:0], features)) == list(d.age_bins(frame_of([5, 15]), features))


def test_a_range_of_ages_counts_in_parts():
    frame = pd.DataFrame({"age_real": [np.nan], "age_real_low": [5.0], "age_real_high": [14.0]})
    assert d.age_bins(frame, [])["images"].tolist()[:3] == [0.5, 0.5, 0]


def test_correlations_of_three_measures():
    frame = pd.DataFrame({"width": [1.0, 2, 3, 4, 5], "height": [2.0, 4, 6, 8, 10], "entropy": [5.0, 1, 4, 2, None]})
    table = d.correlations(frame, ["width", "height", "entropy"])
    assert table[["measure", "other", "n"]].to_numpy().tolist() == [
        ["width", "height", 5],
        ["width", "entropy", 4],
        ["height", "entropy", 4],
    ]
    # Of 1-4 and 5, 1, 4, 2: deviations -1.5, -.5, .5, 1.5 and 2, -2, 1, -1, products sum to -3, squares to 5 and 10.
    assert table["r"].tolist() == pytest.approx([1, -3 / np.sqrt(50), -3 / np.sqrt(50)])
    assert table.loc[1, "spearman"] == pytest.approx(1 - 6 * (9 + 1 + 0 + 4) / (4 * 15))  # ranks 4 1 3 2: d² 9 1 0 4
    assert table.loc[0, "spearman_low"] < 0.95 and table.loc[0, "spearman_high"] == 1  # five agree; a sixth may not


def test_the_interval_of_a_rank_correlation_is_bonett_and_wrights():
    values = stream(2, "ranks").normal(size=(50, 2))
    frame = pd.DataFrame(values + values[:, :1], columns=["width", "height"])
    row = d.correlations(frame, ["width", "height"]).iloc[0]
    half = scipy.stats.norm.ppf(0.975) * np.sqrt((1 + row["spearman"] ** 2 / 2) / 47)
    ends = np.tanh(np.arctanh(row["spearman"]) + np.array([-half, half]))
    assert row[["spearman_low", "spearman_high"]].tolist() == pytest.approx(ends.tolist())


def noise(seed, size, high=256):
    return stream(seed, "image").integers(0, high, (*size, 3), dtype=np.uint8)


def test_shares_of_channels_are_counted_pixel_by_pixel():
    image = noise(1, (5, 7), 4)
    slow = np.zeros((3, 256))
    for row in image:
        for pixel in row:
            for channel, value in enumerate(pixel):
                slow[channel, value] += 1 / 35
    np.testing.assert_allclose(d.channel_shares(image), slow)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_no_image_has_no_channels(shape):
    with pytest.raises(ValueError, match="expected an RGB image"):
        d.channel_shares(np.zeros(shape, dtype=np.uint8))


def test_streamed_means_are_those_of_all_images_at_once():
    images = [("Male", noise(i, (3, 4), 8)) for i in range(4)] + [("Female", noise(9, (30, 40), 8))]
    table = d.mean_channels(d.channel_sums(iter(images)))
    shares = np.stack([d.channel_shares(image) for group, image in images if group == "Male"]).reshape(4, -1)
    men = table[table["group"] == "Male"]
    np.testing.assert_allclose(men["share"], shares.mean(axis=0))
    half = scipy.stats.t.ppf(0.975, 3) * shares.std(axis=0, ddof=1) / 2
    np.testing.assert_allclose(men["high"], shares.mean(axis=0) + half, atol=1e-12)
    assert (table["low"].dropna() >= 0).all()
    assert table.loc[table["group"] == "Female", "low"].isna().all()  # one image has no interval
    assert table.groupby(["group", "channel"])["share"].sum().to_numpy() == pytest.approx(1)
    assert d.mean_channels({}).empty


def test_sums_of_parts_are_the_sum():
    one, other = (d.channel_sums([("a", noise(i, (2, 2)))])["a"] for i in (1, 2))
    both = d.channel_sums([("a", noise(i, (2, 2))) for i in (1, 2)])["a"]
    np.testing.assert_array_equal((one + other).squares, both.squares)


def test_the_largest_difference_counts_pairs():
    frame = pd.DataFrame({"luminance": [1.0, 5, 6, 3, 5, 9, 2], "race_real": ["b"] * 3 + ["a"] * 3 + ["few"]})
    (row,) = d.largest_difference(frame, ["luminance"], "race_real").to_dict("records")
    # Of nine pairs a is higher in 6 (3>1, 5>1, 9>all three, and 5=5 counts half): 1 + 1.5 + 3 = 5.5.
    assert (row["highest_group"], row["lowest_group"]) == ("a", "b")
    assert row["probability"] == pytest.approx(5.5 / 9)
    assert d.largest_difference(frame[:2], ["luminance"], "race_real").empty

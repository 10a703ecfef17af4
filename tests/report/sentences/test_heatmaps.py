"""Claims on heatmaps: each from one number, and none of a test that could not find anything."""

import numpy as np
import pandas as pd
import pytest

MASKS = ("study's", "audit's")
KINDS = ("study's: positive", "audit's: raises age", "audit's: lowers age")
CONDITIONS = ("", ", within five years of age", ", within five years of estimate")


def tables(found=1.0, p_holm=(0.2, 0.01)):
    names = [masks + condition for masks in MASKS for condition in CONDITIONS]
    contrasts = pd.DataFrame({"masks": names, "n": 1008, "panels": 16, "panels_found": found, "p_value": 0.001})
    contrasts = contrasts.assign(size=[0.14, 0.1, 0.05] * 2, size_shuffled=0.04, split_half_r=0.1)
    races = pd.DataFrame({"masks": list(MASKS), "age_range": "all", "explained": 0.06, "explained_shuffled": 0.05})
    races = races.assign(p_value=0.012, r_between=0.5, r_between_shuffled=0.51)
    nulls = pd.DataFrame(
        {"masks": kind, "region": region, "ratio": ratio, "p_holm": p}
        for kind in KINDS
        for region, ratio, p in zip(("nose", "top"), (1.2, 1.1), p_holm, strict=True)
    )
    regions = pd.DataFrame(
        {"masks": masks, "region": region, "to_even": to_even, "ratio": 1.0}
        for masks in MASKS
        for region, to_even in (("nose", 2.5), ("top", 0.5))
    )
    return {
        "accurate_less_inaccurate_summary": contrasts,
        "between_groups": races,
        "regions_and_null": nulls,
        "regions_and_null_summary": pd.DataFrame({"masks": list(KINDS), "regions": 2, "above": 1, "below": 0}),
        "areas": pd.DataFrame({"masks": list(MASKS), "area": "settled", "mean": [1.0, 0.42]}),
        "masks": pd.DataFrame({"masks": list(MASKS), "in_common": 0.1}),
        "regions": regions,
    }


def test_sentences_hold_effects_with_their_reference(claimed):
    sentences = claimed("heatmaps", tables(), feature_name="race")["claim"].tolist()
    differ = "Masks of accurate and of inaccurate estimates differ by more than chance in"
    assert f"{differ} 1 of 16 groups of one age range (Holm, study's masks, n = 1,008)." in sentences
    beside = "where permuted labels give 0.040, p = 0.001 (audit's masks, n = 1,008)."
    assert f"All panels together: a difference of size 0.140 (0–2), {beside}" in sentences
    compared = "All panels together, faces compared within five years of"
    assert f"{compared} real age: a difference of size 0.100, {beside}" in sentences
    assert f"{compared} the estimate: a difference of size 0.050, {beside}" in sentences  # not the same as 0.140


def test_the_region_named_is_one_that_was_found(claimed):
    """The nose has the larger ratio, but only the forehead's is told apart from chance."""
    sentences = claimed("heatmaps", tables(), feature_name="race")["claim"].tolist()
    words = "Furthest above, of these: above the brows, 1.10 times as much, p (Holm) = 0.010"
    assert f"{words} (study's: positive)." in sentences
    none = claimed("heatmaps", tables(p_holm=(0.2, 0.3)), feature_name="race")["claim"].tolist()
    words = "Furthest above, though not told apart from chance: nose, 1.20 times as much, p (Holm) = 0.200"
    assert f"{words} (study's: positive)." in none


def test_no_region_of_the_audits_masks_is_named(claimed):
    """Which one stands out depends on choices of method that nobody tests."""
    table = claimed("heatmaps", tables(), feature_name="race")
    named = table["claim"].str.contains("nose|above the brows")
    assert set(table.loc[named, "side"]) == {"published"}
    assert not table.loc[named, "claim"].str.contains("audit's").any()


def test_counts_that_had_to_be_zero_are_not_claimed(claimed):
    sentences = claimed("heatmaps", tables(found=np.nan), feature_name="race")["claim"]
    assert not sentences.str.contains("panels \\(").any()
    assert not sentences.str.contains("Too few").any()


@pytest.mark.parametrize("side", ["published", "audit"])
def test_every_question_is_answered_from_both_sides(claimed, side):
    table = claimed("heatmaps", tables(), feature_name="race")
    assert table[table["side"] == side]["question"].nunique() == 4

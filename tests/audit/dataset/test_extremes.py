"""Who is beyond the ends of a measure."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset.extremes import TAILS, extremes, extremes_by_group, thresholds
from age_audit.core.errors import UsageError
from age_audit.core.randomness import stream


def frame_of(values):
    return pd.DataFrame({"fname": [f"{i}.jpg" for i in range(len(values))], "luminance": np.array(values, dtype=float)})


def test_thresholds_of_the_published_tails_against_sorted_values():
    values = stream(1, "values").permutation(2001)
    table = thresholds(frame_of(values), ["luminance"])
    assert table[["tail", "side", "threshold", "beyond"]].to_numpy().tolist() == [
        [0.01, "lowest", 20, 20],
        [0.01, "highest", 1980, 20],
        [0.0015, "lowest", 3, 3],
        [0.0015, "highest", 1997, 3],
    ]


def test_too_few_images_have_no_threshold_and_nobody_beyond():
    table = thresholds(frame_of(range(200)), ["luminance"])
    assert table.loc[table["tail"] == TAILS[1], "threshold"].isna().all()
    assert table["beyond"].tolist() == [2, 2, 0, 0]


def test_images_that_equal_the_threshold_are_not_beyond():
    table = thresholds(frame_of([0] * 50 + list(range(1, 151))), ["luminance"], [0.1])
    assert table["beyond"].tolist() == [0, 20]
    with pytest.raises(ValueError, match="above 0 and below"):
        thresholds(frame_of([1]), ["luminance"], [0.5])
    with pytest.raises(UsageError, match="entropy"):
        thresholds(frame_of([1]), ["entropy"])


def test_each_image_once_with_its_smallest_tail_most_extreme_first():
    found = extremes(frame_of([*range(1000), np.nan]), ["luminance"], [0.01, 0.003])
    assert found.groupby("side").size().to_dict() == {"lowest": 10, "highest": 10}
    highest = found[found["side"] == "highest"]
    assert highest["fname"].tolist() == [f"{i}.jpg" for i in range(999, 989, -1)]
    assert highest["tail"].tolist() == [0.003] * 3 + [0.01] * 7
    assert extremes(frame_of(range(5)), ["luminance"]).empty


def test_whose_images_are_beyond_of_those_that_are_measured():
    frame = frame_of([*range(100), np.nan]).assign(race_real=["dark"] * 30 + ["light"] * 70 + ["dark"])
    table = extremes_by_group(frame, extremes(frame, ["luminance"], [0.05, 0.02]), ["race_real"])
    lowest = table[(table["side"] == "lowest") & (table["race_real"] != "all")]
    assert lowest[["tail", "race_real", "n", "beyond"]].to_numpy().tolist() == [
        [0.05, "dark", 30, 5],
        [0.05, "light", 70, 0],
        [0.02, "dark", 30, 2],
        [0.02, "light", 70, 0],
    ]
    assert lowest["share"].tolist() == pytest.approx([1 / 6, 0, 1 / 15, 0])
    assert extremes_by_group(frame, extremes(frame, ["luminance"], [0.001]), ["race_real"]).empty


def test_one_image_in_the_tail_has_a_threshold_and_tails_of_nothing_are_refused():
    assert thresholds(frame_of(range(100)), ["luminance"], [0.01])["threshold"].notna().all()
    for tail in (0, -0.1):
        with pytest.raises(ValueError, match="above 0 and below"):
            thresholds(frame_of(range(100)), ["luminance"], [tail])


def test_measures_and_sides_in_their_order_and_images_alike_by_name():
    frame = frame_of([0, 0, *range(1, 99)]).assign(entropy=np.arange(100.0))
    found = extremes(frame.iloc[::-1], ["luminance", "entropy"], [0.03])
    assert list(dict.fromkeys(found[["measure", "side"]].itertuples(index=False, name=None))) == [
        ("luminance", "lowest"),
        ("luminance", "highest"),
        ("entropy", "lowest"),
        ("entropy", "highest"),
    ]
    assert found["fname"][:2].tolist() == ["0.jpg", "1.jpg"] and found.index.tolist() == list(range(len(found)))

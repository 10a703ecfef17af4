"""The largest errors with what the other estimators alone say of their labels."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset.worst_faces import worst_faces_with_doubts
from age_audit.core.errors import UsageError


def frames(**others):
    one = pd.DataFrame({"fname": list("abcd"), "age_real": [60, 60, 5, 40], "age_estimation": [21, 95, 6, 41.0]})
    one = one.assign(blur=[3.0, np.nan, 1, 1], race_real=["Asian"] * 4)
    return {"one": one} | {name: one.assign(age_estimation=ages) for name, ages in others.items()}


def test_the_judged_one_has_no_voice():
    table = worst_faces_with_doubts(frames(two=[58, 20, 5, 40], three=[61, 23, 5, 40]), count=2)
    assert list(table["fname"]) == ["a", "b"] and list(table["signed_error"]) == [-39, 35]
    assert list(table["label_doubt"]) == [False, True] and list(table["estimators"]) == [2, 2]
    assert list(table["mean_estimate"]) == [59.5, 21.5]
    assert list(table["highest_estimate"] - table["lowest_estimate"]) == [3, 3]


def test_measures_are_percentiles_of_all_that_were_measured():
    table = worst_faces_with_doubts(frames(two=[1, 1, 1, 1]), ["blur"], ["race_real"], count=4)
    table = table.set_index("fname")
    assert table.loc[["a", "c", "d"], "percentile_blur"].tolist() == pytest.approx([250 / 3, 100 / 3, 100 / 3])
    assert np.isnan(table.loc["b", "percentile_blur"]) and set(table["race_real"]) == {"Asian"}


def test_faces_that_others_lack():
    given = frames(two=[21, 21, 21, 21], three=[22, 22, 22, 22])
    given = {name: frame.iloc[::-1] if name == "two" else frame for name, frame in given.items()}
    given["three"] = given["three"].iloc[1:]
    table = worst_faces_with_doubts(given, count=2).set_index("fname")
    assert table.loc["a", "estimators"] == 1 and not table.loc["a", "label_doubt"]
    assert table.loc["b", "estimators"] == 2 and table.loc["b", "label_doubt"]
    alone = worst_faces_with_doubts(frames(), count=1)
    assert alone["mean_estimate"].isna().all() and not alone["label_doubt"].any()


def test_what_is_missing():
    with pytest.raises(UsageError, match="sharpness"):
        worst_faces_with_doubts(frames(), ["sharpness"])


def test_twenty_where_nobody_says_how_many():
    frame = pd.DataFrame({"fname": [f"{i}.jpg" for i in range(30)], "age_real": 30, "age_estimation": range(30)})
    assert len(worst_faces_with_doubts({"one": frame})) == 20

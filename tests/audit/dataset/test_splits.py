"""Sets that share no cluster, are balanced, and depend on nothing but the seed and the pictures."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset.splits import FEATURES, SHARES, _keys, splits
from age_audit.core.errors import UsageError


def pictures(count=3000, seed=1):
    """In clusters of one to four; some classes are rare and some labels missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"fname": [f"{i}.jpg" for i in range(count)]})
    frame["cluster"] = np.repeat(np.arange(count), rng.integers(1, 5, count))[:count]
    frame["age_range"] = rng.choice(["0–12", "13–18", "26–100"], count, p=[0.3, 0.05, 0.65])
    frame["gender_real"] = rng.choice(["Male", "Female", None], count, p=[0.5, 0.49, 0.01])
    frame["race_real"] = rng.choice(["Asian", "Other", "African"], count, p=[0.8, 0.17, 0.03])
    return frame


def sets_of(frame, dealt):
    of = {name: number for number, names in dealt["splits"].items() for name in names}
    return frame["fname"].map(of)


@pytest.fixture(scope="module")
def frame():
    return pictures()


def test_every_picture_is_in_one_set_and_every_cluster_too(frame):
    dealt = splits(frame, seed=1)
    assert Counter(name for names in dealt["splits"].values() for name in names) == Counter(frame["fname"])
    assert sets_of(frame, dealt).groupby(frame["cluster"]).nunique().max() == 1
    assert (dealt["pictures"], dealt["clusters"]) == (3000, frame["cluster"].nunique())
    assert list(dealt["splits"]) == list(SHARES)


@pytest.mark.parametrize("shares", [SHARES, {"a": 1, "b": 1, "c": 1}, {"most": 0.95, "few": 0.05}])
def test_each_class_is_in_each_set_by_its_share(frame, shares):
    dealt = splits(frame, seed=1, shares=shares)
    into = sets_of(frame, dealt)
    for feature in FEATURES:
        for level, size in frame[feature].value_counts().items():
            counts = into[frame[feature] == level].value_counts()
            for name, share in dealt["shares"].items():
                assert abs(counts.get(name, 0) - share * size) < 5, (feature, level, name)
    assert sum(dealt["shares"].values()) == pytest.approx(1)


def test_rare_combinations_do_not_all_go_to_the_largest_set():
    rare = pd.DataFrame({"fname": [f"{i}.jpg" for i in range(300)], "cluster": range(300)})
    rare["one"], rare["other"] = np.arange(300) // 15, np.arange(300) % 15  # every combination once
    into = sets_of(rare, splits(rare, ["one", "other"], seed=1))
    counts = into.value_counts()
    assert counts["train"] == 240 and counts["validation"] + counts["test"] == 60 and counts.min() >= 29
    assert pd.crosstab(rare["other"], into)["test"].between(1, 3).all()


def test_the_order_of_rows_and_the_numbers_of_clusters_do_not_matter(frame):
    other = frame.assign(cluster=10_000 - 3 * frame["cluster"]).sample(frac=1, random_state=1)
    assert splits(other, seed=1) == splits(frame, seed=1)
    assert splits(frame, seed=2)["splits"] != splits(frame, seed=1)["splits"]


def test_it_is_json(frame):
    dealt = splits(frame, seed=1)
    assert json.loads(json.dumps(dealt)) == dealt


def test_no_pictures_and_one_cluster(frame):
    assert splits(frame.iloc[:0], seed=1)["splits"] == {name: [] for name in SHARES}
    assert splits(frame.iloc[:0], seed=1)["clusters"] == 0
    assert splits(frame.iloc[:5].assign(cluster=0), seed=1)["clusters"] == 1
    one = splits(frame.iloc[:5].assign(cluster=0), seed=1)["splits"]
    assert sorted(map(len, one.values())) == [0, 0, 5]


def test_what_cannot_be_dealt_is_refused(frame):
    with pytest.raises(ValueError, match="expected shares above 0"):
        splits(frame, seed=1, shares={"train": 1, "test": 0})
    with pytest.raises(UsageError, match=r"expected each file name once, got '0\.jpg' again"):
        splits(pd.concat([frame, frame.iloc[:1]]), seed=1)
    with pytest.raises(UsageError, match="race_real"):
        splits(frame.drop(columns="race_real"), seed=1)


def test_combinations_are_classes_of_their_own_where_there_are_several_features(frame):
    """One feature is its own combination: its classes would count twice."""
    assert [_keys(frame, list(FEATURES)[:count]).shape[1] for count in (0, 1, 2, 3)] == [1, 2, 4, 5]

"""Faces dealt to parts: copies and persons together, groups by their share."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.training.splits import SHARES, deal, part_of


@pytest.fixture
def frame():
    """300 faces in 200 clusters."""
    rng = np.random.default_rng(1)
    cluster = rng.integers(0, 200, 300)
    frame = pd.DataFrame({"fname": [f"{i}.jpg" for i in range(300)], "cluster": cluster})
    frame["content"] = [f"{i:064x}" for i in range(300)]
    frame["group"] = rng.choice(["Child", "Adult", "Senior"], 300)
    return frame.assign(gender_real=rng.choice(["Male", "Female"], 300), race_real=rng.choice(["Asian", "Indian"], 300))


def parts_of_each(frame, dealt, column):
    return part_of(frame["fname"], dealt).groupby(frame[column]).nunique()


def test_no_cluster_is_in_two_parts_and_shares_hold_in_every_class(frame):
    dealt = deal(frame, seed=1)
    assert frame["cluster"].duplicated().any()  # or this would say nothing
    assert parts_of_each(frame, dealt, "cluster").eq(1).all()
    part = part_of(frame["fname"], dealt)
    for column in ("group", "gender_real", "race_real"):
        shares = pd.crosstab(frame[column], part, normalize="index")
        for name, share in SHARES.items():
            assert (shares[name] - share).abs().max() < 0.04


def test_no_person_is_in_two_parts(frame):
    rng = np.random.default_rng(2)
    frame["who"] = [f"p{i}" if i < 80 else None for i in rng.integers(0, 120, 300)]
    assert parts_of_each(frame, deal(frame, seed=1), "who").gt(1).any()
    dealt = deal(frame, seed=1, person="who")
    assert parts_of_each(frame, dealt, "who").eq(1).all() and parts_of_each(frame, dealt, "cluster").eq(1).all()


def test_order_of_faces_does_not_matter_and_hashes_tell_other_bytes(frame):
    one, other = deal(frame, seed=1), deal(frame.sample(frac=1, random_state=1), seed=1)
    assert one == other
    assert one != deal(frame, seed=2)
    name = one["splits"]["test"][0]
    changed = deal(frame.assign(content=frame["content"].where(frame["fname"] != name, "f" * 64)), seed=1)
    assert [part for part in SHARES if one["sha256"][part] != changed["sha256"][part]] == ["test"]


def test_a_group_that_a_part_lacks_is_named(frame):
    frame.loc[0, "group"] = "Baby"
    with pytest.raises(UsageError, match="none of Baby"):
        deal(frame, seed=1)

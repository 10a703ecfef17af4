"""Areas and regions of masks, by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.coverage import area_table, likeness_table, mask_areas, region_spread, region_table
from age_audit.core.errors import UsageError
from age_audit.core.masks import pack_masks
from age_audit.regions.polygons import REGIONS


def test_areas():
    positive, negative = np.zeros((2, 2, 224, 224), dtype=bool)
    positive[0, :112] = True
    negative[0, 112:168] = True
    areas = mask_areas(pack_masks(positive), pack_masks(negative))
    assert areas["raises"].tolist() == [0.5, 0] and areas["lowers"].tolist() == [0.25, 0]
    assert areas["settled"].tolist() == [0.75, 0]
    table = area_table({"some": areas, "none": areas[:0]}).set_index(["masks", "area"])
    row = table.loc["some", "raises"]
    assert [row["n"], row["mean"], row["median"], row["faces_without"]] == [2, 0.25, 0.25, 0.5]
    assert row["sd"] == pytest.approx(0.5 / np.sqrt(2)) and row["p95"] == pytest.approx(0.475)
    assert table.loc["none", "n"].tolist() == [0] * 3 and table.loc["none", "mean"].isna().all()


def test_regions_beside_the_whole_picture():
    frame = pd.DataFrame({f"activation_{region}_pct_of_feature": [0.2, 0.4] for region in REGIONS})
    frame["activation_nose_pct_of_feature"] = [0.9, np.nan]
    frame["activation_left_pct_of_feature"] = 0.0
    table = region_table({"some": frame, "none": frame[:0]}, {"some": 0.3, "none": np.nan})
    some = table[table["masks"] == "some"].set_index("region")
    assert list(some.index) == list(REGIONS)
    assert [some["n"]["nose"], some["positive_share"]["nose"]] == [1, 0.9]
    assert [some["to_even"][region] for region in ("nose", "left", "chin")] == pytest.approx([3, 0, 1])
    spread = region_spread(table).set_index("masks")
    row = spread.loc["some"]
    assert [row["n"], row["least_region"], row["most_region"]] == [2, "left", "nose"]
    assert [row["least"], row["most"]] == pytest.approx([0, 3])
    assert row["spread"] == pytest.approx(np.std([3, 0] + [1] * 11))
    assert spread.loc["none", "n"] == 0 and np.isnan(spread.loc["none", "most"])


def test_regions_need_their_columns():
    with pytest.raises(UsageError, match="missing column"):
        region_table({"some": pd.DataFrame({"fname": []})}, {"some": 0.5})


def test_likeness():
    same = np.tile([[1.0, -1], [1, 1]], (3, 1, 1))
    halves = np.array([[[1.0, -1], [1, 1]], [[-1, 1], [1, 1]]])  # mean 0, 0, 1, 1
    table = likeness_table({"same": same, "halves": halves, "none": same[:0]}).set_index("masks")
    assert table["n"].tolist() == [3, 2, 0]
    assert table["in_common"].tolist()[:2] == [1, 0.5] and np.isnan(table["in_common"]["none"])
    assert table.loc["halves", ["lowest", "highest"]].tolist() == [0, 1]
    assert table["r_with_first"].tolist()[:2] == pytest.approx([1, 1 / np.sqrt(3)])


def test_faces_without_any_by_hand():
    frame = pd.DataFrame({"raises": [0.0, 0, 0, 0.4], "lowers": [0.1, 0.0, 0.1, 0.2], "settled": 0.5})
    assert area_table({"a": frame})["faces_without"].tolist() == [0.75, 0.25, 0]


def test_spread_of_one_region_and_in_the_order_of_the_tables():
    table = pd.DataFrame({"masks": ["z", "b"], "region": ["nose", "chin"], "n": 40, "to_even": [1.5, 0.5]})
    found = region_spread(table)[["masks", "least_region", "most_region", "spread"]]
    assert found.to_numpy().tolist() == [["z", "nose", "nose", 0], ["b", "chin", "chin", 0]]


def test_likeness_does_not_depend_on_how_strong_masks_are():
    maps = np.array([[0.3, 0.6], [0.3, 0.0]])  # mean 0.3, 0.3; mean square (0.09 + 0.36 + 0.09 + 0) / 4
    assert likeness_table({"a": maps})["in_common"][0] == pytest.approx(0.09 / 0.135)

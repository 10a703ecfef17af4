"""Masks permuted between faces: by hand, as counted pixel by pixel, and error rates on simulated masks."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.another_faces_mask import area_matched_null, null_summary, packed_regions
from age_audit.core.masks import pack_masks
from age_audit.core.randomness import stream
from age_audit.regions.polygons import REGIONS, region_masks
from age_audit.regions.scores import score_regions


def picture(*boxes):
    mask = np.zeros((224, 224), dtype=bool)
    for top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def simulated(count, seed, drawn_to=0.0):
    """A mask of one square a face, anywhere or, with that chance, on the face's own region; ``a`` is such a region."""
    rng = np.random.default_rng(seed)
    masks, regions = [], []
    for _ in range(count):
        (x, y), (u, v), side = rng.integers(0, 164, 2), rng.integers(0, 164, 2), rng.integers(20, 60)
        regions.append([picture((y, y + 40, x, x + 40)), picture((0, 112, 0, 224))])
        if rng.random() < drawn_to:
            u, v = x, y
        masks.append(picture((v, v + side, u, u + side)))
    packed = np.stack([pack_masks(np.stack(pair)) for pair in regions])
    return pack_masks(np.stack(masks)), packed, np.stack(masks), np.array(regions)


def null_of(packed, faces, **options):
    return area_matched_null(packed, faces, **({"seed": 1, "regions": ["a", "b"], "permutations": 199} | options))


def test_by_hand():
    # Two faces. The first mask fills its region "a" (100 of 100 pixels) and nothing else; the second has 400 pixels, 50
    # of them in its region "a". On the other face each hits nothing, but for 10 pixels of the second on the first.
    masks = [picture((0, 10, 0, 10)), picture((100, 110, 100, 139), (0, 1, 0, 10))]
    regions = [[picture((0, 10, 0, 10)), picture()], [picture((100, 110, 100, 105), (200, 205, 200, 210)), picture()]]
    packed = np.stack([pack_masks(np.array(pair)) for pair in regions])
    with np.errstate(all="raise"):
        table = null_of(pack_masks(np.stack(masks)), packed)
    a, b = table.iloc[0], table.iloc[1]
    assert (a["n"], a["observed"]) == (2, (1 + 0.5) / 2)
    # the second on the first, rescaled from 400 pixels to 100: 0.1 / 4; the first on the second: 0
    assert a["null_mean"] == pytest.approx(((1 + 0.025) / 2 + (0 + 0.5) / 2) / 2)
    assert a["even"] == pytest.approx((100 + 400) / 2 / 224**2)
    assert a["ratio"] == pytest.approx(0.75 / a["null_mean"]) and a["few_faces"]
    assert b["n"] == 0 and np.isnan([b["observed"], b["null_mean"], b["p_value"]]).all()


def test_as_counted_pixel_by_pixel():
    packed, packed_regions, masks, regions = simulated(11, 2)
    masks[3] = False
    packed[3] = 0
    table = null_of(packed, packed_regions, block=4, seed=9, permutations=20)
    rng = stream(9, "another face's mask")
    kept = rng.permutation([i for i in range(11) if masks[i].any()])
    totals = np.zeros((21, 2))
    for members in np.array_split(kept, 2):
        dealt = rng.permuted(np.tile(np.arange(5), (20, 1)), axis=1)
        for row, order in enumerate([np.arange(5), *dealt]):
            for face, other in zip(members, members[order], strict=True):
                scale = masks[face].sum() / masks[other].sum()
                for r in (0, 1):
                    totals[row, r] += masks[other][regions[face, r]].mean() * scale
    means = totals / 10
    np.testing.assert_allclose(table["observed"], means[0])
    np.testing.assert_allclose(table["null_low"], np.quantile(means[1:], 0.025, axis=0))
    np.testing.assert_allclose(table["null_high"], np.quantile(means[1:], 0.975, axis=0))
    half = null_of(packed, packed_regions, block=4, seed=9, permutations=20, confidence=0.5)
    np.testing.assert_allclose(half["null_low"], np.quantile(means[1:], 0.25, axis=0))
    np.testing.assert_allclose(half["null_high"], np.quantile(means[1:], 0.75, axis=0))
    distance = np.abs(means - table["null_mean"].to_numpy())
    np.testing.assert_allclose(table["p_value"], ((distance[1:] >= distance[0]).sum(axis=0) + 1) / 21)


def test_observed_is_the_score_of_the_activations():
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    base = 112 + 60 * np.column_stack([np.cos(angle), np.sin(angle)]) + np.random.default_rng(3).normal(0, 8, (68, 2))
    landmarks = np.stack([base + shift for shift in (-9, 0, 7)])
    masks = np.random.default_rng(4).random((3, 224, 224)) < 0.4
    table = area_matched_null(pack_masks(masks), landmarks, seed=1, permutations=9).set_index("region")
    scores = [score_regions(mask, points) for mask, points in zip(masks, landmarks, strict=True)]
    assert list(table.index) == list(REGIONS)
    for region in REGIONS:
        there = [region_masks(points)[region].any() for points in landmarks]
        assert table["n"][region] == sum(there)
        if any(there):
            values = [face[f"activation_{region}_pct_of_feature"] for face in scores]
            assert table["observed"][region] == pytest.approx(sum(values) / sum(there))


@pytest.mark.parametrize(("count", "few"), [(29, True), (30, False)])
def test_few_are_fewer_than_thirty(count, few):
    packed, regions, *_ = simulated(count, 1)
    table = null_of(packed, regions, permutations=1)
    assert table["n"].tolist() == [count] * 2 and table["few_faces"].tolist() == [few] * 2


def test_a_region_of_one_pixel_on_one_face():
    masks = [picture((0, 10, 0, 10)), picture((5, 10, 0, 20))]  # 100 pixels each, of which the first has (3, 3)
    regions = [[picture((3, 4, 3, 4))], [picture()]]
    table = null_of(pack_masks(np.stack(masks)), np.stack([pack_masks(np.array(r)) for r in regions]), regions=["a"])
    assert (table["n"][0], table["observed"][0], table["null_mean"][0], table["ratio"][0]) == (1, 1, 0.5, 2)


def test_where_no_mask_lies_there_is_nothing_to_find():
    masks = [picture((0, 10, 0, 10)), picture((5, 10, 0, 20))]
    regions = np.stack([pack_masks(np.array([picture((200, 210, 200, 210))]))] * 2)
    with np.errstate(all="raise"):
        table = null_of(pack_masks(np.stack(masks)), regions, regions=["a"])
    assert (table["observed"][0], table["null_mean"][0], table["p_value"][0]) == (0, 0, 1)
    assert np.isnan(table["ratio"][0])


def test_what_ties_but_for_rounding_counts_as_far_out():
    masks = pack_masks(np.stack([picture((0, 7, 0, 11))] * 9))  # one mask for all: every permutation scores the same
    regions = np.stack([pack_masks(np.array([picture((0, size, 3, 20))])) for size in (3, 7, 9, 13, 21, 5, 6, 11, 1)])
    assert null_of(masks, regions, regions=["a"])["p_value"].tolist() == [1]


@pytest.mark.parametrize("count", [127, 128])  # one block and two: of 64 faces or more, but fewer than twice as many
def test_permutations_and_blocks_that_nobody_names(count):
    packed, regions, *_ = simulated(count, 3)
    found = area_matched_null(packed, regions, seed=1, regions=["a", "b"])
    pd.testing.assert_frame_equal(found, null_of(packed, regions, permutations=1_999, block=64))


def test_two_faces_are_a_block():
    packed, regions, *_ = simulated(4, 1)
    assert null_of(packed, regions, block=2, permutations=3)["null_mean"].notna().all()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_faces(count):
    packed, regions, *_ = simulated(2, 1)
    table = null_of(packed[:count], regions[:count])
    assert table["n"].tolist() == [count] * 2
    assert table[["null_mean", "p_value", "p_holm"]].isna().all(axis=None) and table["few_faces"].all()


def test_what_does_not_fit():
    packed, regions, *_ = simulated(2, 1)
    with pytest.raises(ValueError, match=r"expected packed masks of uint8, shape \(2, 6272\)"):
        null_of(packed[:, 1:], regions)
    with pytest.raises(ValueError, match="expected landmarks of shape"):
        null_of(packed, regions[:, :1])
    with pytest.raises(ValueError, match="at least 2 faces"):
        null_of(packed, regions, block=1)


@pytest.mark.long
def test_false_positives_and_power():
    null, planted = [], []
    for seed in range(200):
        packed, regions, *_ = simulated(30, seed)
        null.append(null_of(packed, regions, block=10, seed=seed)["p_value"] <= 0.05)
    for seed in range(20):
        packed, regions, *_ = simulated(60, seed, 0.3)
        planted.append(null_of(packed, regions, block=20, seed=seed)["p_value"][0] <= 0.05)
    assert 0.03 <= np.mean(null) <= 0.07
    assert np.mean(planted) >= 0.9  # 3 masks in 10 lie on their face's own region


def test_regions_drawn_once():
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    landmarks = np.stack([112 + size * np.column_stack([np.cos(angle), np.sin(angle)]) for size in (50, 70, 60)])
    masks = pack_masks(np.random.default_rng(4).random((3, 224, 224)) < 0.4)
    regions = packed_regions(landmarks)
    assert regions.shape == (3, len(REGIONS), 6272)
    tables = [area_matched_null(masks, faces, seed=1, permutations=9) for faces in (landmarks, regions)]
    pd.testing.assert_frame_equal(*tables)
    assert packed_regions(landmarks[:0], ["nose"]).shape == (0, 1, 6272)


def test_summary_by_hand():
    table = pd.DataFrame(
        {
            "masks": ["a"] * 3 + ["b"],
            "region": ["nose", "chin", "top", "nose"],
            "n": [5, 4, 0, 0],
            "ratio": [1.2, 0.7, np.nan, np.nan],
            "p_value": [0.01, 0.02, np.nan, np.nan],
            "p_holm": [0.02, 0.04, np.nan, np.nan],
        }
    )
    first, second = null_summary(table).to_dict("records")
    assert first == {"masks": "a", "n": 5, "regions": 2, "above": 1, "below": 1, "largest_ratio": 1.2, "region": "nose"}
    assert second["regions"] == second["above"] == 0 and np.isnan(second["largest_ratio"]) and second["region"] == ""


def test_summary_of_one_region_and_in_the_order_of_the_tables():
    table = pd.DataFrame({"masks": ["z", "b"], "region": ["nose", "chin"], "n": 40, "p_value": 0.01, "p_holm": 0.01})
    found = null_summary(table.assign(ratio=[1.5, 0.5]))
    assert found[["masks", "region", "largest_ratio"]].to_numpy().tolist() == [["z", "nose", 1.5], ["b", "chin", 0.5]]


def test_summary_at_its_limits():
    table = pd.DataFrame({"masks": "a", "region": list("pqrs"), "n": [3, 9, 4, 4], "ratio": [1.0, 1.1, 0.9, 1.2]})
    table = table.assign(p_value=0.01, p_holm=[0.01, 0.049, 0.049, 0.05])
    (row,) = null_summary(table).to_dict("records")
    assert [row[name] for name in ("n", "regions", "above", "below", "region")] == [9, 4, 1, 1, "s"]
    assert null_summary(table, alpha=0.02)[["above", "below"]].to_numpy().tolist() == [[0, 0]]

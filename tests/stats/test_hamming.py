"""Near hashes against a comparison of each with each."""

from itertools import combinations

import numpy as np
import pytest

from age_audit.stats import hamming
from age_audit.stats.hamming import bands, clusters, joined, near_pairs, numbered


def literal(hashes, distance):
    return {
        (i, j)
        for (i, one), (j, other) in combinations(enumerate(map(int, hashes)), 2)
        if (one ^ other).bit_count() <= distance
    }


def found(hashes, distance, **options):
    """All pairs; each was given once, the smaller place first, in parts of the right size."""
    parts = list(near_pairs(hashes, distance, **options))
    pairs = [tuple(pair) for part in parts for pair in part.tolist()]
    assert len(set(pairs)) == len(pairs) and all(i < j for i, j in pairs)
    assert all(0 < len(part) <= options.get("at_once", 2**20) for part in parts)
    return set(pairs)


def flipped(hashes, most, rng):
    """Each with up to so many bits changed."""
    changed = hashes.copy()
    for i, count in enumerate(rng.integers(0, most + 1, len(hashes))):
        for bit in rng.choice(64, count, replace=False).tolist():
            changed[i] ^= np.uint64(1 << bit)
    return changed


@pytest.fixture(scope="module")
def hashes():
    """Random ones, copies of them with up to 8 bits changed, some equal, some that differ in few bits only."""
    rng = np.random.default_rng(1)
    random = rng.integers(0, 2**64, 120, dtype=np.uint64)
    few = rng.integers(0, 2**10, 60, dtype=np.uint64) << np.uint64(54)
    return rng.permutation(np.concatenate([random, flipped(random, 8, rng), few, random[:20], random[:5]]))


@pytest.mark.parametrize("distance", [0, 1, 2, 4, 7, 20, 63])
def test_pairs_are_those_of_the_literal_comparison(hashes, distance):
    expected = literal(hashes, distance)
    assert found(hashes, distance) == expected and expected


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_small_parts_lose_nothing(hashes, at_once):
    assert found(hashes, 4, at_once=at_once) == literal(hashes, 4)


def test_every_pair_at_the_distance_itself_is_found():
    base = np.uint64(0x0123456789ABCDEF)
    two = [base ^ np.uint64(1 << i | 1 << j) for i, j in combinations(range(64), 2)]
    assert found([base, *two], 2) >= {(0, i) for i in range(1, len(two) + 1)}
    assert {pair for pair in found([base, *two], 1) if 0 in pair} == set()


@pytest.mark.parametrize("distance", [-1, 64])
def test_other_distances_are_refused(distance):
    with pytest.raises(ValueError, match=f"expected a distance of 0 to 63 bits, got {distance}"):
        list(near_pairs([1, 2], distance))


@pytest.mark.parametrize("hashes", [[], [5]])
def test_none_and_one(hashes):
    assert list(near_pairs(hashes, 4)) == [] and clusters(hashes, 4).tolist() == [0] * len(hashes)


@pytest.mark.parametrize("count", [1, 5, 7, 64])
def test_bands_hold_each_bit_once_and_evenly_many(count):
    masks = bands(count).tolist()
    assert sum(masks) == 2**64 - 1 == np.bitwise_or.reduce(bands(count))
    sizes = [mask.bit_count() for mask in masks]
    assert max(sizes) - min(sizes) <= 1


def test_clusters_are_those_that_a_walk_reaches(hashes):
    expected, near = {}, literal(hashes, 3)
    for start in range(len(hashes)):
        reached, todo = set(), [start]
        while todo:
            here = todo.pop()
            if here not in reached:
                reached.add(here)
                todo += [j if i == here else i for i, j in near if here in (i, j)]
        expected[start] = min(reached)
    assert clusters(hashes, 3).tolist() == numbered(list(expected.values())).tolist()
    assert len(set(expected.values())) > 100


def test_twenty_thousand_equal_hashes_are_compared_as_one(monkeypatch):
    compared = []
    monkeypatch.setattr(hamming, "near_pairs", lambda *hashes: compared.append(hashes[0]) or near_pairs(*hashes))
    many = np.full(20_000, 5, dtype=np.uint64)
    assert clusters(np.append(many, np.array([4, 2**63], dtype=np.uint64)), 1).tolist() == [0] * 20_001 + [1]
    assert [hashes.tolist() for hashes in compared] == [[4, 5, 2**63]]


def test_joined_across_parts_by_hand():
    parts = [np.array([[1, 2], [4, 5]]), np.empty((0, 2)), np.array([[5, 1]])]
    assert joined(7, parts).tolist() == [0, 1, 1, 2, 1, 1, 3]
    assert joined(3, []).tolist() == [0, 1, 2] and joined(0, []).tolist() == []

"""Signs of two explanations, against a loop over faces and pixels."""

import numpy as np
import pytest

from age_audit.audit.explanations import two_masks
from age_audit.audit.explanations.two_masks import sign_agreement
from age_audit.core.masks import pack_masks


def masks(names, signs):
    """Packed, of signs -1, 0 and 1, shape (N, 224, 224)."""
    return {"fname": np.array(names, dtype=str), "positive": pack_masks(signs > 0), "negative": pack_masks(signs < 0)}


def blocks(rng, n):
    return np.kron(rng.integers(-1, 2, (n, 7, 7)), np.ones((32, 32), dtype=int))


def test_as_a_loop_over_faces():
    rng = np.random.default_rng(0)
    one, two = blocks(rng, 4), blocks(rng, 4)
    names = ["d", "a", "c", "b"]
    found = sign_agreement(masks(names, one), masks(names, two)).set_index("fname")
    assert list(found.index) == sorted(names)
    for i, name in enumerate(names):
        there = two[i] != 0
        assert found.loc[name, "settled"] == there.mean()
        assert found.loc[name, "same_sign"] == (one[i] == two[i])[there].mean()
        others = [(one[j] == two[i])[there].mean() for j in range(4) if j != i]
        assert found.loc[name, "of_other_faces"] == pytest.approx(np.mean(others))


def test_only_faces_in_both_count_whatever_their_order_and_however_many_at_a_time(monkeypatch):
    rng = np.random.default_rng(1)
    one, two = blocks(rng, 5), blocks(rng, 5)
    whole = sign_agreement(masks(list("abc"), one[:3]), masks(list("abc"), two[:3]))
    order = [4, 2, 0, 1, 3]
    monkeypatch.setattr(two_masks, "_AT_ONCE", 2)
    mixed = sign_agreement(
        masks(["a", "b", "c", "x"], one[:4]), masks([["a", "b", "c", "y", "z"][i] for i in order], two[order])
    )
    assert mixed.equals(whole)


def test_nothing_settled_and_no_other_face():
    signs = np.ones((1, 224, 224), dtype=int)
    alone = sign_agreement(masks(["a"], signs), masks(["a"], signs)).iloc[0]
    assert alone["same_sign"] == 1 and np.isnan(alone["of_other_faces"])
    none = sign_agreement(masks(["a"], signs), masks(["a"], 0 * signs)).iloc[0]
    assert none["settled"] == 0 and np.isnan(none["same_sign"])
    assert sign_agreement(masks(["a"], signs), masks(["b"], signs)).empty

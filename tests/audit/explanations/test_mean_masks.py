"""Masks by group and age range: against the public function, and by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.mean_masks import explained_faces, mean_masks, outline_distances
from age_audit.core.masks import pack_masks


def test_masks_in_the_order_of_the_frame():
    frame = pd.DataFrame({"fname": ["c", "lost", "a"]})
    positive = np.arange(3, dtype=np.uint8).repeat(6272).reshape(3, 6272)
    masks = {"fname": np.array(["a", "b", "c"]), "positive": positive, "negative": positive + 10}
    faces = explained_faces(frame, masks)
    assert list(faces.frame) == ["fname"]
    assert list(faces.frame["fname"]) == ["c", "a"] and list(faces.frame.index) == [0, 1]
    assert faces.raises[:, 0].tolist() == [2, 0] and faces.lowers[:, 0].tolist() == [12, 10]
    assert explained_faces(frame[1:2], masks).raises.shape == (0, 6272)


def test_mean_masks_pixel_by_pixel():
    rng = np.random.default_rng(3)
    positive = rng.random((7, 224, 224)) < 0.3
    negative = (rng.random((7, 224, 224)) < 0.5) & ~positive
    groups = pd.Categorical(["x", "y", "x", None, "y", "x", "x"], categories=["x", "y", "z"])
    frame = pd.DataFrame({"fname": list("abcdefg"), "group": groups})
    packed = {"fname": frame["fname"].to_numpy(), "positive": pack_masks(positive), "negative": pack_masks(negative)}
    faces = explained_faces(frame, packed)
    x, y, z = mean_masks(faces, ["group"])
    signed = positive.astype(int) - negative
    np.testing.assert_allclose(x.heatmap, signed[[0, 2, 5, 6]].mean(axis=0))
    assert (x.labels, x.n, y.n, z.n) == ({"group": "x"}, 4, 2, 0) and np.isnan(z.heatmap).all()
    np.testing.assert_allclose(mean_masks(faces, [])[0].heatmap, signed.mean(axis=0))


def test_outline_distances_by_hand():
    points = np.zeros((68, 2))
    landmarks = {"a": points, "b": points + np.array([6, 8]), "d": points}  # all: mean (2, 8/3)
    groups = pd.Categorical(["x", "y", "y", "x"], categories=["x", "y", "z"])
    frame = pd.DataFrame({"fname": ["a", "b", "lost", "d"], "group": groups})
    table = outline_distances(frame, landmarks, ["group"]).set_index("group")
    assert table["n"].tolist() == [2, 1, 0]
    assert table["mean_pixels"].tolist()[:2] == pytest.approx([10 / 3, 20 / 3]) and np.isnan(table["mean_pixels"]["z"])
    assert table["largest_pixels"]["y"] == pytest.approx(20 / 3)

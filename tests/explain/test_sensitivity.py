"""Each choice changes what it says and nothing else; what is compared is held to hand-worked sums."""

import hashlib

import numpy as np
import pytest
from scipy.stats import spearmanr

from age_audit.core.schema import AgeEstimate, Attribution, FaceBox
from age_audit.explain import LimeExplainer
from age_audit.explain.sensitivity import (
    AUDIT,
    BASE,
    CHOICES,
    Cells,
    OtherwiseExplainer,
    agreement,
    cells_of,
    frame_of,
    grid,
    inpainted,
    of_another_face,
    of_landmarks,
    slic,
)
from age_audit.explain.units import CELLS
from age_audit.faces.detection import crop_face, cut_out
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.regions.polygons import region_masks


class Seen:
    """Ages from brightness, and a memory of what was asked."""

    gives_classes = False

    def __init__(self):
        self.faces = []

    def predict(self, faces):
        self.faces.append(faces.copy())
        return AgeEstimate(faces.mean(axis=(1, 2, 3)) / 2.55, np.ones((len(faces), 1)), np.zeros(1))


@pytest.fixture(scope="module")
def face(crops):
    return crops[0]


@pytest.fixture(scope="module")
def landmarks(face):
    return landmarks_on_crop(face)[0]


@pytest.fixture(scope="module")
def base(face):
    return LimeExplainer(Seen(), preset="audit", seed=42).explain(face)


def otherwise(name, face, landmarks, other=None):
    estimator = Seen()
    explainer = OtherwiseExplainer(name, estimator, landmarks, face if other is None else other, seed=42)
    return explainer.explain(face), np.concatenate(estimator.faces)


def test_without_another_choice_it_is_preset_audit(face, landmarks, base):
    found, _ = otherwise(BASE, face, landmarks)
    np.testing.assert_array_equal(found.weights, base.weights)
    np.testing.assert_array_equal(found.segments, base.segments)


def test_all_but_one_thing_is_as_in_the_preset():
    plain = CHOICES[BASE].stated
    for name, choice in CHOICES.items():
        stated = choice.stated
        other = [key for key in plain if stated[key] != plain[key]]
        assert len(other) == (name != BASE), name
        if other == ["parameters"]:
            assert sum(stated["parameters"][key] != value for key, value in plain["parameters"].items()) == 1
    assert len({str(choice.stated) for choice in CHOICES.values()}) == len(CHOICES)


@pytest.mark.parametrize("name", ["black", "blur", "another face", "in-painting"])
def test_hidden_pixels_show_what_the_choice_says(name, face, landmarks, base, crops):
    found, asked = otherwise(name, face, landmarks, crops[1])
    np.testing.assert_array_equal(found.segments, base.segments)
    first = asked[0]
    changed = np.array([(first != face)[base.segments == part].any() for part in range(len(base.weights))])
    hidden = changed[base.segments]
    assert 0.2 < hidden.mean() < 0.8
    np.testing.assert_array_equal(first[~hidden], face[~hidden])
    if name == "black":
        assert (first[hidden] == 0).all()
    elif name == "another face":
        np.testing.assert_array_equal(first[hidden], crops[1][hidden])
    else:
        picture = CHOICES[name].hidden(face, base.segments, None)
        np.testing.assert_array_equal(first[hidden], picture[hidden])
        assert np.abs(picture.astype(int) - face).mean() > 2  # and not the face itself


def test_in_painting_knows_nothing_of_what_it_fills(face, base):
    """Other pixels in one superpixel of a real face, up to its border, change nothing of its own filling."""
    segments = base.segments
    filled = inpainted(face, segments, None)
    for part in np.argsort(np.bincount(segments.ravel()))[[0, 5, -1]]:
        inside, other = segments == part, face.copy()
        other[inside] = np.random.default_rng(1).integers(0, 256, (int(inside.sum()), 3))
        again = inpainted(other, segments, None)
        np.testing.assert_array_equal(again[inside], filled[inside])
        assert (again != filled).any()  # of its neighbours it does


def test_in_painting_goes_on_as_its_surroundings_do():
    slope = np.repeat(np.repeat(np.arange(224)[None, :, None], 224, 0), 3, 2).astype(np.uint8)
    segments = np.zeros((224, 224), dtype=int)
    segments[80:128, 60:108] = 1
    filled = inpainted(slope, segments, None)
    assert np.abs(filled[100, 64:104].astype(int) - slope[100, 64:104]).max() <= 2


def test_where_nothing_is_around_it_is_the_mean_colour(face):
    whole = inpainted(face, np.zeros((224, 224), dtype=int), None)
    np.testing.assert_array_equal(whole, np.broadcast_to(np.rint(face.mean(axis=(0, 1))), face.shape))


@pytest.mark.parametrize("cut", [slic, grid, of_landmarks])
def test_superpixels_are_numbered_from_0_without_gaps(cut, face, landmarks, base):
    found = cut(face, base.segments, landmarks)
    assert found.shape == (224, 224)
    np.testing.assert_array_equal(np.unique(found), np.arange(found.max() + 1))
    if cut is not of_landmarks:
        assert 0.7 < (found.max() + 1) / len(base.weights) < 1.3


def test_regions_as_superpixels_keep_the_inner_ones_whole(face, landmarks):
    found, masks = of_landmarks(face, None, landmarks), region_masks(landmarks)
    assert found.max() == 13  # and the rest
    for name in ("eye_l_inner", "eye_r_inner", "mouth_inner"):
        number = found[masks[name]][0]
        np.testing.assert_array_equal(found == number, masks[name])
    nowhere = ~np.any(list(masks.values()), axis=0)
    np.testing.assert_array_equal(found == found[nowhere][0], nowhere)


def test_more_samples_and_another_seed(face, landmarks, base):
    for name, count in (("128 samples", 128), ("512 samples", 512)):
        _, asked = otherwise(name, face, landmarks)
        assert count <= len(asked) < 1.3 * count
    found, _ = otherwise("another seed", face, landmarks)
    np.testing.assert_array_equal(found.segments, base.segments)
    assert (found.weights != base.weights).any()


def test_kernels_ask_the_same_and_weigh_it_otherwise(face, landmarks):
    digests = set()
    weights = []
    for name in (BASE, "half as wide", "twice as wide"):
        found, asked = otherwise(name, face, landmarks)
        digests.add(hashlib.sha256(asked.tobytes()).hexdigest())
        weights.append(found.weights)
    assert len(digests) == 1
    assert (weights[0] != weights[1]).any() and (weights[0] != weights[2]).any()


def test_another_margin_shows_the_same_face_in_another_place(astronaut):
    """A crop is brought back to the preset's by the same points that its landmarks are moved by."""
    cropped = crop_face(astronaut)
    np.testing.assert_array_equal(cut_out(astronaut, cropped.box), cropped.image)
    grey = cropped.image.mean(axis=2)
    for margin in (0.3, 0.5):
        frame = frame_of(cropped.box, margin)
        back = frame.brought_back(cut_out(astronaut, cropped.box, margin).mean(axis=2))
        there = np.isfinite(back)
        assert there.all() == (margin == 0.5)
        assert there.mean() > 0.75
        difference = np.abs(back - grey)
        assert difference[there].mean() < 6
        rolled = np.abs(np.roll(back, 4, axis=1) - grey)  # four pixels to the side it fits less well
        assert np.nanmean(rolled) > 1.5 * difference[there].mean()
    landmarks, _ = landmarks_on_crop(cropped.image)
    moved = frame_of(cropped.box, 0.5).points(landmarks)
    found, _ = landmarks_on_crop(cut_out(astronaut, cropped.box, 0.5))
    assert np.abs(moved - found).mean() < 2.5


def test_squares_share_years_out_pixel_by_pixel():
    rng = np.random.default_rng(2)
    segments = rng.integers(0, 9, (28, 28)).repeat(8, axis=0).repeat(8, axis=1)
    weights = rng.normal(size=9)
    settled = rng.random(9) < 0.5
    positive, negative = ((settled & (weights > 0))[segments], (settled & (weights < 0))[segments])
    found = cells_of(Attribution(segments, weights, "expected_age", positive, negative))
    sizes = [(segments == part).sum() for part in range(9)]
    for row in range(CELLS):
        for column in range(CELLS):
            years, raising, lowering = 0.0, 0, 0
            for y in range(16 * row, 16 * row + 16):
                for x in range(16 * column, 16 * column + 16):
                    years += weights[segments[y, x]] / sizes[segments[y, x]]
                    raising += positive[y, x]
                    lowering += negative[y, x]
            assert found.years[row, column] == pytest.approx(years)
            assert found.settled[row, column] == (1 if raising > 128 else -1 if lowering > 128 else 0)
    assert found.years.sum() == pytest.approx(weights.sum())


def test_squares_of_another_margin():
    """100 pixels of the photo a side: 180 in the preset's crop, 160 in one of 30 %, 200 in one of 50 %."""
    box = FaceBox(0, 0, 100, 100)
    nothing = np.zeros((224, 224), dtype=bool)
    one = Attribution(np.zeros((224, 224), dtype=int), np.array([8.0]), "expected_age", ~nothing, nothing)
    wide = cells_of(one, frame_of(box, 0.5))
    assert np.isfinite(wide.years).all() and (wide.settled == 1).all()
    assert wide.years.sum() == pytest.approx(8 * (180 / 200) ** 2, rel=1e-3)
    narrow = cells_of(one, frame_of(box, 0.3))
    # 12.4 pixels of the preset's crop lie beyond it on each side: the outermost squares are not wholly there
    assert np.isnan(narrow.years[[0, -1]]).all() and np.isnan(narrow.years[:, [0, -1]]).all()
    assert np.isfinite(narrow.years[1:-1, 1:-1]).all()
    assert narrow.years[5, 5] == pytest.approx(8 / (160 / 180 * 14) ** 2, rel=1e-3)


def test_agreement_is_spearmans_and_counts_signs():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 14, 14)).round(1)  # with ties
    first[0] = np.nan
    signs = rng.integers(-1, 2, (2, 14, 14))
    seen = rng.random((14, 14)) < 0.6
    found = agreement(Cells(first, signs[0]), Cells(second, signs[1]), seen)
    there = np.isfinite(first) & seen
    assert found.squares == there.sum() < 182
    assert found.rank_correlation == pytest.approx(spearmanr(first[there], second[there]).statistic)
    pairs = list(zip(signs[0][there], signs[1][there], strict=True))
    both = [(one, other) for one, other in pairs if one and other]
    assert found.settled_in_both == pytest.approx(len(both) / len(pairs))
    assert found.same_sign_settled == pytest.approx(sum(one == other for one, other in both) / len(both))
    assert found.same_sign == pytest.approx(np.mean(np.sign(first[there]) == np.sign(second[there])))


def test_of_a_map_that_does_not_vary_there_is_no_correlation():
    flat = Cells(np.zeros((14, 14)), np.zeros((14, 14), dtype=int))
    other = Cells(np.arange(196.0).reshape(14, 14), np.ones((14, 14), dtype=int))
    found = agreement(flat, other)
    assert np.isnan(found.rank_correlation) and np.isnan(found.same_sign_settled)
    assert found.settled_in_both == 0
    nowhere = agreement(other, other, np.zeros((14, 14), dtype=bool))
    assert nowhere.squares == 0 and np.isnan(nowhere[:4]).all()


def test_the_neighbour_is_another_face_as_it_is(face, crops):
    np.testing.assert_array_equal(of_another_face(face, None, crops[1]), crops[1])
    assert AUDIT.hidden == "mean-colour"  # the base that others are compared with

"""Pictures as they are fed: changed as drawn, the same out of either pipeline."""

import numpy as np
import pytest

from age_audit.store.files import png_bytes
from age_audit.training.inputs import (
    Augmentation,
    Batches,
    batches_of_files,
    change,
    draw_changes,
    examples_of_epoch,
    whole_in_order,
)

NEUTRAL = (0, 0, 0, 0, 1, 1)


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(1).integers(0, 256, (6, 10, 10, 3)).astype(np.float32)


def literal_change(face, mirrored, right, down, lighter, contrast, colour):
    side = len(face)
    face = face[:, ::-1] if mirrored else face
    moved = np.empty_like(face)
    for row in range(side):
        for column in range(side):
            from_row = min(max(row - round(down * side), 0), side - 1)
            from_column = min(max(column - round(right * side), 0), side - 1)
            moved[row, column] = face[from_row, from_column]
    grey = moved @ np.array([0.299, 0.587, 0.114])
    moved = grey[..., None] + colour * (moved - grey[..., None])
    return np.clip(moved.mean() + contrast * (moved - moved.mean()) + 255 * lighter, 0, 255)


def test_nothing_is_changed_by_neutral_changes(faces):
    assert np.asarray(change(faces, draw_changes(6, None, seed=1, epoch=1))) == pytest.approx(faces, abs=1e-3)


@pytest.mark.parametrize(
    "one",
    [
        *((1, 0, 0, 0, 1, 1), (0, 0.2, -0.1, 0, 1, 1), (0, 0, 0, 0.1, 1, 1), (0, 0, 0, 0, 1.2, 1), (0, 0, 0, 0, 1, 0)),
        *((0, 0, 0, 0, 1, 1.3), (1, -0.2, 0.3, -0.1, 0.8, 0.5)),
    ],
)
def test_each_change_is_what_it_says(faces, one):
    given = np.array([NEUTRAL] * 3 + [one] + [NEUTRAL] * 2, dtype=np.float32)
    found = np.asarray(change(faces, given))
    assert found[3] == pytest.approx(literal_change(faces[3], *one), abs=0.01)
    assert found[[0, 5]] == pytest.approx(faces[[0, 5]], abs=1e-3)
    assert np.abs(found[3] - faces[3]).max() > 1


def test_draws_are_within_bounds_and_depend_on_seed_and_epoch():
    how = Augmentation(shift=0.1, brightness=0.2, contrast=0.3, colour=0.4, grey=0.25)
    drawn = draw_changes(4000, how, seed=1, epoch=2)
    assert drawn[:, 0].mean() == pytest.approx(0.5, abs=0.03) and (drawn[:, 5] == 0).mean() == pytest.approx(
        0.25, abs=0.03
    )
    for column, (low, high) in {1: (-0.1, 0.1), 2: (-0.1, 0.1), 3: (-0.2, 0.2), 4: (0.7, 1.3)}.items():
        assert low <= drawn[:, column].min() < low + 0.01 and high - 0.01 < drawn[:, column].max() <= high
    assert not (draw_changes(5, how, seed=2, epoch=2) == drawn[:5]).all()


def test_files_are_decoded_in_their_order(faces, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for path, face in zip(paths, faces, strict=True):
        path.write_bytes(png_bytes(face.astype(np.uint8)))
    given = draw_changes(6, None, seed=1, epoch=1)
    given[4, 0] = 1
    batches = [np.asarray(batch) for batch in batches_of_files(paths, given, size=4)]
    assert [len(batch) for batch in batches] == [4, 2]
    expected = faces.copy()
    expected[4] = faces[4, :, ::-1]
    assert np.concatenate(batches) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("changed", [False, True])
def test_both_pipelines_give_the_same(faces, changed):
    which, weights = examples_of_epoch(np.array([0, 2, 2, 5]), np.array([1.0, 2, 2, 4]), 2, seed=1, epoch=1)
    stored = np.stack([faces, faces[:, :, ::-1]]).astype(np.float16)
    drawn = draw_changes(4, Augmentation(), seed=1, epoch=1) if changed else None
    truth = np.eye(6, dtype=np.float32)
    plain = Batches([stored], which, truth, weights, drawn, size=3)
    for (fed, label, weight), (fed_fast, label_fast, weight_fast) in zip(
        (plain[i] for i in range(len(plain))), plain.fastest(), strict=True
    ):
        assert np.array_equal(np.asarray(fed[0]), np.asarray(fed_fast[0]))
        assert np.array_equal(label, np.asarray(label_fast)) and np.array_equal(weight, np.asarray(weight_fast))
    assert sorted(which[:, 1].tolist()) == [0, 2, 2, 5] and len(set(which[:, 0].tolist())) == 2


def test_held_out_faces_come_as_they_are(faces):
    batches = whole_in_order(np.eye(6, dtype=np.float32), [faces[None]], np.array([3, 1]))
    fed, truth, weights = batches[0]
    assert (
        np.array_equal(fed[0], faces[[3, 1]]) and truth.argmax(axis=1).tolist() == [3, 1] and weights.tolist() == [1, 1]
    )

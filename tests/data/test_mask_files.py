"""Masks of chosen faces, from pictures as the study and as stage 1 leave them, and from the packed store."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from age_audit.core.errors import UsageError
from age_audit.core.masks import pack_masks, unpack_masks
from age_audit.data.mask_files import load_positive_masks, positive_pixels
from age_audit.data.metadatasets import names_array, write_metadataset


def random_masks(count, seed=0):
    blocks = np.random.default_rng(seed).random((count, 28, 28)) < 0.5
    return np.kron(blocks, np.ones((8, 8), bool)).astype(bool)


def write_store(folder, name, fnames, masks):
    content = {"fname": names_array(fnames), "positive": pack_masks(masks), "negative": pack_masks(~masks)}
    write_metadataset(folder, name, "masks", content, {})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with utkface/img-masks/ in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "utkface" / "img-masks").mkdir(parents=True)
    return tmp_path / "utkface" / "img-masks"


def literal_positive(picture):
    """Pixel by pixel, with the weights that Pillow documents: L = (299 R + 587 G + 114 B) / 1000."""
    found = np.zeros((picture.height, picture.width), bool)
    for y in range(picture.height):
        for x in range(picture.width):
            r, g, b = picture.convert("RGB").getpixel((x, y))
            found[y, x] = (299 * r + 587 * g + 114 * b) / 1000 > 200
    return found


def test_three_grey_levels():
    picture = Image.fromarray(np.array([[0, 128, 255], [200, 201, 199]], np.uint8))
    assert positive_pixels(picture).tolist() == [[False, False, True], [False, True, False]]


def test_against_the_literal_way():
    picture = Image.fromarray(np.random.default_rng(1).integers(100, 256, (20, 20, 3), dtype=np.uint8))
    levels = np.asarray(picture.convert("L")).astype(int)
    clear = np.abs(levels - 200.5) > 1  # Pillow rounds the luminance
    np.testing.assert_array_equal(positive_pixels(picture)[clear], literal_positive(picture)[clear])


@pytest.mark.parametrize("ending", ["", ".png"])
def test_pictures(folder, ending):
    masks = random_masks(3)
    for i, mask in enumerate(masks):
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(folder / f"{i}.jpg{ending}", format="PNG")
    found = load_positive_masks("utkface/img-masks/", ["2.jpg", "0.jpg", "2.jpg"])
    assert found.fnames == ["2.jpg", "0.jpg"]
    np.testing.assert_array_equal(unpack_masks(found.positive), masks[[2, 0]])


@pytest.mark.parametrize("ending", ["", ".png"])
def test_a_face_called_like_the_mask_of_another_has_its_own(folder, ending):
    names, masks = ["a.jpg", "a.jpg.png"], random_masks(2)
    for name, mask in zip(names, masks, strict=True):
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(folder / f"{name}{ending}", format="PNG")
    found = load_positive_masks(folder, names)
    assert found.fnames == names
    np.testing.assert_array_equal(unpack_masks(found.positive), masks)


def test_pictures_of_the_study_in_colours(folder):
    mask = random_masks(1)[0]
    plt.imsave(folder / "a.jpg", np.where(mask, 1, -1))
    found = unpack_masks(load_positive_masks(folder, ["a.jpg"]).positive)[0]
    assert (found == mask).mean() > 0.97  # JPEG blurs the edges


def test_missing_damaged_and_other_pictures_are_left_out_with_one_warning(folder):
    Image.fromarray(np.full((224, 224), 255, np.uint8)).save(folder / "good.jpg.png")
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save(folder / "small.jpg.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"3 of 4 masks are missing .* first lost\.jpg") as caught:
        found = load_positive_masks(folder, ["lost.jpg", "good.jpg", "small.jpg", "broken.jpg"])
    assert len(caught) == 1
    assert found.fnames == ["good.jpg"]
    assert unpack_masks(found.positive).all()


@pytest.mark.parametrize("place", [".", "metadatasets"])
@pytest.mark.parametrize("others", [(), ("utkface",), ("appa", "utkface")])
def test_packed_store_where_there_are_no_pictures(folder, place, others):
    root, masks = folder.parent.parent, random_masks(3)
    for name in others or ("mine",):
        write_store(root / place, name, ["a", "b", "c"], masks if name != "appa" else ~masks)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load_positive_masks("utkface/img-masks/", ["c", None, "a", np.nan])
    assert found.fnames == ["c", "a"]
    np.testing.assert_array_equal(unpack_masks(found.positive), masks[[2, 0]])


def test_several_stores_none_of_that_name(folder):
    for name in ("appa", "mine"):
        write_store(folder.parent.parent, name, ["a"], random_masks(1))
    with pytest.warns(UserWarning, match="1 of 1 masks are missing"):
        assert load_positive_masks(folder, ["a"]).positive.shape == (0, 6272)


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", 3])
def test_names_with_a_path_are_refused(folder, name):
    with pytest.raises(UsageError, match="plain file name"):
        load_positive_masks(folder, ["a.jpg", name])


def test_nobody(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_positive_masks(folder, []).positive.shape == (0, 6272)

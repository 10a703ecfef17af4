"""Which files count as images, and which of them are drawn."""

import os
from collections import Counter
from itertools import pairwise

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.schema import FaceLabel
from age_audit.data.images import (
    ImageFile,
    age_range_of_label,
    count_other_files,
    draw_evenly,
    duplicate_names,
    list_images,
)


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


class TestListImages:
    def test_subfolders_and_suffixes_sorted(self, tmp_path):
        names = ["b.JPG", "a.jpeg", "sub/deep/c.Png", "sub/a.webp", "z.TIFF", "x.jpg.chip.jpg", "e.bmp", "f.gif"]
        ignored = ["notes.txt", "a.jpg.txt", "jpg", ".jpg", "sub/readme", "a.jpg~"]
        touch(*(tmp_path / name for name in names + ignored))
        files = list_images(tmp_path)
        assert [file.image for file in files] == sorted(names)
        assert [file.path for file in files] == [tmp_path / name for name in sorted(names)]

    def test_fname_has_no_folder(self, tmp_path):
        touch(tmp_path / "sub" / "deep" / "c.png")
        assert [file.fname for file in list_images(tmp_path)] == ["c.png"]

    def test_folder_named_like_an_image_is_listed_and_not_entered(self, tmp_path):
        touch(tmp_path / "album.jpg" / "inside.jpg", tmp_path / "z.jpg")
        assert [file.image for file in list_images(tmp_path)] == ["album.jpg", "z.jpg"]

    def test_links(self, tmp_path):
        touch(tmp_path / "photos" / "a.jpg", tmp_path / "elsewhere" / "b.jpg")
        photos = tmp_path / "photos"
        (photos / "loop.jpg").symlink_to("loop.jpg")
        (photos / "broken.jpg").symlink_to("gone.jpg")
        (photos / "link.jpg").symlink_to("a.jpg")
        (photos / "up").symlink_to("..")
        (photos / "elsewhere").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "alias").symlink_to(photos)
        (tmp_path / "elsewhere" / "back").symlink_to(photos)
        (photos / "twice").symlink_to(tmp_path / "elsewhere")
        expected = ["a.jpg", "broken.jpg", "elsewhere/b.jpg", "link.jpg", "loop.jpg"]
        assert [file.image for file in list_images(photos)] == expected
        assert [file.image for file in list_images(tmp_path / "alias")] == expected

    def test_bytes_that_are_no_text_are_spelled_out(self, tmp_path):
        odd = os.fsdecode(os.fsencode(tmp_path) + b"/f\xff.jpg")
        try:
            with open(odd, "wb") as stream:  # noqa: PTH123
                stream.write(b"content")
        except OSError:
            pytest.skip("this file system keeps such names out")
        (file,) = list_images(tmp_path)
        assert (file.image, file.fname) == ("f\\xff.jpg", "f\\xff.jpg")
        assert file.path.read_bytes() == b"content"

    def test_no_images(self, tmp_path):
        touch(tmp_path / "notes.txt")
        with pytest.raises(UsageError, match=rf"expected images \(\.bmp, .*\) in {tmp_path}, found none"):
            list_images(tmp_path)

    @pytest.mark.parametrize("name", ["gone", "file.jpg"])
    def test_no_folder(self, tmp_path, name):
        touch(tmp_path / "file.jpg")
        with pytest.raises(UsageError, match=rf"expected a folder of images at {tmp_path / name}.*--images"):
            list_images(tmp_path / name)

    def test_a_subfolder_that_cannot_be_listed_is_not_passed_over(self, tmp_path, monkeypatch):
        touch(tmp_path / "a.jpg", tmp_path / "closed" / "b.jpg")
        scandir = os.scandir

        def refusing(path):
            if os.fspath(path).endswith("closed"):
                raise PermissionError(13, "Permission denied", path)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refusing)  # permissions do not bind every user who runs tests
        with pytest.raises(UsageError, match=rf"list the folder {tmp_path / 'closed'}, but: Permission denied"):
            list_images(tmp_path)


def test_what_a_mac_leaves_in_archives_is_no_image(tmp_path):
    for name in (
        "a.jpg",
        "._a.jpg",
        "__MACOSX/a.jpg",
        "__MACOSX/._b.jpg",
        ".thumbnails/a.jpg",
        ".DS_Store",
        "Thumbs.db",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [file.image for file in list_images(tmp_path)] == ["a.jpg"]
    assert count_other_files(tmp_path) == 6


def test_a_hidden_folder_that_is_asked_for_is_read(tmp_path):
    (tmp_path / ".photos").mkdir()
    (tmp_path / ".photos" / "a.jpg").write_bytes(b"x")
    assert [file.image for file in list_images(tmp_path / ".photos")] == ["a.jpg"]


def test_duplicate_names_point_to_the_first_that_works(tmp_path):
    images = [ImageFile(image, tmp_path / image) for image in ("a.jpg", "b.jpg", "x/a.jpg", "y/A.jpg", "z/q/a.jpg")]
    assert duplicate_names(images, lambda file: True) == {"x/a.jpg": "a.jpg", "z/q/a.jpg": "a.jpg"}
    asked = []
    assert duplicate_names(images, lambda file: asked.append(file.image) or file.image != "a.jpg") == {
        "z/q/a.jpg": "x/a.jpg"
    }
    assert asked == ["a.jpg", "x/a.jpg", "z/q/a.jpg"]
    assert duplicate_names(images, lambda file: False) == {}


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0, (0, 12)),
        (12, (0, 12)),
        (12.5, (0, 12)),  # twelve years are completed
        (13, (13, 18)),
        (18, (13, 18)),
        (18.99, (13, 18)),
        (19, (19, 25)),
        (25, (19, 25)),
        (26, (26, 100)),
        (100, (26, 100)),
        (101, None),
        (None, None),
    ],
)
def test_age_range_of_label(age, expected):
    assert age_range_of_label(FaceLabel("a.jpg", age)) == expected


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((3, 9), (0, 9)), ((9, 9), (0, 9)), ((5, 10), None), ((10, 19), (10, 19)), ((70, 130), None)],
)
def test_a_range_of_ages_belongs_to_the_age_range_that_holds_all_of_it(bounds, expected):
    assert age_range_of_label(FaceLabel("a.jpg", age_bounds=bounds), [(0, 9), (10, 19), (20, 100)]) == expected


def cell(prefix, count, **label):
    return {f"{prefix}{i}.jpg": FaceLabel(f"{prefix}{i}.jpg", **label) for i in range(count)}


@pytest.fixture
def labels():
    """Three cells of 6, 6 and 1 images, and four that lack a label."""
    return (
        cell("a", 6, age=10, gender="Male", race="Asian")
        | cell("b", 6, age=30, gender="Male", race="Asian")
        | cell("c", 1, age=30, gender="Female", race="Other")
        | cell("u", 2, age=30, gender="Male")
        | cell("v", 1, gender="Male", race="Other")
        | cell("w", 1, age=101, gender="Male", race="Other")
    )


class TestDrawEvenly:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize(
        ("count", "expected"),
        [
            (0, {}),
            (3, {"a": 1, "b": 1, "c": 1}),
            (5, {"a": 2, "b": 2, "c": 1}),  # c has no more to give
            (7, {"a": 3, "b": 3, "c": 1}),
            (13, {"a": 6, "b": 6, "c": 1}),
            (17, {"a": 6, "b": 6, "c": 1, "u": 2, "v": 1, "w": 1}),
            (99, {"a": 6, "b": 6, "c": 1, "u": 2, "v": 1, "w": 1}),
        ],
    )
    def test_even_over_cells_and_unlabelled_last(self, labels, count, expected, seed):
        drawn = draw_evenly(labels, count, seed)
        assert Counter(image[0] for image in drawn) == expected
        assert drawn == sorted(set(drawn))

    def test_one_unlabelled_once_all_others_are_drawn(self, labels):
        drawn = draw_evenly(labels, 14, 0)
        assert [image for image in drawn if image[0] in "uvw"] != []
        assert len([image for image in drawn if image[0] in "abc"]) == 13

    def test_an_odd_one_goes_to_either_full_cell(self, labels):
        """Of 4 images, one each from a, b and c; the fourth from a or b, as the seed has it."""
        extra = {Counter(image[0] for image in draw_evenly(labels, 4, seed)).most_common(1)[0] for seed in range(20)}
        assert extra == {("a", 2), ("b", 2)}

    def test_the_first_cell_differs_by_seed(self, labels):
        assert {draw_evenly(labels, 1, seed)[0][0] for seed in range(30)} == {"a", "b", "c"}

    def test_order_of_the_images_does_not_matter(self, labels):
        backwards = dict(reversed(labels.items()))
        assert list(backwards) != list(labels)
        assert draw_evenly(backwards, 8, 5) == draw_evenly(labels, 8, 5)

    def test_small_samples_lie_within_larger_ones(self, labels):
        samples = [set(draw_evenly(labels, count, 3)) for count in range(18)]
        assert [len(sample) for sample in samples] == list(range(18))
        assert all(small < large for small, large in pairwise(samples))

    def test_seeds_draw_different_members_of_a_cell(self):
        members = cell("a", 40, age=10, gender="Male", race="Asian")
        assert len({tuple(draw_evenly(members, 5, seed)) for seed in range(6)}) == 6

    def test_nothing_to_draw_from(self):
        assert draw_evenly({}, 5, 0) == []


def test_files_that_are_not_taken_are_counted(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.jpg", "b.JFIF", "notes.txt", "sub/c.HEIC", "sub/c.mov", "sub/noname"):
        (tmp_path / name).touch()
    assert [file.image for file in list_images(tmp_path)] == ["a.jpg", "b.JFIF", "sub/c.HEIC"]
    assert count_other_files(tmp_path) == 3


def test_draw_evenly_over_other_groups_and_age_ranges():
    tones = {
        f"{tone}{i}.jpg": FaceLabel("", 15 + 3 * (i % 2), features={"tone": tone}) for tone in "xy" for i in range(9)
    }
    drawn = draw_evenly(tones, 8, 1, ["tone"], [(0, 17), (18, 100)])
    assert sorted((image[0], tones[image].age) for image in drawn) == [
        *[("x", 15)] * 2,
        *[("x", 18)] * 2,
        *[("y", 15)] * 2,
        *[("y", 18)] * 2,
    ]

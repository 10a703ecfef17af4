"""Which files count as images, and what their names and a CSV say about them."""

import os
from collections import Counter
from itertools import pairwise

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.schema import FaceLabel
from age_audit.data.images import (
    ImageFile,
    count_other_files,
    draw_evenly,
    duplicate_names,
    list_images,
    study_age_range,
)
from age_audit.data.label_formats import LabelSource, label_from_imdbwiki_name, label_from_utkface_name, read_label_csv


class TestUtkfaceNames:
    @pytest.mark.parametrize(
        ("fname", "expected"),
        [
            ("26_0_0_20170116184024662.jpg", (26, "Male", "Caucasian")),
            ("1_1_1_20161219140642920.jpg", (1, "Female", "African")),
            ("39_1_2_20170116174525125.jpg.chip.jpg", (39, "Female", "Asian")),
            ("55_0_3_20170116232725357jpg.chip.jpg", (55, "Male", "Indian")),
            ("116_1_4_20170120134921760.jpg", (116, "Female", "Other")),
            ("0_0_0_2017.png", (0, "Male", "Caucasian")),
            ("130_0_0_2017.jpg", (130, "Male", "Caucasian")),
        ],
    )
    def test_complete(self, fname, expected):
        assert label_from_utkface_name(fname) == FaceLabel(fname, *expected, problem=None)

    @pytest.mark.parametrize(
        ("fname", "expected", "lacking"),
        [
            ("61_1_20170109142408075.jpg", (61, "Female", None), "race"),
            ("61_3_20170109150557335.jpg", (61, None, None), "gender and race"),
            ("39_1_20170116174525125.jpg.chip.jpg", (39, "Female", None), "race"),
            ("131_0_0_2017.jpg", (None, "Male", "Caucasian"), "age"),
            ("-1_0_0_2017.jpg", (None, "Male", "Caucasian"), "age"),
            ("nan_0_0_2017.jpg", (None, "Male", "Caucasian"), "age"),
            ("inf_0_0_2017.jpg", (None, "Male", "Caucasian"), "age"),
            ("young_0_0_2017.jpg", (None, "Male", "Caucasian"), "age"),
            ("30_2_5_2017.jpg", (30, None, None), "gender and race"),
            ("30_0_-1_2017.jpg", (30, "Male", None), "race"),
            ("30__1_2017.jpg", (30, None, "African"), "gender"),
            ("20170109142408075.jpg", (None, None, None), "age and gender and race"),
            ("holiday.jpg", (None, None, None), "age and gender and race"),
            (".jpg", (None, None, None), "age and gender and race"),
        ],
    )
    def test_broken_ones_keep_what_is_there_and_name_what_is_not(self, fname, expected, lacking):
        problem = f"file name gives no valid {lacking}"
        assert label_from_utkface_name(fname) == FaceLabel(fname, *expected, problem=problem)


class TestImdbWikiNames:
    @pytest.mark.parametrize(
        ("fname", "age"),
        [
            ("10000217_1981-05-05_2009.jpg", 28),
            ("nm0000100_rm46373120_1955-1-6_2003.jpg", 48),
            ("7_1901-01-01_1990.jpg", 89),
            ("7_1990-01-01_1990.jpg", 0),
            ("7_1901-12-31_2031.jpg", 130),
        ],
    )
    def test_age_is_taken_minus_born(self, fname, age):
        assert label_from_imdbwiki_name(fname) == FaceLabel(fname, age)

    @pytest.mark.parametrize(
        ("fname", "problem"),
        [
            ("7_1900-12-31_1950.jpg", "born before 1901"),
            ("7_2009-05-05_1981.jpg", "age -28 is out of range"),
            ("7_1901-01-01_2032.jpg", "age 131 is out of range"),
            ("7_1981_2009.jpg", "file name is not id_birth_taken"),
            ("_1981-05-05_2009.jpg", "file name is not id_birth_taken"),
            ("7_1981-05-05_2009", "file name is not id_birth_taken"),
            ("26_0_0_20170116184024662.jpg", "file name is not id_birth_taken"),
        ],
    )
    def test_refused(self, fname, problem):
        assert label_from_imdbwiki_name(fname) == FaceLabel(fname, problem=problem)


@pytest.fixture
def csv_of(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "labels.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


class TestLabelCsv:
    def test_any_cell_but_fname_may_be_empty(self, csv_of):
        path = csv_of("fname,age,gender,race\na.jpg,31,Male,Asian\nb.jpg,,,\nc.jpg, 4.5 ,, Other\nd.jpg,0\n")
        assert read_label_csv(path) == {
            "a.jpg": FaceLabel("a.jpg", 31.0, "Male", "Asian"),
            "b.jpg": FaceLabel("b.jpg"),
            "c.jpg": FaceLabel("c.jpg", 4.5, None, "Other"),
            "d.jpg": FaceLabel("d.jpg", 0.0),
        }

    def test_columns_in_another_order_among_others(self, csv_of):
        path = csv_of("race,source,age,fname,gender\nOther,web,20,ä b.jpg,Female\n")
        assert read_label_csv(path) == {"ä b.jpg": FaceLabel("ä b.jpg", 20.0, "Female", "Other")}

    def test_byte_order_mark_and_quotes(self, csv_of):
        path = csv_of('fname,age,gender,race\r\n"a,b.jpg",31,,\r\n', "utf-8-sig")
        assert read_label_csv(path) == {"a,b.jpg": FaceLabel("a,b.jpg", 31.0)}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("fname,age\na.jpg,3\n", "columns fname, age, gender, race; gender, race missing"),
            ("", "fname, age, gender, race missing"),
            ("fname;age;gender;race\na.jpg;1;;\n", "fname, age, gender, race missing"),
            ("fname,age,gender,race\nsub/a.jpg,3,,\n", r"line 2: expected fname without a folder, got 'sub/a\.jpg'"),
            ("fname,age,gender,race\nc:\\a.jpg,3,,\n", "line 2: expected fname without a folder"),
            ("fname,age,gender,race\na.jpg,3,,\na.jpg,4,,\n", r"line 3: expected each fname once, 'a\.jpg'"),
            ("fname,age,gender,race\na.jpg,3,,\n,4,,\n", "line 3: expected a file name in fname"),
            ("fname,age,gender,race\na.jpg,young,,\n", "line 2: expected age to be a number from 0 to 130.*'young'"),
            ("fname,age,gender,race\na.jpg,131,,\n", "expected age to be a number.*'131'"),
            ("fname,age,gender,race\na.jpg,-1,,\n", "expected age to be a number.*'-1'"),
            ("fname,age,gender,race\na.jpg,nan,,\n", "expected age to be a number.*'nan'"),
        ],
    )
    def test_unusable(self, csv_of, text, message):
        with pytest.raises(UsageError, match=message):
            read_label_csv(csv_of(text))

    def test_another_encoding(self, csv_of):
        with pytest.raises(UsageError, match=r"expected a CSV of labels at .*labels\.csv"):
            read_label_csv(csv_of("fname,age,gender,race\nä.jpg,3,,\n", "latin-1"))

    def test_missing_file(self, tmp_path):
        with pytest.raises(UsageError, match=r"expected a CSV of labels at .*none\.csv"):
            read_label_csv(tmp_path / "none.csv")


class TestLabelSource:
    def test_by_name(self, csv_of):
        csv = str(csv_of("fname,age,gender,race\n26_0_0_1.jpg,5,,\n"))
        ages = [LabelSource(source).label("26_0_0_1.jpg").age for source in ("utkface", "imdbwiki", csv)]
        assert ages == [26, None, 5]

    def test_image_that_the_csv_does_not_have(self, csv_of):
        source = LabelSource(str(csv_of("fname,age,gender,race\na.jpg,5,,\n")))
        assert source.label("b.jpg") == FaceLabel("b.jpg", problem="not in the label file")

    def test_unknown(self):
        with pytest.raises(UsageError, match=r"--labels to be utkface, imdbwiki or a path .*csv, got 'adience'"):
            LabelSource("adience")


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
        expected = ["a.jpg", "broken.jpg", "link.jpg", "loop.jpg"]
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


def test_duplicate_names_point_to_the_first(tmp_path):
    images = [ImageFile(image, tmp_path / image) for image in ("a.jpg", "b.jpg", "x/a.jpg", "y/A.jpg", "z/q/a.jpg")]
    assert duplicate_names(images) == {"x/a.jpg": "a.jpg", "z/q/a.jpg": "a.jpg"}


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
def test_study_age_range(age, expected):
    assert study_age_range(age) == expected


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
    for name in ("a.jpg", "b.JFIF", "notes.txt", "sub/c.heic", "sub/noname"):
        (tmp_path / name).touch()
    assert [file.image for file in list_images(tmp_path)] == ["a.jpg", "b.JFIF"]
    assert count_other_files(tmp_path) == 3

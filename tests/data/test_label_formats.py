"""What file names and a CSV say about images."""

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.schema import FaceLabel
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

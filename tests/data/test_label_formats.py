"""What file names and a CSV say about images."""

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.schema import FaceLabel
from age_audit.data.label_formats import (
    LabelSource,
    hint_of_groups,
    label_from_agedb_name,
    label_from_imdbwiki_name,
    label_from_morph_name,
    label_from_utkface_name,
    read_label_csv,
    sensitive_features,
)


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
            ("24_0_1_20170116220224657 .jpg", (24, "Male", "African")),
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
            ("1e1_0_0_2017.jpg", (None, "Male", "Caucasian"), "age"),
            ("53__0_20170116184028385.jpg", (53, None, "Caucasian"), "gender"),
            ("young_0_0_2017.jpg", (None, "Male", "Caucasian"), "age"),
            ("30_2_5_2017.jpg", (30, None, None), "gender and race"),
            ("30_0_-1_2017.jpg", (30, "Male", None), "race"),
            ("30__1_2017.jpg", (30, None, "African"), "gender"),
        ],
    )
    def test_broken_ones_keep_what_is_there_and_name_what_is_not(self, fname, expected, lacking):
        problem = f"file name gives no valid {lacking}"
        assert label_from_utkface_name(fname) == FaceLabel(fname, *expected, problem=problem)

    @pytest.mark.parametrize(
        "fname",
        [
            *(
                "20170109142408075.jpg",
                "holiday.jpg",
                ".jpg",
                "100_0234.JPG",
                "4_AnnDoe_26_f.jpg",
                "117_BobRoe_77_m.jpg",
            ),
            *("30_M_1_2017.jpg", "30_0_1_4_2017.jpg", "009055_1M54.JPG", "12_34.jpg", "1_1981-05-05_2009.jpg"),
            *("12_05_2017_party.jpg", "100_0234_1.JPG", "12_3_456.jpg", "2_3_copy.jpg"),  # dates, cameras, copies
        ],
    )
    def test_nothing_is_read_from_names_of_another_format(self, fname):
        assert label_from_utkface_name(fname) == FaceLabel(fname, problem="the file name is not of this format")


class TestOtherNames:
    @pytest.mark.parametrize(
        ("fname", "expected"),
        [
            ("0_MariaCallas_35_f.jpg", (35.0, "Female")),
            ("10007_GlendaJackson_0_m.jpg", (0.0, "Male")),
            ("4_Ann_van_Doe_26_f.jpg", (26.0, "Female")),
            ("7_X_130_m.png", (130.0, "Male")),
        ],
    )
    def test_agedb(self, fname, expected):
        assert label_from_agedb_name(fname) == FaceLabel(fname, *expected)

    @pytest.mark.parametrize(
        ("fname", "expected"),
        [("009055_1M54.JPG", (54.0, "Male")), ("1_12F7.jpg", (7.0, "Female")), ("1_0F105.png", (105.0, "Female"))],
    )
    def test_morph(self, fname, expected):
        assert label_from_morph_name(fname) == FaceLabel(fname, *expected)

    @pytest.mark.parametrize(
        ("parse", "fname", "problem"),
        [
            (label_from_agedb_name, "7_X_30_x.jpg", "the file name is not of this format"),
            (label_from_agedb_name, "26_0_0_20170116184024662.jpg", "the file name is not of this format"),
            (label_from_agedb_name, "x_MariaCallas_35_f.jpg", "the file name is not of this format"),
            (label_from_morph_name, "009055_M54.JPG", "the file name is not of this format"),
            (label_from_morph_name, "009055_1M54", "the file name is not of this format"),
            (label_from_morph_name, "009055_1m54.JPG", "the file name is not of this format"),
        ],
    )
    def test_refused(self, parse, fname, problem):
        assert parse(fname) == FaceLabel(fname, problem=problem)

    def test_an_impossible_age_is_left_out_and_named(self):
        male = {"gender": "Male", "problem": "age 131 is out of range"}
        assert label_from_agedb_name("7_X_131_m.jpg") == FaceLabel("7_X_131_m.jpg", **male)
        assert label_from_morph_name("009_1M131.JPG") == FaceLabel("009_1M131.JPG", **male)


class TestImdbWikiNames:
    @pytest.mark.parametrize(
        ("fname", "age"),
        [
            ("10000217_1981-05-05_2009.jpg", 28),
            ("nm0000100_rm46373120_1955-1-6_2003.jpg", 48),
            ("7_1901-01-01_1990.jpg", 89),
            ("7_1990-01-01_1990.jpg", 0),
            ("7_1901-12-31_2032.jpg", 130),
            ("nm0000001_rm124825600_1899-5-10_1968.jpg", 69),
            ("7_1989-12-29_2011.jpg", 21),
            ("7_1989-7-1_2011.jpg", 22),
            ("7_1989-7-2_2011.jpg", 21),
            ("7_1989-00-00_2011.jpg", 22),
        ],
    )
    def test_age_is_that_of_the_first_of_july(self, fname, age):
        assert label_from_imdbwiki_name(fname) == FaceLabel(fname, age)

    @pytest.mark.parametrize(
        ("fname", "problem"),
        [
            ("7_1989-13-01_2011.jpg", "the date of birth is none"),
            ("7_2009-05-05_1981.jpg", "age -28 is out of range"),
            ("7_1990-12-31_1990.jpg", "age -1 is out of range"),
            ("7_1901-01-01_2032.jpg", "age 131 is out of range"),
            ("7_1981_2009.jpg", "the file name is not of this format"),
            ("_1981-05-05_2009.jpg", "the file name is not of this format"),
            ("7_1981-05-05_2009", "the file name is not of this format"),
            ("26_0_0_20170116184024662.jpg", "the file name is not of this format"),
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
        path = csv_of("fname,age,gender,race\na.jpg,31,Male,Asian\nb.jpg,,,\nc.jpg, 4.5 ,, Other\n\nd.jpg,0,,\n")
        assert read_label_csv(path) == {
            "a.jpg": FaceLabel("a.jpg", 31.0, "Male", "Asian"),
            "b.jpg": FaceLabel("b.jpg"),
            "c.jpg": FaceLabel("c.jpg", 4.5, None, "Other"),
            "d.jpg": FaceLabel("d.jpg", 0.0),
        }

    def test_every_further_column_is_a_feature(self, csv_of):
        path = csv_of("race,source,age,fname,Skin tone\nOther,web,20,ä b.jpg,II\n,,,c.jpg,\n")
        labels = read_label_csv(path)
        assert labels["ä b.jpg"] == FaceLabel(
            "ä b.jpg", 20.0, None, "Other", features={"source": "web", "Skin tone": "II"}
        )
        assert labels["c.jpg"].features == {"source": None, "Skin tone": None}
        assert [labels["ä b.jpg"].feature(name) for name in ("race", "gender", "source", "x")] == [
            *("Other", None, "web", None)
        ]

    def test_ages_and_file_names_suffice(self, csv_of):
        assert read_label_csv(csv_of("fname,age\na.jpg,3\n")) == {"a.jpg": FaceLabel("a.jpg", 3.0)}

    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ('fname,age,gender,race\r\n"a,b.jpg",31,,\r\n', "utf-8-sig"),
            ('fname;age;gender;race\n"a,b.jpg";31;;\n', "utf-8"),
            ("fname\tage\tgender\trace\na,b.jpg\t31\t\t\n", "utf-16"),
            ('FName,AGE,Gender,RACE\n"a,b.jpg",31,,', "utf-8"),
        ],
    )
    def test_byte_order_marks_quotes_separators_and_capitals(self, csv_of, text, encoding):
        assert read_label_csv(csv_of(text, encoding)) == {"a,b.jpg": FaceLabel("a,b.jpg", 31.0)}

    def test_fairface(self, csv_of):
        path = csv_of(
            "file,age,gender,race,service_test\nval/1.jpg,3-9,Male,East Asian,False\n"
            "val/2.jpg,more than 70,Female,Latino_Hispanic,True\nval/3.jpg,0-2,Female,Black,True\n"
        )
        assert read_label_csv(path) == {
            "val/1.jpg": FaceLabel("val/1.jpg", None, "Male", "East Asian", None, (3, 9), {"service_test": "False"}),
            "val/2.jpg": FaceLabel(
                "val/2.jpg", None, "Female", "Latino_Hispanic", None, (70, 130), {"service_test": "True"}
            ),
            "val/3.jpg": FaceLabel("val/3.jpg", None, "Female", "Black", None, (0, 2), {"service_test": "True"}),
        }

    def test_an_image_has_the_label_of_its_own_folder(self, csv_of):
        source = LabelSource(str(csv_of("file,age\nval/1.jpg,3-9\ntrain/1.jpg,20-29\nval/2.jpg,3-9\n")))
        bounds = [source.label(f"/faces/{image}").age_bounds for image in ("val/1.jpg", "train/1.jpg", "train/2.jpg")]
        assert bounds == [(3, 9), (20, 29), None]
        assert source.label("/faces/val/1.jpg").fname == "1.jpg"

    def test_signs_inside_quotes_part_nothing_and_an_empty_last_column_is_none(self, csv_of):
        path = csv_of('"fname","age","note; with; semi;colons;",\na.jpg,3,x;y,\n')
        assert read_label_csv(path) == {"a.jpg": FaceLabel("a.jpg", 3.0, features={"note; with; semi;colons;": "x;y"})}

    def test_utf_16_without_its_mark(self, csv_of):
        with pytest.raises(UsageError, match=r"in UTF-8, or in UTF-16 with its mark"):
            read_label_csv(csv_of("fname,age\na.jpg,3\n", "utf-16-le"))

    def test_appa_real(self, csv_of):
        path = csv_of(
            "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n000000.jpg,36,5.055,1.4332,4\n"
        )
        rest = {"num_ratings": "36", "apparent_age_avg": "5.055", "apparent_age_std": "1.4332"}
        assert read_label_csv(path) == {"000000.jpg": FaceLabel("000000.jpg", 4.0, features=rest)}
        source = LabelSource(str(path))
        assert source.label("000000.jpg_face.jpg") == FaceLabel("000000.jpg_face.jpg", 4.0, features=rest)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "fname,gender,race\na.jpg,,\n",
                "one column for the age, age or real_age; its header is fname, gender, race",
            ),
            ("", "one column for the file name, fname or file or file_name; its header is empty"),
            ("name,age\na.jpg,3\n", "one column for the file name.*its header is name, age"),
            ("fname,age,real_age\na.jpg,3,3\n", "one column for the age"),
            ("fname,age,Age\na.jpg,3,4\n", "one column for the age"),
            ("fname,age,tone,tone\na.jpg,3,4,5\n", "a name each.*rename 'tone'"),
            ("fname,age,\na.jpg,3,4\n", "line 2: expected 2 cells as in the header, got 3: a.jpg, 3, 4"),
            ("fname,,age\na.jpg,3,4\n", "a name each.*rename '' .*index=False"),
            ("fname,age\n", "expected a row an image in .*, found its header alone"),
            ("fname,age,race_real\na.jpg,3,4\n", "no result is stored under; rename 'race_real'"),
            ("fname,age,age_estimation\na.jpg,3,4\n", "rename 'age_estimation'"),
            ("fname,age,activation_nose\na.jpg,3,4\n", "rename 'activation_nose'"),
            (
                "fname,age,gender,race\nx.jpg,25,5,M,Asian\n",
                "line 2: expected 4 cells as in the header, got 5: x.jpg, 25",
            ),
            ("fname,age,gender,race\nx.jpg,25\n", "line 2: expected 4 cells as in the header, got 2: x.jpg, 25"),
            ('fname,age,gender,race\n"a.jpg,3,,\nb.jpg,3,,\n', "line 2: expected quotes only around whole cells"),
            ('fname,age,note\na.jpg,3,"x\nb.jpg,3,x\nc.jpg,3,y"\n', 'line 2: expected quotes.* got a.jpg,3,"x'),
            ('fname,age,note\na.jpg,3,"x"y\n', "line 2: expected quotes"),
            ("fname,age\na.jpg,1_0\n", "expected age to be a number.*'1_0'"),
            ("fname,age\na.jpg,1e1\n", "expected age to be a number.*'1e1'"),
            ("fname,age,gender,race\nsub/a.jpg,3,,\n", r"line 2: expected fname without a folder, got 'sub/a\.jpg'"),
            ("fname,age,gender,race\nc:\\a.jpg,3,,\n", "line 2: expected fname without a folder"),
            ("fname,age,gender,race\na.jpg,3,,\na.jpg,4,,\n", r"line 3: expected each file name once, 'a\.jpg'"),
            ("file,age\nval/1.jpg,3-9\nval/1.jpg,3-9\n", r"line 3: expected each file name once, 'val/1\.jpg'"),
            ("fname,age,gender,race\na.jpg,3,,\n,4,,\n", "line 3: expected a file name in fname"),
            ("fname,age,gender,race\na.jpg,young,,\n", "line 2: expected age to be a number from 0 to 130.*'young'"),
            ("fname,age,gender,race\na.jpg,131,,\n", "expected age to be a number.*'131'"),
            ("fname,age,gender,race\na.jpg,-1,,\n", "expected age to be a number.*'-1'"),
            ("fname,age,gender,race\na.jpg,nan,,\n", "expected age to be a number.*'nan'"),
            ("fname,age\na.jpg,29-20\n", "expected age to be a number.*'29-20'"),
            ("fname,age\na.jpg,20-290\n", "expected age to be a number.*'20-290'"),
        ],
    )
    def test_refused(self, csv_of, text, message):
        with pytest.raises(UsageError, match=message):
            read_label_csv(csv_of(text))

    @pytest.mark.parametrize(
        ("encoding", "said"),
        [
            ("latin-1", "line 3 has the byte 0xe4"),
            ("cp1252", "line 3 has the byte 0xe4"),
            ("cp1251", "line 3 has the byte 0xd4"),
            ("utf-16-be", "every letter has a zero"),
            ("utf-32", "every letter has a zero"),
        ],
    )
    def test_other_encodings_are_refused_in_a_sentence(self, csv_of, encoding, said):
        letter = "Ф" if encoding == "cp1251" else "ä"
        path = csv_of(f"fname,age\na.jpg,3\n{letter}.jpg,3\n" if "utf" not in encoding else "fname,age\n", encoding)
        with pytest.raises(UsageError) as error:
            read_label_csv(path)
        told = str(error.value)
        assert told.startswith(f"expected {path} in UTF-8, or in UTF-16 with its mark") and said in told
        assert told.endswith("save it as UTF-8 (spreadsheets call that CSV UTF-8)") and "codec" not in told

    def test_half_a_letter_of_utf_16_is_refused_in_a_sentence(self, tmp_path):
        (tmp_path / "half.csv").write_bytes("fname,age\na.jpg,3\n".encode("utf-16")[:-1])
        with pytest.raises(UsageError, match=r"half\.csv in UTF-8, or in UTF-16.*; save it as UTF-8"):
            read_label_csv(tmp_path / "half.csv")

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(UsageError, match=r"none\.csv, but: No such file or directory; name another by --labels$"):
            read_label_csv(tmp_path / "none.csv")


class TestLabelSource:
    def test_sources(self, csv_of):
        csv = str(csv_of("fname,age,gender,race\n26_0_0_1.jpg,5,,\n"))
        ages = [LabelSource(source).label("26_0_0_1.jpg").age for source in ("utkface", "imdbwiki", csv)]
        assert ages == [26, None, 5]

    def test_unicode_text_of_spreadsheets(self, tmp_path):
        (tmp_path / "labels.txt").write_bytes("fname\tage\nJosé.jpg\t5\n".encode("utf-16"))
        assert LabelSource(str(tmp_path / "labels.txt")).label("José.jpg") == FaceLabel("José.jpg", 5.0)

    def test_images_that_the_csv_does_not_know(self, csv_of):
        source = LabelSource(str(csv_of("fname,age,gender,race\na.jpg,5,,\n")))
        assert source.label("b.jpg") == FaceLabel("b.jpg", problem="not in the label file")

    def test_the_same_name_in_both_forms_of_unicode(self, csv_of):
        source = LabelSource(str(csv_of("fname,age\nJose\u0301.jpg,5\n")))
        assert source.label("Jos\u00e9.jpg") == FaceLabel("Jos\u00e9.jpg", 5.0)

    def test_unknown(self):
        with pytest.raises(
            UsageError, match="expected --labels to be utkface, imdbwiki, agedb, morph or a path ending"
        ):
            LabelSource("adience")

    def test_names_of_another_format_are_told_with_counts(self):
        names = ["0_AnnDoe_35_f.jpg", "1_BobRoe_36_m.jpg", "2_AnnDoe_35_f.jpg", "26_0_0_2017.jpg"]
        with pytest.raises(UsageError) as refused:
            LabelSource("utkface").labels(names)
        assert "format utkface, but only 1 of 4 fit, not '0_AnnDoe_35_f.jpg'" in str(refused.value)
        assert "utkface 1, imdbwiki 0, agedb 3, morph 0" in str(refused.value)
        assert [label.age for label in LabelSource("agedb").labels(names).values()] == [35, 36, 35, None]

    def test_names_of_no_format_are_images_without_labels(self):
        source = LabelSource("utkface")
        assert source.report(source.labels(["holiday.jpg"])) == (
            "labels: 1 of 1 images: the file name is not of this format"
        )

    def test_ill_named_files_among_others_are_counted(self):
        source = LabelSource("utkface")
        labels = source.labels(["61_1_20170109142408075.jpg", "holiday.jpg", "1_1_1_2017.jpg", "2_1_1_2017.jpg"])
        assert source.report(labels) == (
            "labels: 1 of 4 images: file name gives no valid race\n"
            "labels: 1 of 4 images: the file name is not of this format"
        )
        assert source.report(source.labels(["1_1_1_2017.jpg"])) == ""

    def test_rows_and_images_without_each_other_are_counted(self, csv_of):
        source = LabelSource(str(csv_of("fname,age\na.jpg,20-29\nb.jpg,5\nc.jpg,5\nd.jpg,5\n")))
        assert source.report(source.labels(["a.jpg", "b.jpg", "x.jpg"])) == (
            "labels: 1 of 3 images: not in the label file\n"
            "labels: 1 ages are ranges: an error counts from their nearer end, 0 inside\n"
            "labels: 2 of 4 rows of the CSV name no image"
        )
        assert source.unmatched == {"images_without_label": 1, "rows_without_image": 2}

    def test_a_row_that_names_several_images_is_one_row(self, csv_of):
        source = LabelSource(str(csv_of("file_name,real_age\na.jpg,20\nb.jpg,5\n")))
        source.labels(["a.jpg", "elsewhere/a.jpg"])
        assert source.unmatched == {"images_without_label": 0, "rows_without_image": 1}

    def test_photos_beside_their_own_crops_would_count_twice(self, csv_of):
        """As APPA-REAL comes: every person would be estimated twice, under two names."""
        source = LabelSource(str(csv_of("file_name,real_age\na.jpg,20\nb.jpg,5\n")))
        images = ["train/a.jpg", "train/a.jpg_face.jpg", "train/b.jpg", "train/b.jpg_face.jpg"]
        words = r"but 2 rows of .* name two images, such as 'a.jpg' and 'a.jpg_face.jpg'"
        with pytest.raises(UsageError, match=words):
            source.labels(images)
        with pytest.raises(UsageError, match="but 1 rows"):
            source.labels(["photos/a.jpg", "faces/a.jpg_face.jpg", "photos/b.jpg"])
        assert len(source.labels(images[1::2])) == len(source.labels(images[::2])) == 2

    def test_one_name_in_both_forms_of_unicode_would_count_twice(self, csv_of):
        source = LabelSource(str(csv_of("fname,age\nJos\u00e9.jpg,20\n")))
        with pytest.raises(UsageError, match=r"such as 'Jos\\xe9.jpg' and 'Jose\\u0301.jpg'"):
            source.labels(["Jos\u00e9.jpg", "Jose\u0301.jpg"])

    def test_old_and_mixed_line_ends(self, csv_of):
        assert read_label_csv(csv_of("fname,age\ra.jpg,3\rb.jpg,4\r\nc.jpg,5\n")).keys() == {"a.jpg", "b.jpg", "c.jpg"}

    def test_a_csv_of_other_images_is_refused(self, csv_of):
        source = LabelSource(str(csv_of("fname,age\na.jpg,20\nb.jpg,5\n")))
        with pytest.raises(
            UsageError, match=r"of its 2 rows, such as 'a\.jpg', none names one of the 1 images.*'A\.jpg'"
        ):
            source.labels(["A.jpg"])

    def test_origin_names_the_format_or_the_file_and_its_bytes(self, csv_of):
        assert LabelSource("agedb").origin == {"from": "file names, agedb"}
        origin = LabelSource(str(csv_of("fname,age\na.jpg,20\n"))).origin
        assert origin["from"] == "labels.csv"
        assert origin["sha256"] != LabelSource(str(csv_of("fname,age\na.jpg,21\n"))).origin["sha256"]


def test_a_decimal_comma_is_named(csv_of):
    with pytest.raises(UsageError, match=r"line 2: expected age to be a number.*decimals after a point.*'25,5'"):
        read_label_csv(csv_of("fname;age\na.jpg;25,5\n"))


def test_two_spellings_of_a_group_are_refused_where_it_is_compared():
    labels = [FaceLabel("a.jpg", gender="Male", features={"id": "A"}), FaceLabel("b.jpg", gender="Female")]
    assert sensitive_features([*labels, FaceLabel("c.jpg", features={"id": "a"})]) == ("gender",)
    for asked in (None, ["id"]):  # tables of errors have the groups of gender whatever else is asked for
        with pytest.raises(UsageError, match="one spelling of each group of gender, got 'Male' and 'male'"):
            sensitive_features([*labels, FaceLabel("c.jpg", gender="male")], asked)


def test_a_column_with_a_comma_is_kept_and_told_when_it_is_asked_for():
    labels = [FaceLabel("a.jpg", race="Asian", features={"skin, tone": "II"})]
    assert sensitive_features(labels) == ("race",)
    with pytest.raises(UsageError, match="got skin, tone; rename 'skin, tone', no comma can be asked for"):
        sensitive_features(labels, ["skin", "tone"])


def test_sensitive_features():
    labels = [FaceLabel("a.jpg", race="Asian", features={"tone": "II", "empty": None}), FaceLabel("b.jpg")]
    assert sensitive_features(labels) == ("race",)
    assert sensitive_features(labels, ["tone", "race"]) == ("tone", "race")
    with pytest.raises(UsageError, match="columns with labels of these images, race, tone; got empty, gender"):
        sensitive_features(labels, ["empty", "race", "gender"])


def test_a_hint_names_columns_that_can_be_groups_and_no_others():
    # Unlike tones: notes are all different, cameras all the same, "n" is a column of the tables, commas part names.
    rows = [("I", "x", "A", "1", "u"), ("II", "y", "A", "1", "u"), ("II", "z", "A", "2", "v")]
    names = ("skin tone", "note", "camera", "n", "a,b")
    labels = [FaceLabel(f"{i}.jpg", features=dict(zip(names, row, strict=True))) for i, row in enumerate(rows)]
    hint = hint_of_groups(labels)
    assert hint == "no groups are compared; the labels have skin tone: compare by --sensitive 'skin tone'"
    assert hint_of_groups([*labels, FaceLabel("9.jpg", features={"note": "x"})]).endswith(
        " --sensitive 'skin tone,note'"
    )
    assert sensitive_features(labels, ["skin tone"]) == ("skin tone",)
    assert hint_of_groups([FaceLabel("a.jpg", 3)]) == ""

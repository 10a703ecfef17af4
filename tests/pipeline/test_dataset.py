"""The command as people start it: every picture measured or failed with a reason, and the same file each time."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit import __main__
from age_audit.audit.dataset.description import channel_shares
from age_audit.data.image_measures import OF_FACE, OF_PICTURE, images_of, read_image_measures
from age_audit.faces.alignment import landmarks_for_alignment
from age_audit.faces.decoding import decode_image
from age_audit.faces.fingerprints import fingerprint
from age_audit.faces.pose import head_pose
from age_audit.faces.quality import measure
from age_audit.faces.skin_tone import measure_skin_tone

PLAIN, COPY, GREY = "30_1_0_plain.png", "33_1_0_copy.jpg", "77_1_0_grey.png"
FACELESS, DAMAGED = "40_0_3_faceless.png", "20_0_0_damaged.png"


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut_head, hopper_head):
    """A face, a copy of it with another age, a grey one, a picture without a face, and a damaged file."""
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(astronaut_head).save(folder / PLAIN)
    Image.fromarray(astronaut_head).save(folder / COPY, quality=80)
    Image.fromarray(hopper_head).convert("L").save(folder / GREY)
    Image.fromarray(np.indices((64, 64)).sum(axis=0).astype(np.uint8)).save(folder / FACELESS)
    whole = (folder / PLAIN).read_bytes()
    (folder / DAMAGED).write_bytes(whole[: len(whole) // 2])
    return folder


def arguments(photos, output, *options):
    return ["dataset", "--images", str(photos), "--output", str(output), "--metadatasets", str(output), *options]


def rows(output):
    return {row["fname"]: row for row in json.loads((output / "metadataset_utkface_images.json").read_text())}


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    output = tmp_path_factory.mktemp("run") / "out"
    assert __main__.main(arguments(photos, output)) == 0
    return output


def test_every_picture_has_a_row_with_the_same_keys_and_its_reason(run):
    found = rows(run)
    assert list(found) == sorted([PLAIN, COPY, GREY, FACELESS, DAMAGED])
    assert {tuple(row) for row in found.values()} == {
        ("fname", "age_real", "gender_real", "race_real", *OF_PICTURE, *OF_FACE, "cluster", "reason")
    }
    reasons = {name: row["reason"] for name, row in found.items() if row["reason"]}
    assert reasons == {FACELESS: "face/no-face", DAMAGED: "picture/truncated"}
    assert {found[DAMAGED][name] for name in (*OF_PICTURE, *OF_FACE)} == {None}
    assert found[FACELESS]["luminance"] is not None and found[FACELESS]["yaw"] is None


def test_what_is_written_is_what_the_rooms_measure(photos, run):
    image, _ = decode_image((photos / PLAIN).read_bytes())
    row, points = rows(run)[PLAIN], landmarks_for_alignment(image)[0]
    assert {name: row[name] for name in measure(image)} == pytest.approx(measure(image), abs=1e-6)
    assert (row["yaw"], row["roll"]) == pytest.approx((head_pose(points).yaw, head_pose(points).roll), abs=1e-6)
    assert row["individual_typology_angle"] == pytest.approx(measure_skin_tone(image, points).angle, abs=1e-6)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    crop = measure(np.ascontiguousarray(image[top : bottom + 1, left : right + 1]))
    for name in ("luminance", "laplacian_variance", "fft_blur"):
        assert row[f"face_{name}"] == pytest.approx(crop[name], abs=1e-6) and row[f"face_{name}"] != row[name]
    assert (row["width"], row["height"], row["faces_found"]) == (*image.shape[1::-1], 1)
    assert (row["pixels"], int(row["dhash"], 16)) == (fingerprint(image).pixels, fingerprint(image).dhash)
    assert (row["format"], row["mode"], row["orientation"], row["grey"]) == ("PNG", "RGB", 1, False)


def test_a_copy_is_found_and_a_grey_picture_told(run):
    found = rows(run)
    assert found[PLAIN]["cluster"] == found[COPY]["cluster"] is not None
    assert found[PLAIN]["pixels"] != found[COPY]["pixels"]
    assert len({found[name]["cluster"] for name in (PLAIN, GREY, FACELESS)}) == 3
    assert (found[GREY]["grey"], found[GREY]["mode"], found[GREY]["skin_tone"]) == (True, "L", None)
    assert (found[GREY]["individual_typology_angle"], found[GREY]["reason"]) == (None, None)


def test_again_there_is_nothing_to_do_and_more_workers_write_the_same(photos, run, tmp_path, capsys):
    before = (run / "metadataset_utkface_images.json").read_bytes()
    assert __main__.main(arguments(photos, run)) == 0
    said = capsys.readouterr().out
    assert "nothing to do" in said and "5 images = 3 done + 2 failed (face/no-face 1, picture/truncated 1)" in said
    assert (run / "metadataset_utkface_images.json").read_bytes() == before
    assert __main__.main(arguments(photos, tmp_path / "out", "--workers", "2")) == 0
    for name in ("images.json", "images.provenance.json"):
        assert (tmp_path / "out" / f"metadataset_utkface_{name}").read_bytes() == (
            run / f"metadataset_utkface_{name}"
        ).read_bytes()


def test_the_published_preset_changes_two_measures_and_faces_are_left_out_when_not_asked_for(photos, run, tmp_path):
    options = ("--preset", "published", "--steps", "picture", "--limit", "4")
    assert __main__.main(arguments(photos, tmp_path / "out", *options)) == 0
    here, there = rows(tmp_path / "out"), rows(run)
    assert PLAIN in here and GREY not in here
    differ = {name for name in OF_PICTURE if here[PLAIN][name] != there[PLAIN][name]}
    assert differ == {"laplacian_variance", "fft_blur"}
    assert {here[PLAIN][name] for name in OF_FACE} == {None} and here[PLAIN]["reason"] is None
    assert here[FACELESS]["reason"] is None


def test_mean_histograms_of_channels_are_of_each_group(photos, run):
    table = pd.DataFrame(json.loads((run / "metadataset_utkface_channels.json").read_text()))
    assert {(row.feature, row.group): row.n for row in table.itertuples()} == {
        **{("", "all"): 4, ("gender_real", "Male"): 1, ("gender_real", "Female"): 3},
        **{("race_real", "Caucasian"): 3, ("race_real", "Indian"): 1},
    }
    assert table.groupby(["feature", "group", "channel"])["share"].sum().to_numpy() == pytest.approx(1, abs=1e-3)
    image, _ = decode_image((photos / FACELESS).read_bytes())
    reds = table[(table["group"] == "Indian") & (table["channel"] == "red")].set_index("value")["share"]
    assert reds.to_numpy() == pytest.approx(channel_shares(image)[0], abs=1e-6)


def test_copies_are_in_one_set(run):
    dealt = json.loads((run / "metadataset_utkface_splits.json").read_text())["splits"]
    assert sorted(name for names in dealt.values() for name in names) == sorted([PLAIN, COPY, GREY, FACELESS])
    assert any({PLAIN, COPY} <= set(names) for names in dealt.values())


def test_sheets_are_drawn_when_asked_for(photos, run):
    assert __main__.main(arguments(photos, run, "--sheets")) == 0
    with Image.open(run / "contact-sheets" / "luminance.png") as opened:
        assert min(opened.size) > 200
    assert not (run / "contact-sheets" / "orientation.png").exists()


def test_results_of_other_images_are_not_written_over(photos, run, tmp_path, capsys):
    (tmp_path / "others").mkdir()
    Image.new("RGB", (50, 50), "red").save(tmp_path / "others" / "1_0_0_red.png")
    given = ["dataset", "--images", str(tmp_path / "others"), "--output", str(tmp_path / "out")]
    assert __main__.main([*given, "--metadatasets", str(run)]) == 2
    assert "its images are of others" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["skin_tone", "luminance", "cluster", "reason", "pixels", "face_luminance"])
def test_a_label_called_like_a_measure_is_refused_and_nothing_written(photos, tmp_path, capsys, name):
    (tmp_path / "labels.csv").write_text(f"fname,age,camera,{name}\n{PLAIN},30,phone,dark\n")
    assert __main__.main(arguments(photos, tmp_path / "out", "--labels", str(tmp_path / "labels.csv"))) == 2
    assert f"that no measure of a picture is stored under; rename '{name}'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_label_of_ones_own_is_written_beside_the_measures(photos, tmp_path):
    (tmp_path / "labels.csv").write_text(f"fname,age,camera\n{PLAIN},30,phone\n")
    options = ("--labels", str(tmp_path / "labels.csv"), "--steps", "picture", "--sensitive", "camera")
    assert __main__.main(arguments(photos, tmp_path / "out", *options)) == 0
    assert rows(tmp_path / "out")[PLAIN]["camera"] == "phone"


def test_reasons_are_of_all_that_was_measured_whatever_the_last_run_was_asked_for(photos, run):
    written = {name: (run / f"metadataset_utkface_{name}").read_bytes() for name in ("images.json", "splits.json")}
    for steps in ("picture", "face"):
        assert __main__.main(arguments(photos, run, "--steps", steps)) == 0
        for name, content in written.items():
            assert (run / f"metadataset_utkface_{name}").read_bytes() == content


def test_a_limit_leaves_what_earlier_runs_measured_and_says_so(photos, run, tmp_path, capsys):
    output = tmp_path / "out"
    assert __main__.main(arguments(photos, output)) == 0
    assert "metadataset_utkface_images.json holds 5 pictures\n" in capsys.readouterr().out
    assert __main__.main(arguments(photos, output, "--limit", "2")) == 0
    said = capsys.readouterr().out
    assert "holds 5 pictures, 3 of them measured by earlier runs and not among the images of this one" in said
    assert "2 images = 1 done + 1 failed" in said
    assert rows(output) == rows(run)


def test_what_nobody_measured_with_these_parameters_has_no_row_and_is_no_failure(photos, tmp_path, capsys):
    output = tmp_path / "out"
    assert __main__.main(arguments(photos, output, "--steps", "picture")) == 0
    assert __main__.main(arguments(photos, output, "--limit", "2", "--preset", "published")) == 0
    assert list(rows(output)) == [DAMAGED, PLAIN] and "holds 2 pictures\n" in capsys.readouterr().out
    # The face of two alone is asked for: the others have no face that failed.
    assert __main__.main(arguments(photos, output, "--limit", "2")) == 0
    found = rows(output)
    assert len(found) == 5 and {name: row["reason"] for name, row in found.items() if row["reason"]} == {
        DAMAGED: "picture/truncated"
    }
    assert found[PLAIN]["yaw"] is not None and found[GREY]["yaw"] is None
    provenance = json.loads((output / "metadataset_utkface_images.provenance.json").read_text())
    assert provenance["counts"] == {"failed": {"picture/truncated": 1}, "images": 5}


def test_two_pictures_of_one_name_keep_their_own_labels(photos, tmp_path):
    for folder, name in (("a", PLAIN), ("b", GREY)):
        (tmp_path / "images" / folder).mkdir(parents=True)
        (tmp_path / "images" / folder / "x.png").write_bytes((photos / name).read_bytes())
    (tmp_path / "labels.csv").write_text("file,age,gender\na/x.png,20,Male\nb/x.png,70,Female\n")
    options = ("--labels", str(tmp_path / "labels.csv"), "--steps", "picture")
    assert __main__.main(arguments(tmp_path / "images", tmp_path / "out", *options)) == 0
    found = json.loads((tmp_path / "out" / "metadataset_utkface_images.json").read_text())
    assert [(row["age_real"], row["reason"]) for row in found] == [(20, None), (70, "read/duplicate-name")]


def test_the_composition_stands_beside_a_population(photos, run, tmp_path, capsys):
    (tmp_path / "people.csv").write_text(
        "age_from,age_to,gender,share\n0,35,Female,0.05\n36,,Female,0.45\n0,,Male,0.5\n"
    )
    assert __main__.main(arguments(photos, run, "--population", str(tmp_path / "people.csv"))) == 0
    said = capsys.readouterr().out
    table = json.loads((run / "metadataset_utkface_population.json").read_text())
    # Two women of 30 and 33, one of 77; a man of 40 and one of 20, whose file is damaged but whose label counts.
    assert [(row["gender_real"], row["age_from"], row["age_to"], row["images"]) for row in table] == [
        ("Female", 0, 35, 2),
        ("Female", 36, None, 1),
        ("Male", 0, None, 2),
    ]
    assert [row["share"] for row in table] == pytest.approx([0.4, 0.2, 0.4])
    assert [row["differs"] for row in table] == [True, False, False]
    assert "Beside people.csv: the share of these pictures is not the population's in 1 of 3 cells (95 % " in said
    assert "most too many: Female / 0–35 years, 40.0 % (" in said and "population has 5.0 %" in said
    assert "wanting" not in said and "in no cell" not in said


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("gender,share\nFemale,0.5\nMan,0.5\n", "expected gender to be one of Male, Female"),
        ("camera,share\nphone,1\n", r"missing column\(s\) camera"),
        ("gender,share\nFemale,0.5\n", "expected the column share to sum to 1 or 100"),
    ],
)
def test_a_population_that_does_not_fit_is_refused_before_anything_is_measured(photos, tmp_path, capsys, content, told):
    (tmp_path / "people.csv").write_text(content)
    assert __main__.main(arguments(photos, tmp_path / "out", "--population", str(tmp_path / "people.csv"))) == 2
    said = capsys.readouterr()
    assert re.search(told, said.err) and "measured by preset" not in said.out
    assert not (tmp_path / "out" / "metadataset_utkface_images.json").exists()


def test_parquet_holds_the_same_rows_and_takes_the_place_of_json(photos, run, tmp_path, capsys):
    output = tmp_path / "out"
    expected = read_image_measures(run, "utkface")
    assert __main__.main(arguments(photos, output, "--format", "parquet")) == 0
    assert "metadataset_utkface_images.parquet holds 5 pictures" in capsys.readouterr().out
    assert not (output / "metadataset_utkface_images.json").exists() and images_of(output, "utkface") == output
    found = read_image_measures(output, "utkface")
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert found["grey"].dtype == "boolean" and found["cluster"].dtype == "Int64"
    part = output / "metadataset_utkface_images.parquet" / "part-00000.parquet"
    before = part.read_bytes()
    assert __main__.main(arguments(photos, output, "--format", "parquet")) == 0
    assert "nothing to do" in capsys.readouterr().out and part.read_bytes() == before
    assert __main__.main(arguments(photos, output)) == 0
    assert not part.exists() and rows(output) == rows(run)

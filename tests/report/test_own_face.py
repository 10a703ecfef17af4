"""One's own photo: what the page says, what is refused, and that nothing but the page is left."""

import numpy as np
import pytest
from PIL import Image

from age_audit import __main__
from age_audit.core.errors import UsageError
from age_audit.data.metadatasets import write_metadataset
from age_audit.report.own_face import FaceConfig, own_face

MODULE = """
import numpy as np

def estimate(faces):
    '''20 or 28 years: the brighter the picture, the likelier the latter.'''
    bright = faces.mean(axis=(1, 2, 3)) / 255
    answer = np.zeros((len(faces), 101))
    answer[:, 20], answer[:, 28] = 1 - bright, bright
    return answer
"""
HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def folder(tmp_path, monkeypatch, hopper):
    (tmp_path / "own_face_model.py").write_text(MODULE)
    (tmp_path / "photos").mkdir()
    Image.fromarray(hopper).save(tmp_path / "photos" / HOSTILE)
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(tmp_path / "photos" / "wall.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def config(folder, *photos):
    paths = tuple(str(folder / "photos" / name) for name in photos)
    return FaceConfig(paths, folder / "out" / "face.html", "own_face_model:estimate", folder / "nothing")


def test_the_page_tells_the_estimate_the_policies_and_no_more_is_kept(folder):
    before = {path for path in folder.rglob("*") if "__pycache__" not in path.parts}
    told = own_face(config(folder, HOSTILE, "wall.png"))
    age, spread = (float(told.split(words)[0].split()[-1].lstrip("(±")) for words in (" years (", " years, as"))
    bright = (age - 20) / 8  # so the spread is that of a coin that falls so
    assert 20 < age < 25 and abs(spread - 8 * (bright * (1 - bright)) ** 0.5) < 0.1
    assert "wall.png: the frontal face detector found none" in told
    after = {path for path in folder.rglob("*") if "__pycache__" not in path.parts}
    assert after - before == {folder / "out", folder / "out" / "face.html"}
    page = (folder / "out" / "face.html").read_text()
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;.png" in page
    assert page.count("<script") == 0 and page.count("data:image/png;base64,") == 1
    rows = [line for line in page.splitlines() if 'id="policies-' in line]
    # over 18: it passes by the estimate, 20 to 25, whose doubt of some 4 years reaches below 18 or not
    assert "over 18" in rows[0] and ">pass<" in rows[0] and ">does not pass<" not in page
    assert "Challenge 25" in rows[1] and rows[1].count(">ask for a document<") == 2  # with doubt and without
    assert "There are no results of this estimator here" in page


def test_of_two_faces_the_largest_is_taken_and_told(folder, hopper):
    small = Image.fromarray(hopper).resize((hopper.shape[1] // 2, hopper.shape[0] // 2))
    both = Image.new("RGB", (hopper.shape[1] + small.width, hopper.shape[0]))
    both.paste(Image.fromarray(hopper), (0, 0))
    both.paste(small, (hopper.shape[1], 0))
    both.save(folder / "photos" / "two.png")
    own_face(config(folder, "two.png"))
    assert "2 faces were found in this photo; the largest was taken." in (folder / "out" / "face.html").read_text()


@pytest.fixture
def turned(astronaut):
    """In it a patch on the sleeve is taken for a face, as large as the face, and lost when it is turned upright."""
    side = round(512 * 0.93)
    return np.array(Image.fromarray(astronaut).resize((side, side)).rotate(4.6))


def test_a_pattern_taken_for_a_face_gives_way_to_the_face(folder, turned):
    Image.fromarray(turned).save(folder / "photos" / "turned.png")
    own_face(config(folder, "turned.png"))
    told = (
        "2 faces were found in this photo; the largest that was found again with the picture turned upright was taken"
    )
    assert told in (folder / "out" / "face.html").read_text()


def test_a_pattern_without_a_face_is_told_in_plain_words(folder, turned):
    turned[60:180, 130:260] = 0
    Image.fromarray(turned).save(folder / "photos" / "sleeve.png")
    with pytest.raises(
        UsageError, match=r"sleeve.png: 1 found that may be a face, but none is found again with the pic"
    ):
        own_face(config(folder, "sleeve.png"))


def test_photos_of_one_name_are_told_apart_by_their_folders(folder, hopper):
    (folder / "photos" / "x").mkdir()
    for name in ("face.png", "x/face.png", "other.png"):
        Image.fromarray(hopper).save(folder / "photos" / name)
    told = own_face(config(folder, "face.png", "x/face.png", "other.png")).splitlines()
    expected = [folder / "photos" / "face.png", folder / "photos" / "x" / "face.png", "other.png"]
    assert [line.split(": ")[0] for line in told[:3]] == [str(name) for name in expected]
    page = (folder / "out" / "face.html").read_text()
    assert all(f">{name}</p>" in page for name in expected)
    assert "Years that each part adds to the estimate" in page


def test_the_same_photo_gives_the_same_page(folder):
    pages = []
    for _ in range(2):
        own_face(config(folder, HOSTILE))
        pages.append((folder / "out" / "face.html").read_bytes())
        (folder / "out" / "face.html").unlink()
    assert pages[0] == pages[1]


def test_a_photo_without_a_face_is_told(folder):
    with pytest.raises(UsageError, match=r"expected a photo with a face that is found, got wall\.png: .*; try another"):
        own_face(config(folder, "wall.png"))


def test_a_photo_that_is_not_there_is_told_by_the_command(folder, capsys):
    assert __main__.main(["face", "nobody.jpg", "--estimator", "own_face_model:estimate"]) == 2
    assert "expected a photo at nobody.jpg, there is no such file" in capsys.readouterr().err
    assert __main__.main(["face", "photos", "--estimator", "own_face_model:estimate"]) == 2
    assert "expected a photo at photos, it is a folder; name the pictures in it" in capsys.readouterr().err


@pytest.mark.parametrize("preset", ["published", "audit"])
def test_results_of_either_preset_say_what_an_estimate_is_worth(folder, preset):
    estimator = {"name": "own_face_model:estimate"}
    content = {"predictions": {f"{i}_1_0_0.jpg": 24.0 for i in range(20, 60)}}
    made_by = {"dataset": "utkface", "estimator": estimator, "preset": preset}
    write_metadataset(folder / "nothing", "utkface", "predictions", content, made_by)
    own_face(config(folder, HOSTILE))
    assert "Of 40 faces of UTKFace that it judges within 2.5 years" in (folder / "out" / "face.html").read_text()

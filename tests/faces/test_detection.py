"""Detection and cropping."""

import dlib
import numpy as np
import pytest
from PIL import Image

from age_audit.core.errors import ImageFailure
from age_audit.core.schema import FaceBox
from age_audit.faces.detection import MIN_SIDE, _take_with_border, crop_face, detect_faces, nearest_face


def scaled(image, side):
    return np.array(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))


@pytest.fixture(scope="module")
def pair(astronaut_head, hopper_head):
    """A small face on the left and a face twice its size on the right."""
    image = np.full((320, 560, 3), 128, dtype=np.uint8)
    image[100:260, 10:170] = scaled(astronaut_head, 160)
    image[10:310, 230:530] = scaled(hopper_head, 300)
    return image


class TestTakeWithBorder:
    IMAGE = np.array([[1, 2, 3], [4, 5, 6]])

    def test_off_the_image_on_every_side(self):
        # rows -1..2 of 0..1, columns -2..3 of 0..2
        expected = [[1, 1, 1, 2, 3, 3], [1, 1, 1, 2, 3, 3], [4, 4, 4, 5, 6, 6], [4, 4, 4, 5, 6, 6]]
        assert _take_with_border(self.IMAGE, -2, -1, 4, 3).tolist() == expected

    def test_inside_is_a_plain_slice(self):
        assert _take_with_border(self.IMAGE, 1, 0, 3, 2).tolist() == [[2, 3], [5, 6]]

    def test_wholly_outside_repeats_the_nearest_pixel(self):
        assert _take_with_border(self.IMAGE, 5, -3, 7, -1).tolist() == [[3, 3], [3, 3]]


class TestDetectFaces:
    def test_portrait(self, hopper):
        (box,) = detect_faces(hopper)
        (theirs,) = dlib.get_frontal_face_detector()(np.array(hopper), 1)
        assert (box.left, box.top) == (theirs.left(), theirs.top())
        assert (box.width, box.height) == (theirs.width(), theirs.height())
        # Her face, by eye: from the hairline at 130 to the chin at 340, centred on x = 270.
        assert 130 <= box.top <= 180 and 300 <= box.bottom <= 360
        assert abs((box.left + box.right) / 2 - 272) < 15

    def test_largest_first(self, pair):
        boxes = detect_faces(pair)
        assert len(boxes) == 2
        assert boxes[0].left > 230 and boxes[1].right < 180
        assert boxes[0].width > 1.5 * boxes[1].width

    def test_order_does_not_depend_on_the_side(self, pair):
        boxes = detect_faces(pair[:, ::-1])
        assert boxes[0].right < 330 and boxes[1].left > 380

    def test_grey_image(self, hopper):
        assert len(detect_faces(np.asarray(Image.fromarray(hopper).convert("L")))) == 1

    @pytest.mark.parametrize(
        "shape", [(1, 1), (MIN_SIDE - 1, 300), (300, MIN_SIDE - 1), (MIN_SIDE, MIN_SIDE), (9, 400)]
    )
    def test_tiny_image_holds_none(self, shape):
        assert detect_faces(np.zeros((*shape, 3), dtype=np.uint8)) == []

    def test_huge_photo_is_not_doubled(self, monkeypatch):
        asked = []
        monkeypatch.setattr(
            "age_audit.faces.detection._detector", lambda: lambda _, upsample: asked.append(upsample) or []
        )
        detect_faces(np.zeros((2000, 4001, 3), dtype=np.uint8))
        detect_faces(np.zeros((2000, 4000, 3), dtype=np.uint8))
        assert asked == [0, 1]


@pytest.mark.parametrize(
    ("point", "reach", "expected"),
    [
        ((5, 5), 0, 0),
        ((5, 5), 100, 0),
        ((13, 9), 8.9, None),
        ((13, 9), 9, 0),
        ((30, 50), 20, 1),
        ((30, 50), 19.9, None),
    ],
)
def test_nearest_face(point, reach, expected):
    boxes = [FaceBox(0, 0, 10, 10), FaceBox(20, 20, 40, 40)]  # centres (5, 5) and (30, 30)
    assert nearest_face(boxes, point, reach) == (None if expected is None else boxes[expected])
    assert nearest_face([], point, reach) is None


class TestCropFace:
    def test_takes_the_largest_and_counts_all(self, pair):
        crop = crop_face(pair)
        assert crop.faces_found == 2 and crop.box == detect_faces(pair)[0]
        assert crop.image.shape == (224, 224, 3) and crop.image.dtype == np.uint8

    def test_takes_the_one_that_is_meant_however_small(self, pair):
        large, small = detect_faces(pair)
        crop = crop_face(pair, near=(90, 180), reach=60)
        assert crop.faces_found == 2 and crop.box == small
        assert crop_face(pair, near=(380, 160), reach=60).box == large

    def test_another_face_does_not_stand_in_for_it(self, pair):
        with pytest.raises(
            ImageFailure, match="aligned-face-lost: 2 found after alignment, none of them the aligned one"
        ):
            crop_face(pair, near=(250, 20), reach=60)

    def test_margin_of_40_percent_on_each_side(self, hopper, monkeypatch):
        monkeypatch.setattr("age_audit.faces.detection.detect_faces", lambda _: [FaceBox(100, 200, 200, 300)])
        # 100 wide: from 60 to 240 across, from 160 to 340 down; asked for 180 x 180 nothing is resampled
        np.testing.assert_array_equal(crop_face(hopper, size=180).image, hopper[160:340, 60:240])

    def test_margin_off_the_image_repeats_the_border(self, hopper, monkeypatch):
        monkeypatch.setattr("age_audit.faces.detection.detect_faces", lambda _: [FaceBox(0, 0, 100, 100)])
        crop = crop_face(hopper, size=180).image
        np.testing.assert_array_equal(crop[40:, 40:], hopper[:140, :140])
        np.testing.assert_array_equal(crop[40:, :40], np.repeat(hopper[:140, :1], 40, axis=1))
        assert (crop[:40, :40] == hopper[0, 0]).all()

    def test_face_that_fills_its_image_is_kept(self, hopper):
        (box,) = detect_faces(hopper)
        tight = hopper[box.top - 20 : box.bottom + 20, box.left - 20 : box.right + 20]
        crop = crop_face(tight)
        assert crop.box.left - 0.4 * crop.box.width < 0  # slicing with this negative index would lose the face
        assert detect_faces(crop.image)

    @pytest.mark.parametrize("image", [np.zeros((1, 1, 3)), np.full((200, 200, 3), 90)])
    def test_no_face(self, image):
        with pytest.raises(ImageFailure) as caught:
            crop_face(image.astype(np.uint8))
        assert caught.value.reason == "no-face"

    def test_input_is_left_alone(self, hopper):
        before = hopper.copy()
        crop_face(hopper)
        np.testing.assert_array_equal(hopper, before)


def test_utkface_is_not_lost_at_its_borders(utkface):
    found = 0
    for path in utkface:
        try:
            found += crop_face(np.array(Image.open(path).convert("RGB"))).faces_found > 0
        except ImageFailure as failure:
            assert failure.reason == "no-face"
    assert found >= 0.9 * len(utkface)

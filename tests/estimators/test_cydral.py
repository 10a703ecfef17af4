"""The ResNet-10 age predictor and its chips."""

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators import cydral as module
from age_audit.estimators import entries


def test_sensible_ages(cydral, crops):
    # The chip at its best place: Eileen Collins was 42, Grace Hopper 77.
    ages = cydral.predict(crops).age
    assert 22 < ages[0] < 47 and 67 < ages[1] <= 81


def test_same_age_as_by_dlib_and_onnxruntime_alone(cydral, crops):
    import dlib
    import onnxruntime

    from age_audit.faces import chips

    session = onnxruntime.InferenceSession(str(entries.ENTRIES["cydral-resnet10"].weights()))
    for crop, age in zip(crops, cydral.predict(crops).age, strict=True):
        crop = np.ascontiguousarray(crop)
        landmarks = chips._predictor()(crop, dlib.rectangle(50, 50, 173, 173))
        chip = dlib.get_face_chip(crop, landmarks, size=64, padding=0.2).astype(np.float32)
        pixels = (chip - np.array([122.782, 117.001, 104.298], dtype=np.float32)) / 256
        (probabilities,) = session.run(None, {"images": pixels.transpose(2, 0, 1)[None]})
        years = np.r_[0.25, 1:81]
        assert age == pytest.approx(float(probabilities[0] @ years), abs=0.5)  # dlib rounds its chips down


def test_what_the_network_is_fed(cydral, crops):
    fed = []

    class Session:
        def run(self, _, feeds):
            fed.append(feeds["images"])
            return [np.full((len(feeds["images"]), 81), 1 / 81, dtype=np.float32)]

    flat = np.tile(np.array([10, 120, 250], dtype=np.uint8), (2, 224, 224, 1))
    sampler = module.chip_sampler(crops[0], module.CHIP_SIZE, module.CHIP_PADDING)
    type(cydral)(Session(), cydral.classes, cydral._means, sampler).predict(flat)
    assert fed[0].shape == (2, 3, 64, 64) and fed[0].dtype == np.float32
    # RGB means of dlib's networks, then division by 256
    expected = (np.array([10, 120, 250]) - [122.782, 117.001, 104.298]) / 256
    np.testing.assert_allclose(fed[0], np.broadcast_to(expected[:, None, None], fed[0].shape), atol=1e-5)


def test_bound_to_a_face_it_answers_the_same_for_that_face(cydral, crops):
    for crop in crops:
        bound = cydral.bind(crop)
        np.testing.assert_allclose(bound.predict(crop[None]).age, cydral.predict(crop[None]).age, rtol=1e-5)


def test_bound_the_chip_does_not_move_with_the_mask(cydral, crops):
    masked = crops[1].copy()
    masked[60:110] = 0  # the eyes, by which chips are placed
    bound = cydral.bind(crops[1]).predict(masked[None]).age
    sampler = module.chip_sampler(crops[1], module.CHIP_SIZE, module.CHIP_PADDING)
    by_hand = type(cydral)(cydral._session, cydral.classes, cydral._means, sampler).predict(masked[None]).age
    np.testing.assert_array_equal(bound, by_hand)
    assert abs(cydral.predict(masked[None]).age - bound) > 0.5


def test_bound_answers_are_the_same_in_whatever_batch(cydral, many_faces):
    bound = cydral.bind(many_faces[0])
    whole = bound.predict(many_faces).probabilities
    for chosen in ([0], [32], [7, 3], [1, 2, 3, 4, 5]):
        np.testing.assert_array_equal(bound.predict(many_faces[chosen]).probabilities, whole[chosen])


def test_another_precision_is_refused():
    with pytest.raises(UsageError, match="float32 only, got precision 'bfloat16'"):
        module.load_cydral_resnet10("bfloat16")


def test_another_weight_file_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    tampered = tmp_path / "age-v1.onnx"
    tampered.write_bytes(b"something else")
    monkeypatch.setattr(entries, "package_file", lambda *_: tampered)
    (digest,) = entries.ENTRIES["cydral-resnet10"].weights_hash.split(":")[1:]
    with pytest.raises(UsageError, match=rf"age-v1\.onnx: expected sha256 {digest}, found"):
        module.load_cydral_resnet10()

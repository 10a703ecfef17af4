"""Preset ``published`` against the ``lime`` package, which the study called."""

import hashlib

import numpy as np
import pytest

from age_audit.core.schema import AgeEstimate
from age_audit.explain import LimeExplainer
from age_audit.explain.superpixels import classifier_image


class Remembering:
    """Asks an estimator about every face once, and then remembers its answer."""

    def __init__(self, estimator):
        self._estimator, self._known = estimator, {}

    def predict(self, faces):
        keys = [hashlib.sha256(face.astype(np.float32).tobytes()).digest() for face in faces]
        new = [i for i, key in enumerate(keys) if key not in self._known]
        if new:
            probabilities = self._estimator.predict(faces[new]).probabilities
            self._known |= {keys[i]: row for i, row in zip(new, probabilities, strict=True)}
        return AgeEstimate(np.zeros(len(faces)), np.stack([self._known[key] for key in keys]), self._estimator.classes)

    def __len__(self):
        return len(self._known)


@pytest.mark.parametrize(("name", "face_number"), [pytest.param("dex_wrn", 0, marks=pytest.mark.long), ("cydral", 1)])
def test_same_explanation_as_lime(request, crops, name, face_number):
    from lime.lime_image import LimeImageExplainer

    estimator, face = request.getfixturevalue(name), crops[face_number]
    asked = Remembering(estimator.bind(face) if hasattr(estimator, "bind") else estimator)
    ours = LimeExplainer(asked, "published").explain(face)
    assert len(asked) == 100

    theirs = LimeImageExplainer(random_state=42, feature_selection="forward_selection").explain_instance(
        classifier_image(face, rescale=True),
        lambda faces: asked.predict(faces).probabilities,
        top_labels=1,
        hide_color=0,
        num_samples=100,
        num_features=10_000,
    )
    assert len(asked) == 100  # they made the same hundred masked faces, bit for bit
    (top,) = theirs.top_labels
    assert ours.target == f"class:{top}"
    np.testing.assert_array_equal(ours.segments, theirs.segments)
    expected = np.zeros(len(ours.weights))
    for superpixel, weight in theirs.local_exp[top]:
        expected[superpixel] = weight
    # Probabilities of a class are small: equal to a millionth, and to a millionth of the largest weight.
    np.testing.assert_allclose(ours.weights, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours.weights, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert ours.intercept == pytest.approx(theirs.intercept[top], rel=1e-6)
    assert ours.score == pytest.approx(theirs.score, rel=1e-6)

    _, mask = theirs.get_image_and_mask(top, positive_only=False, num_features=10_000)
    assert set(np.unique(mask)) == {-1, 1}
    np.testing.assert_array_equal(ours.positive_mask, mask == 1)
    np.testing.assert_array_equal(ours.negative_mask, mask == -1)
    assert ours.interval is None and ours.settled is None

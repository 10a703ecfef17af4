"""Class activation maps against tf-keras-vis, the library that has them on TensorFlow."""

import keras
import numpy as np
import pytest

from age_audit.estimators.base import EstimatorInfo
from age_audit.estimators.keras_model import KerasEstimator
from age_audit.estimators.targets import parse_target
from age_audit.explain.base import on_canvas
from age_audit.explain.grad_cam import GradCamExplainer
from age_audit.explain.grad_cam_plus_plus import GradCamPlusPlusExplainer
from age_audit.explain.parameters import CamParameters, ScoreCamParameters, SmoothGradParameters
from age_audit.explain.score_cam import ScoreCamExplainer
from age_audit.explain.smooth_grad import SmoothGradExplainer

TARGET = parse_target("class:0")


@pytest.fixture(scope="module")
def network():
    """224 x 224 to five classes, so that the library sees the same pixels as the estimator."""

    def drawn(seed):
        return keras.initializers.RandomNormal(stddev=0.3, seed=seed)

    faces = keras.Input((224, 224, 3))
    x = keras.layers.Conv2D(6, 9, 8, activation="relu", kernel_initializer=drawn(1))(faces / 255.0)
    x = keras.layers.Conv2D(10, 3, 2, activation="relu", kernel_initializer=drawn(2), name="last")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(faces, keras.layers.Dense(5, "softmax", kernel_initializer=drawn(4))(x))


@pytest.fixture(scope="module")
def estimator(network):
    return KerasEstimator(network, EstimatorInfo("net", "none", 224, "RGB", (0.0, 255.0)), np.arange(5.0))


def theirs(kind, network, face, **options):
    import tf_keras_vis.gradcam
    import tf_keras_vis.gradcam_plus_plus
    import tf_keras_vis.scorecam
    from tf_keras_vis.utils.scores import CategoricalScore

    made = {
        "cam": tf_keras_vis.gradcam.Gradcam,
        "cam++": tf_keras_vis.gradcam_plus_plus.GradcamPlusPlus,
        "score": tf_keras_vis.scorecam.Scorecam,
    }[kind](network)
    score = options.pop("score", CategoricalScore([0]))
    found = made(score, face[None].astype(np.float32), penultimate_layer="last", normalize_cam=False, **options)
    return np.asarray(found)[0]


@pytest.mark.parametrize(("kind", "ours"), [("cam", GradCamExplainer), ("cam++", GradCamPlusPlusExplainer)])
def test_as_tf_keras_vis_has_them(kind, ours, network, estimator, crops):
    coarse = theirs(kind, network, crops[0], expand_cam=False)
    maps, gradients = (array[0].astype(float) for array in estimator.last_maps(crops[:1], TARGET))
    found = ours.coarse(maps, gradients)
    assert found.shape == coarse.shape == (13, 13) and found.max() > 0
    np.testing.assert_allclose(found / found.max(), coarse / coarse.max(), atol=2e-4)
    if kind == "cam":
        np.testing.assert_allclose(found, coarse, rtol=1e-3, atol=1e-9)
    whole = ours(estimator, CamParameters()).explain(crops[0], TARGET)
    np.testing.assert_allclose(whole.map, on_canvas(found[..., None], 224)[..., 0], atol=1e-9)


def test_score_cam_is_tf_keras_vis_but_for_the_black_picture(network, estimator, crops):
    # Theirs takes a softmax of what the model says; of the logarithms of probabilities that is the probabilities again.
    logs = keras.Model(network.input, keras.ops.log(network.output))
    black, raised = network.predict(np.zeros((1, 224, 224, 3)), verbose=0)[0], 0
    for number in range(5):
        options = {"activation_modifier": None, "score": lambda p, i=number: p[:, i] - black[i]}
        coarse = theirs("score", logs, crops[0], expand_cam=False, **options)
        wanted = np.maximum(on_canvas(coarse[..., None].astype(float), 224)[..., 0], 0)
        found = ScoreCamExplainer(estimator, ScoreCamParameters(most=0)).explain(crops[0], f"class:{number}").map
        # Theirs enlarges the maps by another rule at the edges.
        np.testing.assert_allclose(found, wanted, atol=0.1 * wanted.max() + 1e-4)
        raised += wanted.max() > 0.01 and np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.98
    assert raised


def test_fewer_maps_are_those_that_vary_most(estimator, crops):
    maps = estimator.last_maps(crops[:1], TARGET)[0][0]
    shown = on_canvas(maps[..., np.sort(np.argsort(-maps.std(axis=(0, 1)))[:4])].astype(float), 224)
    scaled = (shown - shown.min(axis=(0, 1))) / np.ptp(shown, axis=(0, 1))
    black = estimator.predict(np.zeros((1, 224, 224, 3), np.uint8)).probabilities[0, 0]
    weights = [estimator.predict((crops[0] * scaled[..., i, None])[None]).probabilities[0, 0] - black for i in range(4)]
    found = ScoreCamExplainer(estimator, ScoreCamParameters(most=4)).explain(crops[0], TARGET)
    np.testing.assert_allclose(found.map, np.maximum(shown @ np.array(weights), 0), atol=1e-4 * found.map.max())


def test_smooth_grad_without_noise_is_tf_keras_vis_saliency(network, estimator, crops):
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.scores import CategoricalScore

    saliency = Saliency(network)(CategoricalScore([0]), crops[:1].astype(np.float32), normalize_map=False)
    saliency = np.asarray(saliency)[0]
    found = SmoothGradExplainer(estimator, SmoothGradParameters(num_samples=2, noise=0)).explain(crops[0], TARGET)
    np.testing.assert_allclose(found.map, saliency, rtol=1e-3, atol=1e-4 * saliency.max())


def test_smooth_grad_is_the_mean_over_noisy_faces(estimator, crops):
    explainer = SmoothGradExplainer(estimator, SmoothGradParameters(num_samples=5, noise=0.1), seed=3)
    noise = explainer._generator(crops[0]).standard_normal((5, 224, 224, 3), dtype=np.float32)
    reach = np.float32(0.1 * (int(crops[0].max()) - int(crops[0].min())))
    one_by_one = [estimator.gradients((crops[0] + reach * one)[None], TARGET)[0] for one in noise]
    found = explainer.explain(crops[0], TARGET)
    np.testing.assert_allclose(found.map, np.abs(np.mean(one_by_one, axis=0)).max(axis=-1), rtol=1e-3, atol=1e-12)


def test_maps_cover_the_view_only(crops):
    faces = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(faces)
    ages = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x))
    info = EstimatorInfo("narrow", "none", 32, "RGB", (0.0, 255.0))
    narrow = KerasEstimator(keras.Model(faces, ages), info, np.zeros(0), output="ages", view=100)
    for explainer in (
        GradCamExplainer(narrow, CamParameters()),
        SmoothGradExplainer(narrow, SmoothGradParameters(num_samples=2)),
    ):
        found = explainer.explain(crops[0]).map
        assert (found[:62] == 0).all() and (found[:, 162:] == 0).all()
        assert found[62:162, 62:162].max() >= 0


def test_bilinear_enlargement_keeps_constants_and_slopes():
    assert (on_canvas(np.full((7, 7, 2), 3.0), 224) == 3).all()
    ramp = on_canvas(np.arange(4.0)[None, :, None] * np.ones((4, 1, 1)), 224)[0, :, 0]
    np.testing.assert_allclose(ramp[28:196], (np.arange(28, 196) + 0.5) / 56 - 0.5)  # between the middles of the cells

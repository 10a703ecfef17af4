"""Both presets with estimators whose answer is known in closed form."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from age_audit.core.config import PRESETS
from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate
from age_audit.explain import LimeExplainer
from age_audit.explain.design import paley_design, random_design
from age_audit.explain.regression import LocalModel

CLASSES = np.arange(101.0)


class Planted:
    """Ages from a function of the faces, and a little noise that depends on the face's bytes alone."""

    def __init__(self, years, noise=0.0):
        self.years, self.noise, self.seen = years, noise, []

    def predict(self, faces):
        self.seen.append(faces)
        ages = self.years(faces) + [self.noise * self._draw(face) for face in faces]
        probabilities = np.exp(-((CLASSES - ages[:, None]) ** 2) / 50)
        return AgeEstimate(ages, probabilities / probabilities.sum(axis=1, keepdims=True), CLASSES)

    @staticmethod
    def _draw(face):
        seed = int.from_bytes(hashlib.sha256(np.ascontiguousarray(face).tobytes()).digest()[:8], "little")
        return np.random.default_rng(seed).normal()


TOP_LEFT, BOTTOM_RIGHT = np.zeros((2, 224, 224), dtype=bool)


TOP_LEFT[:112, :112] = BOTTOM_RIGHT[112:, 112:] = True


@pytest.fixture(scope="module")
def face(crops):
    return crops[0]


def assert_found(attribution, truth):
    """The planted weights are there, settled and of the right sign; what was not planted is mostly unsettled."""
    large, none = np.abs(truth) > 1, truth == 0
    assert large.sum() >= 4 and none.sum() >= 8
    np.testing.assert_allclose(attribution.weights[large], truth[large], rtol=0.15)
    np.testing.assert_allclose(attribution.weights, truth, atol=0.3)
    assert attribution.settled[large].all()
    assert attribution.settled[none].mean() <= 0.2
    positive, negative = attribution.positive_mask, attribution.negative_mask
    np.testing.assert_array_equal(positive, (attribution.settled & (attribution.weights > 0))[attribution.segments])
    np.testing.assert_array_equal(negative, (attribution.settled & (attribution.weights < 0))[attribution.segments])
    assert not (positive & negative).any() and not (positive | negative).all()
    assert positive.any() and negative.any()


@pytest.fixture(scope="module")
def years(face):
    """Years for every part of two quarters that is seen as it is: 12 for the top left, -9 for the bottom right."""

    def function(faces):
        seen = (faces == face).all(axis=3)
        return 40 + 12 * seen[:, TOP_LEFT].mean(axis=1) - 9 * seen[:, BOTTOM_RIGHT].mean(axis=1)

    return function


def one_pixel(faces):
    """Ages that cost nothing, where only the questions matter."""
    return 30 + faces[:, 0, 0, 0] / 9.0


@pytest.fixture(scope="module")
def explained(face, years):
    return LimeExplainer(Planted(years, noise=0.3), "audit").explain(face)


class TestAudit:
    def test_recovers_the_planted_years(self, face, explained):
        assert explained.target == "expected_age"
        hidden = np.zeros_like(face)
        for s in range(len(explained.weights)):
            hidden[explained.segments == s] = np.rint(face[explained.segments == s].mean(axis=0))
        changed = (hidden != face).any(axis=2)  # a pixel of the mean colour is seen as it is even when hidden
        truth = np.array(
            [
                12 * (changed & (explained.segments == s))[TOP_LEFT].mean()
                - 9 * (changed & (explained.segments == s))[BOTTOM_RIGHT].mean()
                for s in range(len(explained.weights))
            ]
        )
        assert_found(explained, truth)
        assert explained.score > 0.9

    def test_recovers_planted_brightness_where_hidden_is_black(self, face):
        """20 years a unit of mean brightness of the top left, -20 of the bottom right; linear in what is shown."""

        def years(faces):
            grey = faces.mean(axis=3) / 255
            return 40 + 20 * grey[:, TOP_LEFT].mean(axis=1) - 20 * grey[:, BOTTOM_RIGHT].mean(axis=1)

        parameters = replace(PRESETS["audit"], hidden="black")
        attribution = LimeExplainer(Planted(years, noise=0.2), parameters=parameters).explain(face)
        grey = face.mean(axis=2) / 255
        truth = np.array(
            [
                20 * ((grey * (attribution.segments == s))[TOP_LEFT].mean())
                - 20 * ((grey * (attribution.segments == s))[BOTTOM_RIGHT].mean())
                for s in range(len(attribution.weights))
            ]
        )
        assert_found(attribution, truth)

    def test_intervals_hold_the_weights_and_say_what_is_settled(self, explained):
        low, high = explained.interval.T
        assert explained.interval.shape == (len(explained.weights), 2)
        assert (low < explained.weights).all() and (explained.weights < high).all()
        np.testing.assert_array_equal(explained.settled, (low > 0) | (high < 0))

    def test_same_face_same_bits(self, face, years, explained):
        again = LimeExplainer(Planted(years, noise=0.3), "audit").explain(face.copy())
        np.testing.assert_array_equal(again.weights, explained.weights)
        np.testing.assert_array_equal(again.segments, explained.segments)

    def test_another_seed_asks_other_questions(self, face, years, explained):
        other = LimeExplainer(Planted(years, noise=0.3), "audit", seed=43).explain(face)
        np.testing.assert_array_equal(other.segments, explained.segments)
        assert (other.weights != explained.weights).any()
        np.testing.assert_allclose(other.weights, explained.weights, atol=0.4)

    def test_another_face_is_asked_other_questions(self, face, monkeypatch):
        designs = []

        def recording(*arguments):
            designs.append(paley_design(*arguments))
            return designs[-1]

        monkeypatch.setattr("age_audit.explain.lime.paley_design", recording)
        changed = face.copy()
        changed[223, 223, 2] ^= 1
        for shown in (face, face, changed):
            LimeExplainer(Planted(one_pixel), "audit").explain(shown)
        np.testing.assert_array_equal(designs[0], designs[1])
        assert designs[0].shape == designs[2].shape and (designs[0] != designs[2]).any()

    def test_the_estimator_sees_bytes_on_a_balanced_design(self, face, years):
        estimator = Planted(years)
        LimeExplainer(estimator, "audit").explain(face)
        assert {batch.dtype for batch in estimator.seen} == {np.dtype(np.uint8)}
        assert max(map(len, estimator.seen)) <= 32
        faces = np.concatenate(estimator.seen)
        assert len(faces) == 256
        kept = (faces == face).all(axis=3)
        # A face and the one 128 later show opposite superpixels: every pixel is as it is in one of them at least.
        assert (kept[:128] | kept[128:]).all()

    def test_an_interval_that_ends_at_0_settles_nothing(self, face):
        attribution = LimeExplainer(Planted(lambda faces: np.zeros(len(faces))), "audit").explain(face)
        assert not attribution.interval.any() and not attribution.settled.any()

    def test_ages_alone_are_enough(self, face):
        estimator = Planted(one_pixel)
        estimator.gives_classes = False
        assert LimeExplainer(estimator, "audit").explain(face).target == "expected_age"


def until(**changes):
    return replace(PRESETS["audit"], until_settled=0.9, **changes)


class TestUntilSettled:
    def test_stops_at_the_first_look_where_all_is_settled(self, face):
        estimator = Planted(lambda faces: 40 + (faces[..., 0] * np.linspace(1, 2, 224)).mean(axis=(1, 2)))
        parameters = until(num_samples=1024, hidden="black")
        attribution = LimeExplainer(estimator, parameters=parameters).explain(face)
        assert attribution.samples == sum(map(len, estimator.seen)) == 256
        assert (attribution.positive_mask | attribution.negative_mask).mean() >= 0.9

    @pytest.mark.parametrize("samples", [256, 512, 1024])
    def test_spends_the_budget_where_nothing_can_be_settled(self, face, samples):
        estimator = Planted(lambda faces: np.full(len(faces), 40.0), noise=1)
        attribution = LimeExplainer(estimator, parameters=until(num_samples=samples)).explain(face)
        seen = np.concatenate(estimator.seen)
        assert attribution.samples == len(seen) == samples
        undecided = ~(attribution.positive_mask | attribution.negative_mask)
        assert undecided.mean() > 0.9  # and what is undecided is in neither mask
        assert not attribution.settled[attribution.segments[undecided]].any()
        # Each look asks as much again, in whole foldovers: a row and its complement show every pixel as it is.
        kept = (seen == face).all(axis=3)
        for of_look in np.split(kept, [256, 512][: samples // 256 - 1]):
            first, second = np.split(of_look, 2)
            assert (first | second).all()
        assert len({rows.tobytes() for rows in np.split(kept, samples // 128)}) == samples // 128  # each of them new

    def test_every_look_has_its_part_of_the_rate(self, face, years):
        """The first look of three asks what the preset asks, and is surer before it settles."""
        alone = LimeExplainer(Planted(years, noise=0.3), "audit").explain(face)
        estimator = Planted(years, noise=0.3)
        # Few superpixels are needed to stop: at the first look, whose level is that of a third of 5 %.
        parameters = replace(until(num_samples=1024), until_settled=0.01)
        first = LimeExplainer(estimator, parameters=parameters).explain(face)
        assert first.samples == 256
        np.testing.assert_array_equal(first.weights, alone.weights)
        third = LimeExplainer(Planted(years, noise=0.3), parameters=replace(PRESETS["audit"], confidence=1 - 0.05 / 3))
        np.testing.assert_allclose(first.interval, third.explain(face).interval, rtol=1e-12)
        assert (np.ptp(first.interval, axis=1) > np.ptp(alone.interval, axis=1)).all()

    def test_more_samples_settle_more(self, face, years):
        few = LimeExplainer(Planted(years, noise=2), "audit").explain(face)
        many = LimeExplainer(Planted(years, noise=2), parameters=until(num_samples=1024)).explain(face)
        assert many.samples == 1024 and many.settled.sum() > few.settled.sum()
        assert few.samples is None

    @pytest.mark.parametrize("change", [{"settled_only": False}, {"settled_by": "interval"}, {"target": "top-class"}])
    def test_wants_one_target_and_a_rate_to_share(self, change):
        with pytest.raises(UsageError, match="expected until_settled with settled_only"):
            LimeExplainer(Planted(None), parameters=until(**change))

    def test_samples_that_would_not_be_made_are_refused(self):
        with pytest.raises(UsageError, match=r"such as 512 or 1024, .* got 1000"):
            LimeExplainer(Planted(None), parameters=until(num_samples=1000))


def test_random_rows_settle_nothing():
    """Their errors cannot be read off pairs, for there are none."""
    with pytest.raises(UsageError, match=r"paley or balanced, with settled_only.* got random"):
        LimeExplainer(Planted(None), parameters=replace(PRESETS["audit"], design="random"))
    LimeExplainer(Planted(None), parameters=replace(PRESETS["audit"], design="random", settled_only=False))


def test_the_rule_before_is_still_there(face, years):
    """Results that ship were made with it; provenance states its parameters."""
    before = replace(PRESETS["audit"], design="balanced", settled_by="interval")
    old = LimeExplainer(Planted(years, noise=0.3), parameters=before).explain(face)
    new = LimeExplainer(Planted(years, noise=0.3), "audit").explain(face)
    assert old.interval.shape == new.interval.shape and (old.weights != new.weights).any()
    np.testing.assert_allclose(old.weights, new.weights, atol=0.4)
    assert np.ptp(old.interval, axis=1).mean() < np.ptp(new.interval, axis=1).mean()


class TestPublished:
    def test_the_estimator_sees_unit_range_on_black(self, face):
        estimator = Planted(lambda faces: 30 + 20 * faces.mean(axis=(1, 2, 3)))
        attribution = LimeExplainer(estimator, "published").explain(face)
        faces = np.concatenate(estimator.seen)
        assert len(faces) == 100
        scaled = (face.astype(float) - face.min()) / (float(face.max()) - face.min())
        np.testing.assert_allclose(faces[0], scaled, atol=1e-6)
        for masked in faces[1:4]:
            black = (masked == 0).all(axis=2)
            assert 0.2 < black.mean() < 0.8
            np.testing.assert_allclose(masked[~black], scaled[~black], atol=1e-6)
        top = int(attribution.target.removeprefix("class:"))
        assert top == round(30 + 20 * scaled.mean())

    @pytest.mark.parametrize(("seed", "first"), [(233, 999), (1657, 5)])  # of 0 to 1,000 the second draws 1,000
    def test_draws_in_limes_order(self, face, seed, first):
        estimator = Planted(one_pixel)
        segments = LimeExplainer(estimator, "published", seed=seed).explain(face).segments
        state = np.random.RandomState(seed)
        assert state.randint(0, 1000) == first  # the seed of the superpixels
        shown = random_design(segments.max() + 1, 100, state)
        scaled = (face.astype(float) - face.min()) / (float(face.max()) - face.min())
        for masked, row in zip(np.concatenate(estimator.seen), shown, strict=True):
            np.testing.assert_allclose(masked, scaled * row[segments][:, :, None], atol=1e-6)

    def test_every_pixel_is_positive_or_negative(self, face):
        attribution = LimeExplainer(Planted(lambda faces: 30 + 20 * faces.mean(axis=(1, 2, 3)))).explain(face)
        np.testing.assert_array_equal(attribution.positive_mask, ~attribution.negative_mask)
        np.testing.assert_array_equal(attribution.positive_mask, (attribution.weights >= 0)[attribution.segments])

    def test_a_weight_of_0_is_positive_as_in_lime(self, face, monkeypatch):
        def no_influence(shown, *_):
            return LocalModel(np.zeros(shown.shape[1]), 0.3, 1.0)

        monkeypatch.setattr("age_audit.explain.lime.fit_local_model", no_influence)
        attribution = LimeExplainer(Planted(lambda faces: np.full(len(faces), 30.0))).explain(face)
        assert attribution.positive_mask.all() and not attribution.negative_mask.any()

    def test_refuses_ages_alone(self):
        estimator = Planted(lambda faces: np.full(len(faces), 30.0))
        estimator.gives_classes = False
        with pytest.raises(UsageError, match=r"ages only; .* or take one that gives them: dex-wrn"):
            LimeExplainer(estimator, "published")


class Bindable(Planted):
    """Answers only once it is bound, and only to versions of the face it was bound to."""

    def __init__(self):
        super().__init__(lambda faces: pytest.fail("asked without being bound"))
        self.bound_to = []

    def bind(self, face):
        self.bound_to.append(face)
        return Planted(lambda faces: 30 + faces.mean(axis=(1, 2, 3)) / 100)


@pytest.mark.parametrize("preset", PRESETS)
def test_bound_once_to_the_whole_face(face, preset):
    estimator = Bindable()
    LimeExplainer(estimator, preset).explain(face)
    (bound_to,) = estimator.bound_to
    np.testing.assert_array_equal(bound_to, face)
    assert bound_to.dtype == np.uint8


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("colour", [0, 77])
def test_face_of_one_colour(preset, colour):
    flat = np.full((224, 224, 3), colour, dtype=np.uint8)
    attribution = LimeExplainer(Planted(lambda faces: 30 + faces.mean(axis=(1, 2, 3))), preset).explain(flat)
    assert np.isfinite(attribution.weights).all()
    np.testing.assert_allclose(attribution.weights, 0, atol=1e-9)
    if preset == "audit":  # nothing can be told, so nothing is
        assert not attribution.settled.any()
        assert not attribution.positive_mask.any() and not attribution.negative_mask.any()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((224, 224), np.uint8),
        np.zeros((1, 224, 224, 3), np.uint8),
        np.zeros((224, 224, 3), np.float32),
    ],
)
def test_wrong_face(wrong):
    with pytest.raises(ValueError, match=r"expected a uint8 face of shape \(224, 224, 3\), got"):
        LimeExplainer(Planted(lambda faces: np.zeros(len(faces)))).explain(wrong)


def test_unknown_preset():
    with pytest.raises(UsageError, match="published, audit"):
        LimeExplainer(Planted(None), "honest")

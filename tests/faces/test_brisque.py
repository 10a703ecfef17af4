"""BRISQUE against the arithmetic of the package ``brisque``, LIBSVM, and the definitions taken literally."""

import doctest

import numpy as np
import pytest
from scipy import special
from scipy.signal import convolve2d
from sklearn.svm import SVR

from age_audit.core import paths
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.faces import brisque
from age_audit.faces.quality import at_common_size

# By the code of the package brisque 0.2.0, mended where today's numpy and scipy refuse it, from the same pixels.
SCORES = {"astronaut_head": 11.799986381, "hopper_head": 4.485346526, "noise": 95.847414575}
FEATURES_OF_NOISE = [
    *(9.581772467620, 0.786258494423),
    *(1.366843232051, -0.111171656369, 0.665808448058, 0.447317020309),
    *(1.392502548846, -0.108650564157, 0.651691788602, 0.440798140285),
    *(1.346660115540, -0.044629628481, 0.613120913208, 0.523870235436),
    *(1.335467285472, -0.085492420586, 0.665985053214, 0.493427091931),
]


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)


def of_grey(levels):
    return np.asarray(levels, dtype=np.uint8)[..., None].repeat(3, axis=2)


def test_examples_in_docstrings():
    ran = doctest.testmod(brisque)
    assert ran.attempted > 8 and not ran.failed


class TestScore:
    @pytest.mark.parametrize("name", SCORES)
    def test_as_the_package_has_it(self, name, request):
        image = at_common_size(request.getfixturevalue(name))
        assert brisque.score(image) == pytest.approx(SCORES[name], abs=1e-6)

    def test_blocks_and_noise_are_worse_than_the_portrait(self, hopper_head):
        image = at_common_size(hopper_head)
        blocks = image[::8, ::8].repeat(8, axis=0).repeat(8, axis=1)[:100, :100]
        noisy = np.clip(image + np.random.default_rng(0).normal(0, 40, image.shape), 0, 255).astype(np.uint8)
        good, *bad = (brisque.score(each) for each in (image, blocks, noisy))
        assert min(bad) > good + 20

    @pytest.mark.parametrize("level", [0, 7, 255])
    def test_one_grey_has_none(self, level):
        with pytest.raises(ImageFailure, match="one-grey"):
            brisque.score(of_grey(np.full((100, 100), level)))

    @pytest.mark.parametrize("pattern", [lambda y, x: (x + y) % 2, lambda y, x: x % 2, lambda y, x: y * x == 2500])
    def test_patterns_that_leave_one_side_empty_have_a_number(self, pattern):
        image = of_grey(255 * pattern(*np.indices((100, 100))))
        assert np.isfinite(brisque.features(image)).all() and np.isfinite(brisque.score(image))

    @pytest.mark.parametrize("shape", [(99, 100, 3), (100, 99, 3), (14, 100, 3), (100, 100), (100, 100, 4)])
    def test_another_kind_of_image(self, shape):
        with pytest.raises(UsageError, match=r"even and at least 16, got uint8 .*at_common_size"):
            brisque.score(np.zeros(shape, dtype=np.uint8))


class TestFeatures:
    def test_as_the_package_has_them(self, noise):
        np.testing.assert_allclose(brisque.features(noise)[:18], FEATURES_OF_NOISE, atol=1e-10)

    def test_the_second_scale_is_the_first_of_half_the_size(self, noise):
        """Which the others are told from on columns, whose scales differ."""
        columns = noise[:1, :50, :1].repeat(2, axis=1).repeat(100, axis=0).repeat(3, axis=2)
        half = brisque.halved(columns @ brisque.GREY_WEIGHTS)
        np.testing.assert_array_equal(brisque.features(columns)[18:], brisque._at_one_scale(half))

    def test_flat_patches_are_zero_whatever_their_grey(self):
        """Left to rounding, some levels would be a little above 0 and some below, and count in different variances."""
        for level in range(256):
            levels = of_grey(np.full((9, 9), level)) @ brisque.GREY_WEIGHTS
            assert brisque.normalised(levels)[3:6, 3:6].tolist() == [[0.0] * 3] * 3

    def test_faint_detail_is_not_taken_for_rounding(self):
        levels = of_grey(np.full((20, 20), 128))
        levels[10, 10, 2] += 1  # one level of blue, at the corner of a window
        assert brisque.normalised(levels @ brisque.GREY_WEIGHTS)[7, 7] < 0

    def test_normalised_grey_literally(self, noise):
        levels = noise[:30, :40, 0] / 255
        y, x = np.mgrid[-3:4, -3:4]
        window = np.exp(-(x**2 + y**2) / (2 * (7 / 6) ** 2))
        window /= window.sum()
        mean = convolve2d(levels, window, "same")
        deviation = np.sqrt(convolve2d(levels**2, window, "same") - mean**2)
        np.testing.assert_allclose(brisque.normalised(levels), (levels - mean) / (deviation + 1 / 255), rtol=1e-9)

    def test_half_size_literally(self, noise):
        """Keys' cubic kernel (1981), a = -0.75, at the four pixels around each centre; the border's beyond it."""
        levels = noise[:12, :16, 0] / 255
        a = -0.75

        def kernel(t):
            t = abs(t)
            near, far = (a + 2) * t**3 - (a + 3) * t**2 + 1, a * (t**3 - 5 * t**2 + 8 * t - 4)
            return near if t <= 1 else far

        expected = [
            [
                sum(
                    kernel(i - 0.5) * kernel(j - 0.5) * levels[np.clip(2 * y + i, 0, 11), np.clip(2 * x + j, 0, 15)]
                    for i in range(-1, 3)
                    for j in range(-1, 3)
                )
                for x in range(8)
            ]
            for y in range(6)
        ]
        np.testing.assert_allclose(brisque.halved(levels), expected, atol=1e-12)


class TestFit:
    @pytest.mark.parametrize(("power", "asymmetry"), [(1, 1), (0.8, 1), (1, 3), (1.5, 0.4)])
    def test_the_authors_search(self, power, asymmetry):
        """Of all shapes between 0.2 and 10 in steps of 0.001 the one whose moments are nearest."""
        draws = np.random.default_rng(3).normal(size=20_000)
        values = np.sign(draws) * np.abs(draws) ** power * np.where(draws > 0, asymmetry, 1)
        shapes = np.arange(0.2, 10.001, 0.001)
        moments = special.gamma(2 / shapes) ** 2 / (special.gamma(1 / shapes) * special.gamma(3 / shapes))
        left, right = (np.sqrt(np.mean(values[side] ** 2)) for side in (values < 0, values >= 0))
        g = left / right
        concentration = np.abs(values).mean() ** 2 / np.mean(values**2)
        nearest = shapes[np.argmin((moments - concentration * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2) ** 2)]
        shape, mean, left_square, right_square = brisque.fit(values)
        assert shape == pytest.approx(nearest, abs=6e-4) and 0.3 < shape < 9
        assert (left_square, right_square) == pytest.approx((left**2, right**2))
        factor = special.gamma(2 / shape) / np.sqrt(special.gamma(1 / shape) * special.gamma(3 / shape))
        assert mean == pytest.approx((right - left) * factor)

    def test_zero_counts_to_the_right(self):
        assert brisque.fit(np.array([-1.0, 0.0, 2.0]))[2:] == (1.0, 2.0)

    def test_one_side_empty(self):
        shape, mean, left, right = brisque.fit(np.array([1.0, 2.0, 6.0]))
        assert (left, right) == (0, pytest.approx(41 / 3)) and mean > 0 and shape == brisque.shape_of(27 / 41)

    def test_nothing_to_fit(self):
        with pytest.raises(ImageFailure, match="one-grey"):
            brisque.fit(np.zeros(5))

    @pytest.mark.parametrize(("concentration", "shape"), [(0.01, 0.2), (0.9, 10.0)])
    def test_shapes_end_where_the_authors_table_ends(self, concentration, shape):
        assert brisque.shape_of(concentration) == shape


class TestMachine:
    def test_predicts_as_libsvm(self):
        """A regression by scikit-learn, which is LIBSVM, written as LIBSVM writes it."""
        rng = np.random.default_rng(1)
        trained = SVR(gamma=0.05, C=10).fit(rng.uniform(-1, 1, (60, 36)), rng.uniform(0, 100, 60))
        lines = [
            " ".join([repr(float(weight)), *(f"{i}:{value!r}" for i, value in enumerate(vector.tolist(), 1)), ""])
            for weight, vector in zip(trained.dual_coef_[0], trained.support_vectors_, strict=True)
        ]
        head = f"svm_type epsilon_svr\nkernel_type rbf\ngamma 0.05\nnr_class 2\nrho {-float(trained.intercept_[0])!r}"
        low, high = rng.uniform(-2, 0, 36), rng.uniform(1, 2, 36)
        machine = brisque.Machine(*brisque.parse_svm("\n".join([head, "SV", *lines, ""])), low, high)
        for values in rng.uniform(-1, 2, (5, 36)):
            expected = trained.predict([(2 * values - low - high) / (high - low)])[0]
            assert brisque.predict(values, machine) == pytest.approx(expected, rel=1e-9)

    def test_what_the_package_carries(self):
        machine = brisque.machine()
        assert (machine.gamma, machine.rho, len(machine.weights)) == (0.05, -155.845, 770)
        assert machine.low[0] == 0.336999 and machine.high[35] == 0.534484 and (machine.low < machine.high).all()
        assert np.abs(machine.vectors).max() <= 1 and np.abs(machine.weights).max() == 1024

    @pytest.mark.parametrize("which", ["MODEL", "RANGES"])
    def test_another_file_is_refused_before_it_is_opened(self, which, monkeypatch):
        monkeypatch.setattr(brisque, which, (getattr(brisque, which)[0], "0" * 64))
        with pytest.raises(UsageError, match="refused to open"):
            brisque.machine.__wrapped__()

    def test_absent(self, monkeypatch):
        monkeypatch.setattr(brisque, "PACKAGE", "no_such_carrier")
        assert "requirements-models.txt" in brisque.absent()
        with pytest.raises(UsageError, match="no_such_carrier"):
            brisque.machine.__wrapped__()

    def test_the_package_is_listed_for_set_up(self):
        listed = (paths.ROOT / "requirements-models.txt").read_text()
        assert "image-quality==1.2.7 --hash=sha256:" in listed

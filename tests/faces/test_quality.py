"""Measures of a picture: what is published of two faces, worked examples, and the definitions taken literally."""

import doctest
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from age_audit.core import paths
from age_audit.core.errors import UsageError
from age_audit.faces import brisque, quality
from age_audit.faces.decoding import decode_image, read_bytes

KEYS = ["variance", "unique_colours", "entropy", "luminance", "laplacian_variance", "fft_blur", "brisque"]
# As a published exploration of UTKFace, made with OpenCV, printed them, in the order of KEYS.
PUBLISHED = {
    "10_0_0_20170110220033115": ("1477.253495", "6267", "6.857390", "203.8070", "256.865812", "2.312982"),
    "10_0_0_20170110224406532": ("2452.172032", "8298", "7.718125", "141.7135", "244.865678", "2.826604"),
}


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_examples_in_docstrings():
    ran = doctest.testmod(quality)
    assert ran.attempted > 5 and not ran.failed


class TestMeasure:
    @pytest.mark.parametrize("name", PUBLISHED)
    def test_published_values_to_the_last_digit(self, name):
        files = sorted(Path(os.environ.get("AGE_AUDIT_UTKFACE") or ".").glob(f"{name}*"))
        if not files:
            pytest.skip("AGE_AUDIT_UTKFACE names no folder with this face")
        found = quality.measure(decode_image(read_bytes(files[0]))[0], "published")
        for key, printed in zip(KEYS, PUBLISHED[name], strict=False):
            assert f"{found[key]:.{len(printed.partition('.')[2])}f}" == printed

    def test_keys_and_kinds(self, astronaut):
        found = quality.measure(astronaut)
        assert list(found) == KEYS
        assert isinstance(found.pop("unique_colours"), int)
        assert all(type(value) is float and np.isfinite(value) for value in found.values())

    def test_published_swaps_channels_for_laplacian_and_fft_alone(self, hopper_head):
        audit, published = quality.measure(hopper_head), quality.measure(hopper_head, "published")
        swapped = quality.measure(hopper_head[..., ::-1])
        different = {key for key in KEYS if audit[key] != published[key]}
        assert different == {"laplacian_variance", "fft_blur"}
        assert {key: published[key] for key in different} == {key: swapped[key] for key in different}

    @pytest.mark.parametrize(("shape", "known"), [((99, 300), False), ((100, 100), True), ((300, 99), False)])
    def test_what_is_enlarged_has_no_sharpness_of_its_own(self, shape, known):
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        found = quality.measure(image, with_brisque=False)
        assert (found["laplacian_variance"] is not None) == (found["fft_blur"] is not None) == known
        assert found["luminance"] is not None
        assert quality.measure(image, "published", with_brisque=False)["fft_blur"] is not None

    def test_one_colour(self):
        found = quality.measure(np.full((130, 140, 3), (255, 0, 0), dtype=np.uint8))
        assert found.pop("entropy") == pytest.approx(np.log2(3) - 2 / 3)
        assert found.pop("fft_blur") < 1e-9
        assert list(found.values()) == [0.0, 1, 76.0, 0.0, None]

    def test_blur_and_size(self, hopper_head):
        """A blurred picture is called blurred, and one that is only larger is not."""
        sharp = quality.measure(hopper_head)
        half = quality.measure(hopper_head[::2, ::2])
        blurred = quality.measure(gaussian_filter(hopper_head, (8, 8, 0)))
        for key in ("laplacian_variance", "fft_blur"):
            assert blurred[key] < sharp[key] / 2 and half[key] > sharp[key]
        larger = quality.measure(hopper_head.repeat(2, axis=0).repeat(2, axis=1))
        assert larger == sharp

    def test_unknown_preset(self):
        with pytest.raises(UsageError, match="audit, published, got 'best'"):
            quality.measure(noise(100, 100), "best")

    @pytest.mark.parametrize(
        "image",
        [
            np.zeros((100, 100), dtype=np.uint8),
            np.zeros((100, 100, 4), dtype=np.uint8),
            np.zeros((100, 100, 3), dtype=np.uint16),
            np.zeros((100, 100, 3)),
            np.zeros((0, 100, 3), dtype=np.uint8),
            [[[0, 0, 0]]],
        ],
        ids=["grey", "alpha", "deep", "float", "empty", "list"],
    )
    def test_another_kind_of_image(self, image):
        with pytest.raises(UsageError, match=r"uint8 of shape \(height, width, 3\), RGB, got .*decode_image"):
            quality.measure(image)

    def test_without_the_model_a_warning_and_no_number(self, monkeypatch):
        monkeypatch.setattr(brisque, "PACKAGE", "no_such_carrier")
        with pytest.warns(UserWarning, match=r"brisque is missing: .*no_such_carrier.*make setup"):
            found = quality.measure(noise(100, 100))
        assert found["brisque"] is None and found["unique_colours"] > 9000

    def test_a_damaged_model_is_an_error(self, tmp_path, monkeypatch):
        folder = tmp_path / "damaged_carrier" / "models"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").touch()
        content = paths.package_file(brisque.PACKAGE, brisque.MODEL[0]).read_text()
        (folder / "brisque_svm.txt").write_text(content.replace("-1024", "-1023", 1))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(brisque, "PACKAGE", "damaged_carrier")
        brisque.machine.cache_clear()
        with pytest.raises(UsageError, match=r"refused to open brisque_svm\.txt"):
            quality.measure(noise(100, 100))


def literal_area(image):
    """Each pixel of the result by itself: every source pixel it touches, by how much of it lies inside."""
    height, width = image.shape
    result = np.zeros((100, 100), dtype=int)
    for y in range(100):
        for x in range(100):
            total = 0
            for row in range(y * height // 100, -(-(y + 1) * height // 100)):
                down = min((y + 1) * height, (row + 1) * 100) - max(y * height, row * 100)
                for column in range(x * width // 100, -(-(x + 1) * width // 100)):
                    across = min((x + 1) * width, (column + 1) * 100) - max(x * width, column * 100)
                    total += down * across * int(image[row, column])
            result[y, x] = int(total / (height * width) + 0.5)
    return result


class TestAtCommonSize:
    @pytest.mark.parametrize("shape", [(130, 77), (77, 130), (230, 101), (3, 100)])
    def test_literally(self, shape):
        image = noise(*shape)
        found = quality.at_common_size(image)
        assert found.dtype == np.uint8 and found.shape == (100, 100, 3) and found.flags.c_contiguous
        for channel in (0, 2):
            np.testing.assert_array_equal(found[..., channel], literal_area(image[..., channel]))

    def test_two_by_two_rounds_halves_up(self):
        image = noise(200, 200).astype(int)
        sums = image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
        assert (sums % 4 == 2).sum() > 5000
        np.testing.assert_array_equal(quality.at_common_size(image.astype(np.uint8)), (sums + 2) // 4)

    def test_same_size_and_smaller(self):
        image = noise(100, 100)
        np.testing.assert_array_equal(quality.at_common_size(image), image)
        np.testing.assert_array_equal(
            quality.at_common_size(image[:50, :25]), image[:50, :25].repeat(2, 0).repeat(4, 1)
        )

    @pytest.mark.parametrize("shape", [(1, 1), (1, 300_000), (300_000, 1)])
    def test_strange_sizes_keep_white(self, shape):
        assert quality.at_common_size(np.full((*shape, 3), 255, dtype=np.uint8)).min() == 255

    def test_sides_too_long_for_32_bits(self, monkeypatch):
        assert 255 * quality.LONGEST_IN_32_BITS < 2**31 <= 255 * (quality.LONGEST_IN_32_BITS + 1)
        image = noise(130, 77)
        usual = quality._overlaps(130).dtype, quality.at_common_size(image)
        monkeypatch.setattr(quality, "LONGEST_IN_32_BITS", 129)
        quality._overlaps.cache_clear()
        assert (usual[0], quality._overlaps(130).dtype, quality._overlaps(129).dtype) == (np.int32, np.int64, np.int32)
        np.testing.assert_array_equal(quality.at_common_size(image), usual[1])
        quality._overlaps.cache_clear()


class TestGrey:
    def test_as_opencv_rounds(self):
        """Where OpenCV's whole numbers round otherwise than 0.299, 0.587, 0.114, or than its weights of 14 bits did."""
        colours = [
            (0, 1, 201),
            (40, 148, 76),
            (87, 188, 45),
            (139, 72, 41),
            (188, 80, 152),
            (230, 81, 63),
            (98, 192, 171),
        ]
        found = quality.grey(np.array([colours], dtype=np.uint8))
        assert found.tolist() == [[23, 108, 142, 89, 121, 124, 161]]

    def test_every_grey_is_itself(self):
        levels = np.arange(256, dtype=np.uint8)
        np.testing.assert_array_equal(quality.grey(levels[None, :, None].repeat(3, axis=2))[0], levels)


class TestColours:
    def test_against_a_set(self):
        image = noise(50, 60) // 32
        assert quality.unique_colours(image) == len({tuple(pixel) for pixel in image.reshape(-1, 3).tolist()})

    def test_channels_are_not_confused(self):
        assert (
            quality.unique_colours(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [254, 255, 255]]], np.uint8)) == 4
        )

    def test_one_of_green_is_no_colour_of_blue_or_red(self):
        powers = [1 << bit for bit in range(8)]
        colours = [[0] * channel + [power] + [0] * (2 - channel) for channel in range(3) for power in powers]
        assert quality.unique_colours(np.array([colours], np.uint8)) == 24

    def test_entropy_of_all_levels_alike_is_eight_bits(self):
        assert quality.entropy(np.arange(256, dtype=np.uint8).repeat(3)) == pytest.approx(8)
        assert quality.entropy(np.zeros((5, 5), dtype=np.uint8)) == 0
        assert quality.entropy(np.array([1, 1, 1, 2], dtype=np.uint8)) == pytest.approx(2 - 0.75 * np.log2(3))


class TestSharpness:
    def test_laplacian_literally(self):
        levels = noise(9, 12)[..., 0].astype(int)

        def mirrored(index, length):
            return {-1: 1, length: length - 2}.get(index, index)

        values = [
            sum(levels[mirrored(y + dy, 9), mirrored(x + dx, 12)] for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)))
            - 4 * levels[y, x]
            for y in range(9)
            for x in range(12)
        ]
        assert quality.laplacian_variance(levels.astype(np.uint8)) == pytest.approx(np.var(values), rel=1e-12)

    def test_fft_literally(self):
        """Frequencies of both axes between -30 and 29 taken away, by the sums that define the transform."""
        levels = noise(100, 100)[..., 1].astype(float)
        frequencies = np.arange(-50, 50)
        waves = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(100)) / 100)
        spectrum = waves @ levels @ waves.T
        low = (frequencies >= -30) & (frequencies <= 29)
        spectrum[np.outer(low, low)] = 0
        rest = waves.conj().T @ spectrum @ waves.conj() / 100**2
        assert quality.fft_blur(levels) == pytest.approx(np.abs(rest).mean(), rel=1e-9)

    @pytest.mark.parametrize(("frequency", "kept"), [(29, False), (30, True), (31, True)])
    def test_which_frequencies_are_high(self, frequency, kept):
        """A wave has a frequency above 0 and one below; of 30 the one below is removed, half of the wave."""
        wave = np.cos(2 * np.pi * frequency * np.arange(100) / 100)[None].repeat(100, axis=0)
        expected = {29: 0, 30: 0.5, 31: np.abs(wave).mean()}[frequency]
        assert quality.fft_blur(wave) == pytest.approx(expected, abs=1e-12)
        assert (quality.fft_blur(wave) > 0.1) == kept

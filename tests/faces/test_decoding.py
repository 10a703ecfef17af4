"""Whatever lies in a folder of photos: files written here, byte by byte where they must be broken."""

import io
import os
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, ImageSequence

from age_audit.core.errors import ImageFailure
from age_audit.faces.decoding import MAX_PIXELS, decode_image, read_bytes

GRADIENT = np.arange(12 * 16 * 3, dtype=np.uint16).reshape(12, 16, 3).astype(np.uint8)


def encoded(image, format="PNG", **options):
    """The bytes of an image file."""
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, format, **options)
    return stream.getvalue()


def png_claiming(width, height):
    """A PNG whose header promises this size and whose pixels are missing."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def profile_with_red_and_blue_swapped():
    """A colour profile (ICC.1:2001), byte by byte: sRGB's primaries with red and blue in each other's place."""
    primaries = {"b": (0.4360, 0.2225, 0.0139), "g": (0.3851, 0.7169, 0.0971), "r": (0.1431, 0.0606, 0.7141)}
    text = b"swapped\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(x * 65536) for x in (0.9642, 1, 0.8249))),
    }
    for channel, xyz in primaries.items():
        tags[f"{channel}XYZ".encode()] = b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(x * 65536) for x in xyz))
        tags[f"{channel}TRC".encode()] = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256))
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s", 132 + 12 * len(tags) + len(body), b"\0" * 4, 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + body


def reason_of(call, *arguments):
    with pytest.raises(ImageFailure) as caught:
        call(*arguments)
    assert caught.value.note
    return caught.value.reason


class TestReadBytes:
    def test_regular_file_and_link_to_it(self, tmp_path):
        (tmp_path / "face.jpg").write_bytes(b"abc")
        (tmp_path / "link.jpg").symlink_to("face.jpg")
        assert read_bytes(tmp_path / "face.jpg") == read_bytes(tmp_path / "link.jpg") == b"abc"

    def test_zero_bytes(self, tmp_path):
        (tmp_path / "x.jpg").touch()
        assert reason_of(read_bytes, tmp_path / "x.jpg") == "empty-file"

    def test_folder_named_like_an_image(self, tmp_path):
        (tmp_path / "x.jpg").mkdir()
        assert reason_of(read_bytes, tmp_path / "x.jpg") == "is-a-folder"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_named_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "x.jpg")
        reasons = []
        reader = threading.Thread(target=lambda: reasons.append(reason_of(read_bytes, tmp_path / "x.jpg")), daemon=True)
        reader.start()
        reader.join(5)
        assert reasons == ["not-a-file"]

    def test_symlink_loop(self, tmp_path):
        (tmp_path / "x.jpg").symlink_to("y.jpg")
        (tmp_path / "y.jpg").symlink_to("x.jpg")
        assert reason_of(read_bytes, tmp_path / "x.jpg") == "unreadable"

    def test_vanished(self, tmp_path):
        assert reason_of(read_bytes, tmp_path / "x.jpg") == "unreadable"

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_permission_denied(self, tmp_path):
        (tmp_path / "x.jpg").write_bytes(b"abc")
        (tmp_path / "x.jpg").chmod(0)
        assert reason_of(read_bytes, tmp_path / "x.jpg") == "unreadable"

    def test_read_error(self, tmp_path, monkeypatch):
        def refuse(_):
            raise PermissionError(13, "Permission denied")

        (tmp_path / "x.jpg").write_bytes(b"abc")
        monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
        assert reason_of(read_bytes, tmp_path / "x.jpg") == "unreadable"

    def test_note_holds_no_folder(self, tmp_path):
        with pytest.raises(ImageFailure) as caught:
            read_bytes(tmp_path / "x.jpg")
        assert str(tmp_path) not in caught.value.note


class TestRefused:
    def test_truncated_jpeg(self):
        whole = encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), "JPEG")
        assert decode_image(whole)[0].shape == (64, 64, 3)
        assert reason_of(decode_image, whole[: len(whole) // 2]) == "truncated"

    def test_truncated_although_somebody_told_pillow_to_take_it(self, monkeypatch):
        """As many modules of estimators do while they are imported."""
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        content = encoded(np.tile(GRADIENT, (20, 20, 1)), "JPEG")
        assert reason_of(decode_image, content[: len(content) // 2]) == "truncated"
        assert ImageFile.LOAD_TRUNCATED_IMAGES  # theirs stays

    @pytest.mark.parametrize(
        ("head", "told"),
        [
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "it is HEIF"),
            (b"\0\0\0\x1cftypavif", "it is AVIF"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "git lfs pull"),
            (b"\r\n<!DOCTYPE html><html>Not found", "a page of a web site"),
        ],
    )
    def test_what_else_is_called_jpg(self, head, told):
        with pytest.raises(ImageFailure, match=rf"not-an-image: none of JPEG, .*; .*{told}"):
            decode_image(head.ljust(600, b"\0"))

    def test_truncated_png(self):
        whole = encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
        assert reason_of(decode_image, whole[: len(whole) // 2]) == "truncated"

    def test_text_named_like_an_image(self):
        assert reason_of(decode_image, b"I am not a picture.\n") == "not-an-image"

    # Pillow itself only warns about the first two and raises on the third.
    @pytest.mark.parametrize("size", [(8001, 8000), (10_000, 10_000), (60_000, 60_000)])
    def test_decompression_bomb(self, size):
        assert reason_of(decode_image, png_claiming(*size)) == "too-large"

    def test_the_largest_size_is_not_refused_for_its_size(self):
        assert 8000 * 8000 == MAX_PIXELS
        assert reason_of(decode_image, png_claiming(8000, 8000)) == "truncated"

    def test_bomb_warns_nobody(self, recwarn):
        reason_of(decode_image, png_claiming(10_000, 10_000))
        assert not recwarn.list

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "PPM", "AVIF"])
    def test_damaged_files_never_raise_anything_else(self, format):
        try:
            whole = encoded(GRADIENT, format)
        except (KeyError, OSError):
            pytest.skip(f"this Pillow writes no {format}")
        rng = np.random.default_rng(7)
        failed = 0
        for turn in range(150):
            damaged = bytearray(whole)
            for _ in range(rng.integers(1, 6)):
                damaged[rng.integers(len(damaged))] = rng.integers(256)
            if turn % 5 == 0:
                damaged = damaged[: rng.integers(1, len(damaged))]
            try:
                image, _ = decode_image(bytes(damaged))
                assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
            except ImageFailure as failure:
                failed += 1
                assert failure.reason in {"not-an-image", "truncated", "too-large"}
        assert failed


class TestConverted:
    def test_rgb_comes_as_it_is(self):
        image, notes = decode_image(encoded(GRADIENT))
        np.testing.assert_array_equal(image, GRADIENT)
        assert image.dtype == np.uint8 and notes == ()

    def test_one_pixel(self):
        image, _ = decode_image(encoded(np.array([[[1, 2, 3]]], dtype=np.uint8)))
        assert image.tolist() == [[[1, 2, 3]]]

    def test_grey(self):
        image, notes = decode_image(encoded(GRADIENT[..., 0]))
        np.testing.assert_array_equal(image, np.repeat(GRADIENT[..., :1], 3, axis=2))
        assert notes == ("converted from L",)

    def test_transparency_is_laid_over_white(self):
        pixels = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [200, 0, 100, 51]]], dtype=np.uint8)
        image, notes = decode_image(encoded(pixels))
        # 51/255 is one fifth: 200/5 + 255*4/5 = 244, 0/5 + 204 = 204, 100/5 + 204 = 224
        assert image.tolist() == [[[200, 0, 0], [255, 255, 255], [244, 204, 224]]]
        assert notes == ("converted from RGBA",)

    def test_grey_with_transparency(self):
        image, _ = decode_image(encoded(Image.fromarray(np.array([[[90, 255], [90, 0]]], dtype=np.uint8), "LA")))
        assert image.tolist() == [[[90] * 3, [255] * 3]]

    def test_palette_with_transparency(self):
        palette = Image.new("P", (2, 1))
        palette.putpalette([10, 20, 30, 40, 50, 60])
        palette.putpixel((1, 0), 1)
        image, notes = decode_image(encoded(palette, transparency=1))
        assert image.tolist() == [[[10, 20, 30], [255, 255, 255]]]
        assert notes == ("converted from P",)

    def test_rgb_with_one_transparent_colour(self):
        pixels = np.array([[[10, 20, 30], [40, 50, 60]]], dtype=np.uint8)
        image, _ = decode_image(encoded(pixels, transparency=(40, 50, 60)))
        assert image.tolist() == [[[10, 20, 30], [255, 255, 255]]]

    def test_cmyk(self):
        cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
        image, notes = decode_image(encoded(cyan, "JPEG", quality=100))
        assert image[4, 4, 0] < 10 and image[4, 4, 1] > 245 and image[4, 4, 2] > 245
        assert notes == ("converted from CMYK",)

    @pytest.mark.parametrize("bits", [10, 12, 14])
    def test_grey_of_fewer_bits_in_16_is_scaled_by_its_own(self, bits):
        full = 2**bits - 1
        image, _ = decode_image(encoded(np.array([[0, full // 2, full]], dtype=np.uint16)))
        assert image[0, :, 0].tolist() == [0, 127, 255]

    @pytest.mark.parametrize(("top", "brightest"), [(1.04, 255), (271.0, 255)])
    def test_floats_that_overshoot_are_clipped(self, top, brightest):
        deep = np.array([[0.0, 0.5, 1.0, 1.0]], dtype=np.float32) * np.float32(1 if top < 2 else 255)
        deep[0, 3] = top
        image, _ = decode_image(encoded(Image.fromarray(deep), "TIFF"))
        assert image[0, :, 0].tolist() == [0, 128, 255, brightest]

    @pytest.mark.parametrize("form", ["PNG", "JPEG"])
    def test_colours_of_another_profile_are_converted(self, form):
        red = np.full((8, 8, 3), (255, 0, 0), np.uint8)
        options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {}
        image, notes = decode_image(encoded(red, form, icc_profile=profile_with_red_and_blue_swapped(), **options))
        assert np.abs(image.astype(int) - (0, 0, 255)).max() <= 3
        assert notes == ("colours converted from the profile swapped",)

    @pytest.mark.parametrize("profile", ["sRGB", "LAB"])
    def test_profiles_of_these_colours_or_of_others_than_the_picture_has_change_nothing(self, profile):
        icc = ImageCms.ImageCmsProfile(ImageCms.createProfile(profile)).tobytes()
        image, notes = decode_image(encoded(GRADIENT, icc_profile=icc))
        assert np.array_equal(image, GRADIENT) and notes == ()

    def test_a_damaged_profile_is_passed_over_and_noted(self):
        image, notes = decode_image(encoded(GRADIENT, icc_profile=b"no profile"))
        assert np.array_equal(image, GRADIENT) and notes[0].startswith("colour profile passed over")

    def test_16_bit_grey_is_scaled_not_clipped(self):
        deep = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)  # 257 = 65535 / 255
        image, notes = decode_image(encoded(deep))
        assert image[..., 0].tolist() == [[0, 1, 128, 255]]
        assert image.shape == (1, 4, 3) and (image == image[..., :1]).all()
        assert notes[0].startswith("converted from I")

    @pytest.mark.parametrize("full", [1.0, 255.0])
    def test_floating_point_grey_is_scaled_and_holes_are_black(self, full):
        deep = np.array([[0.0, 0.2, 1.0, np.nan]], dtype=np.float32) * np.float32(full)
        image, _ = decode_image(encoded(Image.fromarray(deep), "TIFF"))
        assert image[0, :, 0].tolist() == [0, 51, 255, 0]

    def test_exif_orientation_6_is_turned(self):
        upright = np.zeros((20, 10, 3), dtype=np.uint8)
        upright[:5] = 255  # white on top once it is turned
        stored = np.rot90(upright, 1)  # as a camera held on its side stores it
        exif = Image.Exif()
        exif[0x0112] = 6
        image, notes = decode_image(encoded(stored, "PNG", exif=exif))
        np.testing.assert_array_equal(image, upright)
        assert notes == ("turned by EXIF orientation 6",)

    def test_an_orientation_that_is_none_turns_nothing(self):
        exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0\0\0\0\0"  # 9
        image, notes = decode_image(encoded(GRADIENT, "JPEG", exif=exif))
        assert image.shape == GRADIENT.shape and notes == ()

    def test_animation_gives_its_first_frame(self):
        frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
        content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(content))))) == 3
        image, notes = decode_image(content)
        assert (image == [255, 0, 0]).all() and image.shape == (4, 6, 3)
        assert "first of 3 frames" in notes

    def test_result_can_be_written_to(self):
        image, _ = decode_image(encoded(GRADIENT))
        image[0, 0] = 7  # would raise if it were read-only
        assert (image[0, 0] == 7).all()

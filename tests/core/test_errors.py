"""What counts as a full disk, and what else a machine may run out of."""

import errno
import sqlite3

import pytest

from age_audit.core.errors import is_disk_full, is_out_of_files, is_out_of_memory, shortage


def database_error(*statements):
    """What SQLite says to the last statement."""
    database = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.Error) as raised:
        for statement in statements:
            database.execute(statement)
    return raised.value


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_space(code):
    assert is_disk_full(OSError(code, "no space"))


def test_a_database_that_cannot_grow():
    assert is_disk_full(database_error("PRAGMA max_page_count = 1", "CREATE TABLE t (x)"))


def test_a_database_without_room_for_its_index():
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    assert is_disk_full(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError("disk is full of riddles"),
        sqlite3.OperationalError("raised by hand, without a code"),
        ValueError(errno.ENOSPC),
    ],
)
def test_anything_else(error):
    assert not is_disk_full(error)


def test_other_errors_of_a_database():
    assert not is_disk_full(database_error("SELECT x FROM images"))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 5.00 GiB"),
        RuntimeError("can't start new thread"),
        ImportError("strptime.so: failed to map segment from shared object"),
        RuntimeError("[ONNXRuntimeError] : 1 : FAIL : Exception during loading: std::bad_alloc"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_no_memory(error):
    assert is_out_of_memory(error)
    assert shortage(error).startswith("the memory is used up")


def test_no_more_files():
    assert is_out_of_files(OSError(errno.EMFILE, "Too many open files"))
    assert not is_out_of_files(OSError(errno.ENOENT, "No such file or directory"))


def test_a_shortage_behind_another_error_is_found():
    try:
        try:
            raise OSError(errno.EMFILE, "Too many open files")
        except OSError as error:
            raise ValueError("no model") from error
    except ValueError as error:
        assert shortage(error).startswith("too many files are open")


@pytest.mark.parametrize("error", [None, ValueError("a bug"), PermissionError(errno.EACCES, "Permission denied")])
def test_no_shortage(error):
    assert shortage(error) is None

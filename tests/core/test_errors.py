"""What counts as a full disk."""

import errno
import sqlite3

import pytest

from age_audit.core.errors import is_disk_full


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

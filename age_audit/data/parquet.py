"""What Apache Arrow does for activations: Parquet partitions, and JSON rows parsed many at a time.

The only module that imports pyarrow. The same rows give the same bytes: row groups and partitions have fixed sizes,
and nothing of the time, the place or the machine is written.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.json
import pyarrow.parquet

from age_audit.data.columns import TEXT_COLUMNS, Part, is_number_column

ROWS_PER_GROUP = 16_384  # all that writing holds in memory: some 50 MB as rows
GROUPS_PER_PARTITION = 8
ROWS_PER_PARTITION = ROWS_PER_GROUP * GROUPS_PER_PARTITION

_LEAST_BLOCK = 1 << 20  # bytes that one core parses at once
_MORE_FOLLOW = b"more_partitions_follow"  # in each partition's metadata, so that a lost last one is noticed
_COLUMNS_OF_NO_ROWS = ("fname", "age_real", "gender_real", "race_real", "age_estimation", "age_estimation_accuracy")
_WRITING = {"compression": "zstd", "use_dictionary": ["gender_real", "race_real"], "store_schema": False}


def partition_name(number: int) -> str:
    """``part-00000.parquet`` and on."""
    return f"part-{number:05d}.parquet"


def partition_paths(folder: Path) -> list[Path]:
    """The partitions in a folder, in order."""
    return sorted(folder.glob("part-*.parquet"))


def write_partitions(folder: Path, rows: Iterable[Mapping]) -> int:
    """Write rows as Parquet partitions into an empty folder, holding one row group of them at a time.

    Parameters
    ----------
    folder : Path
        Is there, and holds no partitions.
    rows : iterable of mapping
        Read once. All with the keys of the first and sorted by ``fname``; texts and None under ``fname``,
        ``gender_real`` and ``race_real``, finite numbers and None under all other keys.

    Returns
    -------
    int
        How many rows; without any, one partition is written that has columns only.

    Raises
    ------
    ValueError
        If a row has other keys, is out of order or holds what its column cannot.
    """
    tables = _tables(rows)
    upcoming, partitions, written = next(tables), 0, 0
    while upcoming is not None:
        path = folder / partition_name(partitions)
        with pa.parquet.ParquetWriter(path, upcoming.schema, **_WRITING) as writer:
            for _ in range(GROUPS_PER_PARTITION):
                writer.write_table(upcoming, row_group_size=ROWS_PER_GROUP)
                written += upcoming.num_rows
                upcoming = next(tables, None)
                if upcoming is None:
                    break
            writer.add_key_value_metadata({_MORE_FOLLOW: b"no" if upcoming is None else b"yes"})
        partitions += 1
    return written


def read_partitions(folder: Path, wanted: Collection[str] | None = None) -> Iterator[tuple[dict[str, Part], int]]:
    """Read the partitions of a folder, whoever wrote them, one at a time.

    Parameters
    ----------
    folder : Path
    wanted : collection of str, optional
        Columns to read; all by default.

    Yields
    ------
    (dict of str to list or ndarray, int)
        The wanted columns that are there, floats with NaN for missing ones where the file has numbers; and how many
        rows they have.

    Raises
    ------
    ValueError, OSError
        If a partition is missing or damaged.
    """
    paths = partition_paths(folder)
    expected = [partition_name(number) for number in range(max(1, len(paths)))]
    missing = set(expected) - {path.name for path in paths}
    if missing:
        raise ValueError(f"{min(missing)} is missing")
    for path in paths:
        try:
            with pa.parquet.ParquetFile(path) as file:
                names = [name for name in file.schema_arrow.names if wanted is None or name in wanted]
                table = file.read(names)
                more = (file.metadata.metadata or {}).get(_MORE_FOLLOW)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from error
        if more is not None and (more == b"yes") != (path is not paths[-1]):
            raise ValueError(f"{path.name} says that {'more partitions' if more == b'yes' else 'none'} should follow")
        yield _columns(table), table.num_rows


def parse_flat_rows(text: str, wanted: Collection[str] | None = None) -> tuple[dict[str, Part], int] | None:
    """Parse many rows of an activations file at once, where they are as ``json.dump`` writes flat objects.

    Parameters
    ----------
    text : str
        ``{...}, {...}``
    wanted : collection of str, optional
        Columns to read; all by default. The others are checked to be JSON.

    Returns
    -------
    (dict of str to list or ndarray, int) or None
        As :func:`read_partitions`. None when anything at all is unusual, and only reading row by row can tell what:
        other separators, a brace within a text, an unknown column, a text where a number belongs, damage.
    """
    lines = None if "[" in text or "\n" in text or _has_odd_numbers(text) else _one_row_a_line(text)
    names = None if lines is None else _names_of_first(text, wanted)
    if names is None:
        return None
    schema = pa.schema([(name, pa.string() if name in TEXT_COLUMNS else pa.float64()) for name in names])
    parsing = pa.json.ParseOptions(
        explicit_schema=schema, unexpected_field_behavior="error" if wanted is None else "ignore"
    )
    reading = pa.json.ReadOptions(block_size=max(_LEAST_BLOCK, lines.size // 4))  # blocks are shared among the cores
    try:
        table = pa.json.read_json(pa.BufferReader(pa.py_buffer(lines)), read_options=reading, parse_options=parsing)
    except pa.ArrowException:
        return None
    return (_columns(table), table.num_rows) if table.num_rows == np.count_nonzero(lines == ord("\n")) + 1 else None


def _has_odd_numbers(text: str) -> bool:
    """Whether there might be a NaN or an infinity, of which Arrow takes other spellings than Python does."""
    return ("N" in text and "NaN" in text) or "Inf" in text


def _one_row_a_line(text: str) -> np.ndarray | None:
    """The bytes of ``{...}, {...}`` with a line break between rows; None unless each brace opens a row.

    So no row holds another. Nor can a text with a separator in it pass for two rows: JSON has no line breaks within
    texts, and both halves would be damaged.
    """
    data = np.frombuffer(text.encode(), dtype=np.uint8).copy()
    starts = np.flatnonzero(data == ord("{"))
    if not starts.size or starts[0] != 0:
        return None
    heads = starts[1:]
    for back, character in enumerate(" ,}", start=1):
        if (data[heads - back] != ord(character)).any():
            return None
    data[heads - 2], data[heads - 1] = ord(" "), ord("\n")
    return data


def _names_of_first(text: str, wanted: Collection[str] | None) -> list[str] | None:
    """The wanted columns; None unless the first row has them all and the type of each is known by its name."""
    try:
        first, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None
    if not isinstance(first, dict):
        return None
    names = [name for name in first if wanted is None or name in wanted]
    known = all(name in TEXT_COLUMNS or is_number_column(name) for name in names)
    return names if known and len(names) == len(first if wanted is None else wanted) else None


def _columns(table: pa.Table) -> dict[str, Part]:
    return {name: _values(table.column(name)) for name in table.column_names}


def _values(column: pa.ChunkedArray) -> Part:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return column.to_numpy().astype(float)
    return column.to_pylist()


def _tables(rows: Iterable[Mapping]) -> Iterator[pa.Table]:
    """Row groups: at least one, full but for the last."""
    rows, names, last = iter(rows), None, ""
    while True:
        batch = list(islice(rows, ROWS_PER_GROUP))
        if names is None:
            names = tuple(batch[0] if batch else _COLUMNS_OF_NO_ROWS)
        elif not batch:
            return
        for row in batch:
            if tuple(row) != names:
                raise ValueError(
                    f"expected every row to have the keys of the first, got others for {row.get('fname')!r}"
                )
            if row["fname"] < last:
                raise ValueError(f"expected rows sorted by fname, got {row['fname']!r} after {last!r}")
            last = row["fname"]
        yield pa.table({name: _array(name, [row[name] for row in batch]) for name in names})


def _array(name: str, values: list) -> pa.Array:
    if name in TEXT_COLUMNS:
        return pa.array(values, pa.string())
    numbers = pa.array(values, pa.float64(), from_pandas=False)
    if not pa.compute.all(pa.compute.is_finite(numbers), min_count=0).as_py():
        raise ValueError(f"expected finite numbers or None in {name}, got an infinity or NaN")
    return numbers

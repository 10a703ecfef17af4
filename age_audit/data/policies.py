"""Age limits that a gate may be asked to hold: those that ship, as examples, or a user's own in a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

from age_audit.core.errors import UsageError
from age_audit.core.policy import Policy

SHIPPED = Path(__file__).with_name("policies.toml")
_FIELDS = tuple(field.name for field in fields(Policy))
_EXAMPLE = 'expected tables [[policy]] with name = "over 18", age = 18 and, if need be, buffer, not_found and source'


def read_policies(path: str | Path | None = None) -> dict[str, Policy]:
    """Read the policies of a TOML file, by name, in its order.

    Parameters
    ----------
    path : path, optional
        A file with a table ``[[policy]]`` for each; by default the one that ships.

    Raises
    ------
    UsageError
        If it cannot be read, holds anything else, lacks a name or an age, or has one name twice; or as :class:`Policy`.

    Examples
    --------
    >>> read_policies()["Challenge 25"].ask_below
    25
    """
    path = Path(path or SHIPPED)
    try:
        book = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"expected a TOML file of policies at {path}, reading it failed: {error}; {_EXAMPLE}"
        ) from error
    rows = book.get("policy")
    if set(book) != {"policy"} or not isinstance(rows, list) or not rows:
        raise UsageError(f"{path}: {_EXAMPLE}; got {', '.join(book) or 'an empty file'}")
    found: dict[str, Policy] = {}
    for row in rows:
        policy = _policy(path, row)
        if policy.name in found:
            raise UsageError(f"{path}: expected each policy to have a name of its own, got {policy.name!r} twice")
        found[policy.name] = policy
    return found


def _policy(path: Path, row: object) -> Policy:
    if not isinstance(row, dict) or not {"name", "age"} <= set(row) <= set(_FIELDS):
        raise UsageError(f"{path}: {_EXAMPLE}; got {row!r:.120}")
    if not isinstance(row.get("source", ""), str):
        raise UsageError(f"{path}: expected the source of {row['name']!r} to be a text, got {row['source']!r:.60}")
    try:
        return Policy(**row)
    except UsageError as error:
        raise UsageError(f"{path}, policy {row['name']!r}: {error}") from error

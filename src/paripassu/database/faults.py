"""What a database's error means: whether it passes by itself.

Judged by the engines' own codes, never by the language of a message: PostgreSQL's SQLSTATE
(https://www.postgresql.org/docs/current/errcodes-appendix.html), SQLite's result codes
(https://www.sqlite.org/rescode.html).
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, OperationalError

_PASSING_CLASSES = ("08", "53")
"""Connection lost; out of connections, memory or disk."""

_PASSING = frozenset(
    (
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # lock not available in time
        "25P03",  # ended by the server because it said nothing for long
        "57P01",  # the server was shut down
        "57P02",  # the server crashed
        "57P03",  # the server is starting
        "57P05",  # ended by the server because it was idle
        "25006",  # read only: a standby that is not promoted yet
    )
)
_SQLITE_PASSING = frozenset((5, 6))  # busy, locked


def passes(error: DBAPIError) -> bool:
    """Whether the same is worth trying again later."""
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_PASSING
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # the driver could not reach a server, or lost it: there is no answer to have a code
        return isinstance(error, OperationalError) and "psycopg" in type(error.orig).__module__
    return state in _PASSING or state[:2] in _PASSING_CLASSES

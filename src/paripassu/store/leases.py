"""Leases: one live holder per name, and a dead one's place is free at once.

A holder is dead when its process is gone (same machine, told apart from a
later process with the same number by its start time) or when its lease ran
out. From another machine, or another container, only the expiry can tell.
"""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from paripassu.errors import LeaseHeld, LeaseLost
from paripassu.store import audit
from paripassu.store.schema import lease

LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process as others can recognise it: `realm` is where its number means something."""

    pid: int
    started: str
    host: str
    realm: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that we hold. `token` tells ours from a successor's."""

    name: str
    holder: str
    token: str


def this_process() -> Process:
    pid = os.getpid()
    return Process(pid, _started(pid) or "", socket.gethostname(), _realm())


def acquire(
    connection: Connection, now: float, name: str, holder: str, process: Process | None = None
) -> Lease:
    """Take the lease, from a dead holder where there is one.

    Raises:
        LeaseHeld: its holder is alive; the sentence names process and host.
    """
    process = process or this_process()
    row = connection.execute(select(lease).where(lease.c.name == name).with_for_update()).first()
    if row is not None:
        if row.expires > now and _alive(row.pid, row.started, row.realm):
            raise LeaseHeld(
                f"The {name} lease of this store is held by '{row.holder}', process {row.pid} on {row.host}; "
                f"only one may run."
            )
        audit.append(connection, now, "lease.taken_over", name, {"from": row.holder, "pid": row.pid})
        connection.execute(delete(lease).where(lease.c.name == name))
    ours = Lease(name, holder, uuid.uuid4().hex)
    connection.execute(
        insert(lease).values(
            name=name,
            holder=holder,
            pid=process.pid,
            host=process.host,
            realm=process.realm,
            started=process.started,
            token=ours.token,
            expires=now + LEASE_SECONDS,
        )
    )
    audit.append(connection, now, "lease.acquired", name, {"holder": holder, "pid": process.pid})
    return ours


def renew(connection: Connection, now: float, ours: Lease) -> None:
    """Extend our lease. Raises LeaseLost where another took it meanwhile."""
    changed = connection.execute(
        update(lease)
        .where(lease.c.name == ours.name, lease.c.token == ours.token)
        .values(expires=now + LEASE_SECONDS)
    )
    if changed.rowcount != 1:
        raise LeaseLost(f"The {ours.name} lease of '{ours.holder}' went to another process.")


def check(connection: Connection, ours: Lease) -> None:
    """Raise LeaseLost unless the lease is still ours; inside a transaction it fences what follows."""
    token = connection.execute(
        select(lease.c.token).where(lease.c.name == ours.name).with_for_update()
    ).scalar()
    if token != ours.token:
        raise LeaseLost(f"The {ours.name} lease of '{ours.holder}' went to another process.")


def release(connection: Connection, ours: Lease) -> None:
    """Give the lease back; nothing happens where it is no longer ours."""
    connection.execute(delete(lease).where(lease.c.name == ours.name, lease.c.token == ours.token))


def _alive(pid: int, started: str, realm: str) -> bool:
    if realm != _realm():
        return True  # cannot look into another machine: only the expiry counts
    if started:
        return _started(pid) == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot (Linux); None for a dead one or without /proc."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else fields[19]


def _realm() -> str:
    """Where process numbers are ours: this host, this boot, this pid namespace."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        parts.append(file.read().strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "|".join(parts)[:120]

"""`pari holder`: suspend, sanction, rotate keys, and show what is known of an account."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import Account, Here, WhyText, because, print_done, print_reach, written
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.controls import SANCTION, SUSPENSION, Reason, Sanction, SetStatus, order_name
from paripassu.errors import HolderUnknown, InvalidArgument
from paripassu.identifiers import Bytes32
from paripassu.jobs.controlling import Done, carry_out, locate, rotate, same_ledger
from paripassu.jobs.ordering import Reach, order
from paripassu.jobs.session import open_session

Proof = Annotated[str, Parameter(help="The account's signature in hex, as a wallet made it.")]
Key = Annotated[str, Parameter(help="Signer of that account, to make its proof here: dev:<name>, …")]


def _order(account: str, scope: Bytes32, stands: bool, text: str, place: Place, json: bool) -> None:
    reason = because(text)

    async def job() -> Reach:
        async with open_session(place.network_file, place.folder) as session:
            return await order(session, *locate(session, account), scope, stands, reason)

    print_reach(run(job()), json, reason)


def _status(account: str, active: bool, text: str, here: bool, place: Place, json: bool) -> None:
    if not here:
        return _order(account, SUSPENSION, not active, text, place, json)
    reason = because(text)

    async def job() -> Done:
        async with open_session(place.network_file, place.folder) as session:
            ledger, named = locate(session, account)
            return await carry_out(ledger, SetStatus(named, active, reason), session.role("registrar"))

    return print_done([run(job())], json, reason)


def suspend(
    account: Account, *, reason: WhyText, here: Here = False, place: Place = Place(), json: JsonFlag = False
) -> None:
    """Suspend an account's holder on all ledgers, for all securities; the registrar signs."""
    _status(account, False, reason, here, place, json)


def reinstate(
    account: Account, *, reason: WhyText, here: Here = False, place: Place = Place(), json: JsonFlag = False
) -> None:
    """Lift the suspension that this ledger ordered; the registrar signs."""
    _status(account, True, reason, here, place, json)


def _sanction(account: str, sanctioned: bool, text: str, here: bool, place: Place, json: bool) -> None:
    if not here:
        return _order(account, SANCTION, sanctioned, text, place, json)
    reason = because(text)

    async def job() -> Done:
        async with open_session(place.network_file, place.folder) as session:
            ledger, named = locate(session, account)
            return await carry_out(ledger, Sanction(named, sanctioned, reason), session.role("regulator"))

    return print_done([run(job())], json, reason)


def sanction(
    account: Account, *, reason: WhyText, here: Here = False, place: Place = Place(), json: JsonFlag = False
) -> None:
    """Sanction an account's holder on all ledgers, units in transit included; the regulator signs."""
    _sanction(account, True, reason, here, place, json)


def unsanction(
    account: Account, *, reason: WhyText, here: Here = False, place: Place = Place(), json: JsonFlag = False
) -> None:
    """Lift the sanction that this ledger ordered; the regulator signs."""
    _sanction(account, False, reason, here, place, json)


def rotate_key(
    source: Annotated[str, Parameter(name="--from", help="The account whose key is given up.")],
    target: Annotated[str, Parameter(name="--to", help="The account that takes its place.")],
    *,
    reason: WhyText,
    place: Place = Place(),
    from_signer: Key = "",
    to_signer: Key = "",
    from_proof: Proof = "",
    to_proof: Proof = "",
    typed_data: Annotated[
        bool, Parameter(help="Print what both keys must sign (EIP-712) for wallets; nothing is sent.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Let another key take an account's place, by proof of both keys; the registrar signs.

    Entitlements of the former account are paid to the new one. Its units follow with `pari security recover`.
    """
    given: Reason = because(reason)

    async def job() -> Done | None:
        async with open_session(place.network_file, place.folder) as session:
            ledger, (former, new) = same_ledger(session, source, target)
            if typed_data:
                record = await ledger.holder(former)
                if record is None:
                    raise HolderUnknown(f"Account '{former}' is not registered on {ledger.name}.")
                statements = (
                    await ledger.controls.key_rotation(former, new),
                    await ledger.key_control(new, record.holder),
                )
                typed = [one.typed_data() for one in statements if one is not None]
                print_json({"schema": "paripassu.typed-data/1", "statements": typed})
                return None
            return await rotate(
                ledger,
                former,
                new,
                given,
                session.role("registrar"),
                owner=session.signer(from_signer) if from_signer else None,
                successor=session.signer(to_signer) if to_signer else None,
                proof_from=_hex(from_proof),
                proof_to=_hex(to_proof),
            )

    done = run(job())
    if done is not None:
        print_done([done], json, given)
        if not json:
            print(f"next: pari security recover --from {source} --to {target}")


def show(account: Account, *, place: Place = Place(), json: JsonFlag = False) -> None:
    """Show what a ledger knows of an account, its successor, and what it could receive and deliver."""

    async def job() -> tuple[dict[str, object], list[dict[str, object]]]:
        async with open_session(place.network_file, place.folder) as session:
            ledger, named = locate(session, account)
            record = await ledger.holder(named)
            if record is None:
                raise HolderUnknown(f"Account '{named}' is not registered on {ledger.name}.")
            succession = await ledger.controls.succession(named)
            payee = await ledger.payee(named)
            holding = await ledger.controls.holding(named)
            names = {one.id: name for name, one in session.network.ledgers.items()}
            orders: list[dict[str, object]] = [
                {
                    "order": order_name(one.scope),
                    "scope": one.scope.text,
                    "orderedOn": names.get(one.origin, str(one.origin)),
                    "stands": one.stands,
                    "reason": one.reason,
                    "since": one.since,
                }
                for one in await ledger.controls.orders(record.holder)
            ]
            found: dict[str, object] = {
                "ledger": ledger.name,
                "account": named,
                "holder": record.holder.text,
                "country": str(record.country),
                "investorClass": record.investor_class,
                "active": record.active,
                "expiry": record.expiry,
                "sanctioned": record.sanctioned,
                "frozen": holding.frozen,
                "orders": orders,
                "additional": record.additional,
                "servicer": record.servicer,
                "superseded": record.superseded,
                "successor": succession.successor if succession else "",
                "supersededAt": succession.at if succession else 0,
                "payee": payee.account,
                "payoutRestriction": int(payee.code),
                "payoutRestrictionName": payee.code.name,
            }
            return found, orders

    found, orders = run(job())
    if json:
        print_json({"schema": "paripassu.holder/1", **found})
        return
    found["orders"] = "\n".join(
        f"{one['order']} {'since' if one['stands'] else 'lifted'} {written(int(str(one['since'])))} "
        f"by order on {one['orderedOn']}: {one['reason']}"
        for one in orders
    )
    for name in ("expiry", "supersededAt"):
        found[name] = written(int(str(found[name]))) if found[name] else "never"
    print_table("", ["", account], [[name, value] for name, value in found.items()])


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise InvalidArgument("A proof is a signature in hex.") from None

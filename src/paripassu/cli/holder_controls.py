"""`pari holder`: suspend, sanction, rotate keys, and show what is known of an account."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import Account, WhyText, because, print_done, written
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.controls import Reason, Sanction, SetStatus
from paripassu.errors import HolderUnknown, InvalidArgument
from paripassu.jobs.controlling import Done, carry_out, locate, rotate, same_ledger
from paripassu.jobs.session import open_session

Proof = Annotated[str, Parameter(help="The account's signature in hex, as a wallet made it.")]
Key = Annotated[str, Parameter(help="Signer of that account, to make its proof here: dev:<name>, …")]


def _status(account: str, active: bool, text: str, place: Place, json: bool) -> None:
    reason = because(text)

    async def job() -> Done:
        async with open_session(place.network_file, place.folder) as session:
            ledger, named = locate(session, account)
            return await carry_out(ledger, SetStatus(named, active, reason), session.role("registrar"))

    print_done([run(job())], json, reason)


def suspend(account: Account, *, reason: WhyText, place: Place = Place(), json: JsonFlag = False) -> None:
    """Suspend an account for all securities of its ledger; the registrar signs."""
    _status(account, False, reason, place, json)


def reinstate(account: Account, *, reason: WhyText, place: Place = Place(), json: JsonFlag = False) -> None:
    """Lift an account's suspension; the registrar signs."""
    _status(account, True, reason, place, json)


def _sanction(account: str, sanctioned: bool, text: str, place: Place, json: bool) -> None:
    reason = because(text)

    async def job() -> Done:
        async with open_session(place.network_file, place.folder) as session:
            ledger, named = locate(session, account)
            return await carry_out(ledger, Sanction(named, sanctioned, reason), session.role("regulator"))

    print_done([run(job())], json, reason)


def sanction(account: Account, *, reason: WhyText, place: Place = Place(), json: JsonFlag = False) -> None:
    """Sanction an account by order; the regulator signs."""
    _sanction(account, True, reason, place, json)


def unsanction(account: Account, *, reason: WhyText, place: Place = Place(), json: JsonFlag = False) -> None:
    """Lift an account's sanction; the regulator signs."""
    _sanction(account, False, reason, place, json)


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

    async def job() -> dict[str, object]:
        async with open_session(place.network_file, place.folder) as session:
            ledger, named = locate(session, account)
            record = await ledger.holder(named)
            if record is None:
                raise HolderUnknown(f"Account '{named}' is not registered on {ledger.name}.")
            succession = await ledger.controls.succession(named)
            payee = await ledger.payee(named)
            return {
                "ledger": ledger.name,
                "account": named,
                "holder": record.holder.text,
                "country": str(record.country),
                "investorClass": record.investor_class,
                "active": record.active,
                "expiry": record.expiry,
                "sanctioned": record.sanctioned,
                "additional": record.additional,
                "servicer": record.servicer,
                "superseded": record.superseded,
                "successor": succession.successor if succession else "",
                "supersededAt": succession.at if succession else 0,
                "payee": payee.account,
                "payoutRestriction": int(payee.code),
                "payoutRestrictionName": payee.code.name,
            }

    found = run(job())
    if json:
        print_json({"schema": "paripassu.holder/1", **found})
        return
    for name in ("expiry", "supersededAt"):
        found[name] = written(int(str(found[name]))) if found[name] else "never"
    print_table("", ["", account], [[name, value] for name, value in found.items()])


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise InvalidArgument("A proof is a signature in hex.") from None

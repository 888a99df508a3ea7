"""`pari holder`: onboard accounts, prove that their keys are there, list them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.commands import Onboard
from paripassu.config import holder_salt
from paripassu.custody import holder_commitment
from paripassu.errors import CommandImpossible, InvalidArgument
from paripassu.identifiers import AccountId, Country
from paripassu.jobs import movements
from paripassu.jobs.local import give_coin
from paripassu.jobs.session import open_session

Ledger = Annotated[str, Parameter(help="Ledger by its name in the network file, or CAIP-2 id.")]
Account = Annotated[str, Parameter(help="Address on a chain, account id in book entry.")]
Identity = Annotated[str, Parameter(help="LEI or private national id; only its salted commitment leaves.")]


def onboard(
    ledger: Ledger,
    account: Account,
    identity: Identity,
    country: Annotated[str, Parameter(help="ISO 3166-1 alpha-2.")],
    *,
    place: Place = Place(),
    investor_class: int = 1,
    expiry: Annotated[int, Parameter(help="Seconds since the epoch; 0 for never.")] = 0,
    servicer: Annotated[str, Parameter(help="Account of the account servicer, if any.")] = "",
    additional: Annotated[
        bool, Parameter(help="The holder has an account already, whose holding cap this one shares.")
    ] = False,
    proof: Annotated[
        str, Parameter(help="The account's signature in hex, as `pari holder prove` prints it.")
    ] = "",
    signer: Annotated[
        str,
        Parameter(help="Signer of the account, to make the proof here: dev:<name>, ${VAR}, keystore:<path>."),
    ] = "",
) -> None:
    """Register an account of a holder on one ledger; on a local chain it gets coin for its fees too.

    A chain wants proof, at a first onboarding, that the account's key is there: `--proof` or `--signer`.
    """

    async def job() -> None:
        async with open_session(place.network_file, place.folder) as session:
            chosen = session.ledger(ledger)
            command = Onboard(
                account=AccountId(chosen.id, account).account,
                holder=holder_commitment(holder_salt(session.network.environment), identity),
                country=Country(country),
                investor_class=investor_class,
                expiry=expiry,
                servicer=AccountId(chosen.id, servicer).account if servicer else "",
                additional=additional,
                proof=_bytes(proof),
            )
            if signer:
                command = await movements.proven(chosen, command, session.signer(signer))
            (outcome,) = await movements.onboard(chosen, [command], session.role("registrar"))
            if session.network.is_local and chosen.id.is_evm:
                # elsewhere holders come with coin of their own; here nobody else could give them any
                urls = session.network.ledger_named(chosen.id).rpc_urls
                await asyncio.to_thread(give_coin, urls, [account])
            print(f"{outcome.state.value} {outcome.transaction}")

    run(job())


def prove(
    ledger: Ledger,
    account: Account,
    identity: Identity,
    *,
    place: Place = Place(),
    signer: Annotated[
        str, Parameter(help="Signer of the account: dev:<name>, ${VAR}, keystore:<path>.")
    ] = "",
    typed_data: Annotated[
        bool, Parameter(help="Print what is to be signed (EIP-712) for a wallet; nothing is signed.")
    ] = False,
) -> None:
    """Print the proof that an account's key is there, for `pari holder onboard --proof`."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder) as session:
            chosen = session.ledger(ledger)
            holder = holder_commitment(holder_salt(session.network.environment), identity)
            named = AccountId(chosen.id, account).account
            statement = await chosen.key_control(named, holder)
            if statement is None:
                raise CommandImpossible(
                    f"{chosen.name} asks for no proof of a key.", next_command="pari holder onboard --help"
                )
            if typed_data:
                print_json(statement.typed_data())
                return
            if not signer:
                raise InvalidArgument("Name the account's signer with --signer, or print --typed-data.")
            print("0x" + (await movements.signature_of(statement, session.signer(signer))).hex())

    run(job())


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise InvalidArgument("A proof is a signature in hex, as `pari holder prove` prints it.") from None


def holders(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """List the registered accounts of every ledger."""

    async def job() -> list[list[object]]:
        async with open_session(place.network_file, place.folder) as session:
            return [
                [
                    ledger.name,
                    account,
                    record.country,
                    record.investor_class,
                    record.active,
                    record.holder.text,
                ]
                for ledger in session.ledgers.values()
                for account, record in sorted((await ledger.holders()).items())
            ]

    rows = run(job())
    names = ["ledger", "account", "country", "investorClass", "active", "holder"]
    if json:
        print_json(
            {"schema": "paripassu.holders/1", "holders": [dict(zip(names, row, strict=True)) for row in rows]}
        )
    else:
        print_table("", names, rows)

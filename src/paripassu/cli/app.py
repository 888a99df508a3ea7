"""The command tree. Commands are import paths, so that `--help` answers without loading them."""

from __future__ import annotations

import difflib
import os
import sys

from cyclopts import App, CycloptsError, UnknownCommandError

from paripassu import __version__
from paripassu.errors import InvalidArgument, PariError, UnknownCommand

app = App(
    name="pari",
    help="Same asset, same rights, same outcome: tokenised securities over several ledgers.",
    version=__version__,
    help_format="plaintext",  # elsewhere <name> would be taken for markup, and left out
    suppress_keyboard_interrupt=False,
    exit_on_error=False,
    print_error=False,
)

_GROUPS = {
    "deploy": "Deploy the contracts and the book-entry ledger from one network file.",
    "holder": "Onboard holders, suspend and sanction them, rotate their keys.",
    "security": "Issue and move the security; freeze, pause, lock, pledge.",
    "security quota": "Parts of the limits over all ledgers.",
    "rules": "The transfer rules in force, and their changes.",
    "decision": "What the rules said of each instruction, and the same made again.",
    "act": "Acts of consequence, to which several roles must agree.",
    "act propose": "Propose an act of consequence.",
    "version": "Which code every contract ran, and since when.",
    "event": "Corporate actions: validate, announce, entitle, pay.",
    "audit": "The bridge's log of what it did: export it, check it.",
    "message": "Messages between ledgers and their history.",
    "attestors": "Who attests what passes between ledgers.",
    "transport": "Other networks that vouch for messages between ledgers.",
    "lane": "Lanes between ledgers: stop one, cap what arrives, resume those of a halted ledger.",
    "time": "The business clock of a local network.",
}

COMMANDS = {
    "demo": ("paripassu.cli.demo:demo", "Run one dividend over four ledgers, start to report."),
    "up": ("paripassu.cli.network:up", "Start the local nodes of a network file."),
    "down": ("paripassu.cli.network:down", "Stop what `pari up` started."),
    "status": ("paripassu.cli.status:status", "Show where every ledger and every lane stands."),
    "deploy plan": (
        "paripassu.cli.deploy:plan",
        "Show what differs between file and ledgers; exits 2 if anything.",
    ),
    "deploy apply": ("paripassu.cli.deploy:apply", "Carry the plan out; resumes where it was killed."),
    "deploy check": ("paripassu.cli.deploy:check", "Find drift of code, roles, versions and records."),
    "holder onboard": ("paripassu.cli.holders:onboard", "Register an account of a holder on a ledger."),
    "holder prove": ("paripassu.cli.holders:prove", "Sign that an account belongs to a holder."),
    "holder list": ("paripassu.cli.holders:holders", "List registered accounts."),
    "holder suspend": ("paripassu.cli.holder_controls:suspend", "Suspend an account."),
    "holder reinstate": ("paripassu.cli.holder_controls:reinstate", "Lift an account's suspension."),
    "holder sanction": ("paripassu.cli.holder_controls:sanction", "Sanction an account by order."),
    "holder unsanction": ("paripassu.cli.holder_controls:unsanction", "Lift an account's sanction."),
    "holder rotate": (
        "paripassu.cli.holder_controls:rotate_key",
        "Let another key take an account's place, by proof of both.",
    ),
    "holder show": ("paripassu.cli.holder_controls:show", "Show what a ledger knows of an account."),
    "holder breakdown": (
        "paripassu.cli.securities:breakdown",
        "Attest the client positions behind an omnibus account.",
    ),
    "security issue": ("paripassu.cli.securities:issue", "Issue units on the home ledger."),
    "security redeem": ("paripassu.cli.securities:redeem", "Redeem units on the home ledger."),
    "security move": (
        "paripassu.cli.securities:move",
        "Move units between accounts, across ledgers or within one.",
    ),
    "security positions": ("paripassu.cli.securities:positions", "Show positions on every ledger."),
    "security balances": (
        "paripassu.cli.balances:balances",
        "Show an account's units by type, and how much may move now.",
    ),
    "security freeze": ("paripassu.cli.freezes:freeze", "Freeze an account in this security."),
    "security unfreeze": ("paripassu.cli.freezes:unfreeze", "Release a frozen account."),
    "security freeze-units": ("paripassu.cli.freezes:freeze_units", "Set an account's frozen units."),
    "security pause": ("paripassu.cli.freezes:pause", "Stop movements of the security."),
    "security unpause": ("paripassu.cli.freezes:unpause", "Let movements go on."),
    "security stop": ("paripassu.cli.freezes:stop", "Stop everything for seven days at most."),
    "security pause-class": ("paripassu.cli.freezes:pause_class", "Pause the inventory of classes."),
    "security unpause-class": ("paripassu.cli.freezes:unpause_class", "Let the inventory of classes move."),
    "security lots": (
        "paripassu.cli.lots:lots",
        "Show where units come from and where they are, lot by lot.",
    ),
    "security lock": ("paripassu.cli.units:lock", "Lock units of an account up until a time."),
    "security pledge": ("paripassu.cli.units:pledge", "Pledge units to another account."),
    "security release": ("paripassu.cli.units:release", "Release a pledge."),
    "security enforce": ("paripassu.cli.units:enforce", "Take pledged units."),
    "security batch": ("paripassu.cli.units:batch", "Transfer to many accounts, all or none."),
    "security open": ("paripassu.cli.units:open_accounts", "Give accounts their place beforehand."),
    "security recover": (
        "paripassu.cli.units:recover",
        "Move all units of a superseded account to its successor.",
    ),
    "security quota move": (
        "paripassu.cli.quotas:move",
        "Let unused holding cap count for another account of its holder.",
    ),
    "security quota places": (
        "paripassu.cli.quotas:places",
        "Let free places of the limit of holders count on another ledger.",
    ),
    "security quota show": ("paripassu.cli.quotas:show", "Show what every ledger has of the limits."),
    "rules show": ("paripassu.cli.rules:show", "Show the rules that each ledger applies now."),
    "rules countries": ("paripassu.cli.rules:countries", "Set the countries that may receive, or may not."),
    "rules classes": ("paripassu.cli.rules:classes", "Set the investor classes that may receive."),
    "rules minimum-lot": ("paripassu.cli.rules:minimum_lot", "Set the least number of units of a transfer."),
    "rules blackout": ("paripassu.cli.rules:blackout", "Set the time spans without trade."),
    "rules modules": ("paripassu.cli.rules:modules", "Plug rule contracts in."),
    "decision list": (
        "paripassu.cli.decisions:list_decisions",
        "List what the rules said of each instruction.",
    ),
    "decision show": ("paripassu.cli.decisions:show", "Show a decision with its rules and inputs."),
    "decision replay": (
        "paripassu.cli.decisions:replay",
        "Make past decisions again; exits 1 where one has another verdict.",
    ),
    "act propose forced-transfer": (
        "paripassu.cli.proposals:forced_transfer",
        "Move units because the law orders it.",
    ),
    "act propose forced-transfers": (
        "paripassu.cli.proposals:forced_transfers",
        "The forced transfers of one order, from a file.",
    ),
    "act propose burn": ("paripassu.cli.proposals:burn", "Destroy units by law."),
    "act propose burns": ("paripassu.cli.proposals:burns", "The destructions of one order, from a file."),
    "act propose cancel": ("paripassu.cli.proposals:cancel", "Cancel units that were issued in error."),
    "act propose arrival": (
        "paripassu.cli.proposals:arrival",
        "Let a parked movement arrive although it exceeds its cap.",
    ),
    "act propose recover": ("paripassu.cli.proposals:recover", "Replace an account whose key is lost."),
    "act propose issue-limit": ("paripassu.cli.amendments:issue_limit", "Change the issue limit."),
    "act propose holding-cap": (
        "paripassu.cli.amendments:holding_cap",
        "Change a ledger's share of the holding cap.",
    ),
    "act propose holder-limit": (
        "paripassu.cli.amendments:holder_limit",
        "Change a ledger's share of the limit of holders.",
    ),
    "act propose rename": ("paripassu.cli.amendments:rename", "Change the security's name or symbol."),
    "act propose terms": ("paripassu.cli.amendments:terms", "Put amended terms in force."),
    "act propose rollback": ("paripassu.cli.amendments:rollback", "Return a contract to the version before."),
    "act propose grant-role": ("paripassu.cli.amendments:grant_role", "Give an account a role."),
    "act propose revoke-role": ("paripassu.cli.amendments:revoke_role", "Take a role from an account."),
    "act propose attestors": (
        "paripassu.cli.amendments:attestors",
        "Let the network file's attestors take over on a ledger.",
    ),
    "act approve": ("paripassu.cli.acts:approve", "Approve an act for a role."),
    "act withdraw": ("paripassu.cli.acts:withdraw", "Take back an approval, or an act."),
    "act execute": ("paripassu.cli.acts:execute", "Carry out an act that has its approvals."),
    "act list": ("paripassu.cli.acts:list_acts", "List acts and where each stands."),
    "act show": ("paripassu.cli.acts:show", "Show an act with its lineage."),
    "version list": ("paripassu.cli.versions:list_versions", "List every change of code."),
    "version at": ("paripassu.cli.versions:at", "Show the code that ran at a time."),
    "event validate": ("paripassu.cli.events:validate", "Check an event file; nothing is sent."),
    "event announce": ("paripassu.cli.events:announce", "Announce the event on the home ledger."),
    "event entitle": (
        "paripassu.cli.events:entitle",
        "Strike positions at record time and publish the table.",
    ),
    "event fund": ("paripassu.cli.events:fund", "Fund the paying agent on every ledger (local networks)."),
    "event pay": ("paripassu.cli.events:pay", "Pay every entitlement that is not paid yet."),
    "event show": ("paripassu.cli.events:show", "Show the event as each ledger knows it."),
    "spec": ("paripassu.cli.spec:spec", "Show what a security is on its ledgers, or drift from a sheet."),
    "reconcile": ("paripassu.cli.reconcile:reconcile", "Prove the invariants I1 to I7 from the ledgers."),
    "relay": ("paripassu.cli.relaying:app", "Carry attested batches to their destinations."),
    "relay rebuild": (
        "paripassu.cli.rebuilding:rebuild",
        "Make the bridge's store anew from ledgers and audit log.",
    ),
    "attest": ("paripassu.cli.bridge:attest", "Watch the ledgers and sign batches, as one attestor."),
    "work": ("paripassu.cli.work:work", "Do what is due by the clock, one worker of many."),
    "audit export": ("paripassu.cli.rebuilding:audit_export", "Write the bridge's audit log to a file."),
    "audit verify": ("paripassu.cli.rebuilding:audit_verify", "Check the hashes of the audit log."),
    "watch": ("paripassu.cli.watch:watch", "Compare all ledgers' books; alarms, metrics, lane stop."),
    "message list": ("paripassu.cli.messages:message_list", "List messages and their states."),
    "message show": ("paripassu.cli.bridge:message_show", "Show one message with its history."),
    "message replay": (
        "paripassu.cli.messages:message_replay",
        "Have a message that waits after failures delivered again at once.",
    ),
    "message retry": ("paripassu.cli.bridge:message_retry", "Try a parked message again."),
    "message proof": ("paripassu.cli.proofs:proof", "Write a message's settlement proof to a file."),
    "message verify": ("paripassu.cli.proofs:verify", "Check a settlement proof, also against the ledgers."),
    "message refuse": (
        "paripassu.cli.bridge:message_refuse",
        "Refuse a parked message for good, so that it comes back.",
    ),
    "attestors show": ("paripassu.cli.attestors:show", "Show the attestor set of every ledger."),
    "transport relay": (
        "paripassu.cli.transports:relay",
        "Deliver the messages of a local network's Hyperlane.",
    ),
    "lane stop": ("paripassu.cli.lanes:stop", "Stop the lanes of one purpose between two ledgers."),
    "lane start": ("paripassu.cli.lanes:start", "Let stopped lanes go on."),
    "lane cap": ("paripassu.cli.lanes:cap", "Bound what arrives of a security from a ledger."),
    "lane show": ("paripassu.cli.lanes:show", "Show the lanes of a ledger, stopped ones and caps."),
    "lane resume": ("paripassu.cli.resuming:resume", "Let a halted ledger's lanes run again."),
    "time show": ("paripassu.cli.network:time_show", "Show the time of every ledger."),
    "time travel": ("paripassu.cli.network:time_travel", "Move every local ledger to a later time."),
}


def _register() -> None:
    groups: dict[str, App] = {}
    for name, text in _GROUPS.items():
        above, _, leaf = name.rpartition(" ")
        groups[name] = App(name=leaf, help=text)
        (groups[above] if above else app).command(groups[name])
    for path, (target, text) in COMMANDS.items():
        group, _, leaf = path.rpartition(" ")
        if group not in COMMANDS:  # a command with commands of its own brings them along
            (groups[group] if group else app).command(target, name=leaf, help=text)


_register()


def main(arguments: list[str] | None = None) -> None:
    """Entry point: runs a command and turns expected errors into code, sentence and next command."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        result = app(words)
        sys.stdout.flush()
    except CycloptsError as error:
        _fail(_misunderstood(error, words), words)
    except PariError as error:
        _fail(error, words)
    except KeyboardInterrupt:
        print("stopped by the keyboard; nothing is half done: run the same command again", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has left, as `head` does; keep the interpreter from writing to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(result if isinstance(result, int) else 0)


def _fail(error: PariError, words: list[str]) -> None:
    if error.next_command == PariError.next_command:
        # the error knows no remedy: what the command wants is the best there is to say
        error.next_command = f"{_command_of(words)} --help"
    print_error(error)
    sys.exit(error.exit_status)


def _command_of(words: list[str]) -> str:
    """`pari` with the command that the words begin with."""
    known = [path for path in (" ".join(words[:count]) for count in (3, 2, 1)) if path in COMMANDS]
    return " ".join(["pari", *known[:1]])


def print_error(error: PariError) -> None:
    """Three facts on standard error: the code, the sentence, the next command."""
    print(f"error {error.code}: {error.sentence}", file=sys.stderr)
    print(f"  next: {error.next_command}", file=sys.stderr)


def _misunderstood(error: CycloptsError, words: list[str]) -> PariError:
    if isinstance(error, UnknownCommandError):
        return _unknown_command(words)
    sentence, _, suggestion = str(error).strip().partition(". ")
    if suggestion.startswith("Did you mean"):
        sentence += f"; did you mean{suggestion.removeprefix('Did you mean')}"
    command = " ".join(["pari", *(error.command_chain or ())])
    return InvalidArgument(
        sentence.rstrip(".?") + ("?" if suggestion else "."), next_command=f"{command} --help"
    )


def _unknown_command(words: list[str]) -> PariError:
    # Not from the parser: it would import every command to make its suggestion.
    depth = next((n for n in (2, 1) if " ".join(words[:n]) in _GROUPS and len(words) > n), 0)
    group = " ".join(words[:depth])
    beginning = f"{group} " if group else ""
    paths = [path.removeprefix(beginning) for path in (*_GROUPS, *COMMANDS) if path.startswith(beginning)]
    known = [path for path in paths if " " not in path]
    unknown = words[depth]
    near = difflib.get_close_matches(unknown, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}."
    return UnknownCommand(
        f"'{unknown}' is no command of pari{' ' + group if group else ''}; {hint}",
        next_command=f"pari {group} --help".replace("  ", " "),
    )


if __name__ == "__main__":
    main()

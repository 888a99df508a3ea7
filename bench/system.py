"""What the scenarios ask of every system."""

from __future__ import annotations

from typing import ClassVar

from bench.chain import Bench
from bench.parties import COUNTRY


class NotOffered(Exception):
    """The system has no such entry point; the text says so in the notes of the result."""


class System:
    """One system under measurement. Methods that measure answer gas; a system overrides what it offers."""

    name: ClassVar[str]
    rules: ClassVar[str]
    """What a transfer is checked against as measured, for the page."""

    remarks: ClassVar[dict[str, str]] = {}
    """Scenario -> what a reader must know of a figure that is there; `notes` has what a run adds."""

    bars_countries: ClassVar[bool] = False
    """Whether a transfer to a holder of BARRED_COUNTRY must be refused."""

    batch_skips_rules: ClassVar[bool] = False
    """Whether a batch reaches a holder whom a transfer does not; then `remarks` have to say so."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.token = ""
        self.notes = dict(self.remarks)
        self.parts: dict[str, int] = {}  # what the platform consists of -> gas; empty where not kept

    def deploy_platform(self) -> int:
        """What is deployed once on a chain."""
        raise NotOffered("nothing is shared between tokens")

    def deploy_token_platform(self) -> int:
        """What of its platform a system needs for no more than tokens with rules; undone afterwards."""
        raise NotOffered("not measured")

    def deploy_security(self) -> int:
        """One working token on a chain that has the platform; sets `token`."""
        raise NotImplementedError

    def onboard(self, holder: str, country: int = COUNTRY) -> int:
        """Admit one new holder, who may receive from then on."""
        raise NotOffered("everybody may hold: there is no onboarding")

    def onboard_batch(self, holders: list[str]) -> int:
        """Admit new holders in one transaction."""
        raise NotOffered("not measured")

    def ban(self, holder: str) -> None:
        """Freeze a holder's account, unmeasured: from then on it must not receive."""
        raise NotOffered("no account can be frozen")

    def open(self, holder: str) -> int:
        """Prepare a holder's account in this security, so that its first receipt is like any other."""
        raise NotOffered("accounts of a security cannot be opened beforehand")

    def issue(self, holder: str, amount: int) -> None:
        """Create units, unmeasured."""
        raise NotImplementedError

    def transfer(self, sender: str, recipient: str, amount: int) -> int:
        """ERC-20 transfer."""
        return self.bench.execute(sender, self.token, "transfer(address,uint256)", recipient, amount)

    def batch_transfer(self, sender: str, recipients: list[str], amount: int) -> int:
        """One transaction that moves `amount` to each recipient."""
        raise NotOffered("no batch transfer")

    def forced_transfer(self, source: str, recipient: str, amount: int) -> int:
        """Movement without the holder's consent, by whoever has the right."""
        raise NotOffered("no forced transfer")

    def forced_transfer_act(self, source: str, recipient: str, amount: int) -> int:
        """All that a forced transfer takes where several have to agree: every transaction of it."""
        raise NotOffered("not measured")

    def pass_record_time(self) -> None:
        """Let a record time come and go, unmeasured."""
        raise NotOffered("no record times")

    def balance_of(self, holder: str) -> int:
        """ERC-20 balance."""
        return int(self.bench.read(self.token, "balanceOf(address)", holder))

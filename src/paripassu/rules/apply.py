"""A movement applied to a token's state, and how much may move now."""

from __future__ import annotations

from dataclasses import replace

from paripassu.quantities import Units
from paripassu.rules.balances import free, release_lapsed
from paripassu.rules.kinds import Kind
from paripassu.rules.restrictions import Restriction, refusal
from paripassu.rules.state import UNLIMITED, Movement, TokenState
from paripassu.rules.verdict import judge


def apply(token: TokenState, movement: Movement, now: int) -> TokenState:
    """The token after the movement. A pledge encumbers units; a payout is of cash and changes nothing.

    Raises:
        RuleError: the rules refuse it, with the code that `judge` gives (CTL-3).
    """
    restriction = judge(token, movement, now)
    if restriction is not Restriction.NONE:
        raise refusal(restriction, source=movement.source, target=movement.target, units=int(movement.units))
    if movement.kind is Kind.PAYOUT or movement.units == 0:
        return token
    if movement.kind is Kind.PLEDGE:
        pledgor = release_lapsed(token.account(movement.source), now)
        return token.with_account(movement.source, replace(pledgor, pledged=pledgor.pledged + movement.units))
    if movement.kind.takes:
        source = token.account(movement.source)
        source = free(source, movement.units, now)
        token = token.with_account(movement.source, replace(source, balance=source.balance - movement.units))
    if movement.kind.gives:
        target = token.account(movement.target)
        token = token.with_account(movement.target, replace(target, balance=target.balance + movement.units))
    return token


def allowed_amount(token: TokenState, source: str, target: str, now: int) -> tuple[Units, Restriction]:
    """The largest amount that may move now, and the code that the next larger one gets.

    An empty source asks what should come from the issuer or another ledger (what is on its way already
    arrives at frozen accounts too), an empty target about a departure.
    0 with the code of one unit where nothing may move. Rule modules are taken to allow less
    where they allow more.
    """
    kind = Kind.TRANSFER if target else Kind.BRIDGE_OUT
    kind = kind if source else Kind.ISSUE

    def verdict(units: int) -> Restriction:
        return judge(token, Movement(kind, source, target, Units(units)), now)

    whole = int(token.account(source).balance) if source else int(UNLIMITED)
    if verdict(whole) is Restriction.NONE:
        return Units(whole), verdict(whole + 1)
    # below the whole balance, from the minimum lot on, what may move may move up to a bound
    least = 1 if kind is Kind.ISSUE else max(int(token.rules.minimum_lot), 1)
    if least >= whole or verdict(least) is not Restriction.NONE:
        return Units(0), verdict(1)
    low, high = least, whole
    while high - low > 1:
        middle = (low + high) // 2
        if verdict(middle) is Restriction.NONE:
            low = middle
        else:
            high = middle
    return Units(low), verdict(low + 1)

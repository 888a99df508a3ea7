"""The transfer rules: one function, the same in the contract and here (invariant I3).

    >>> token = TokenState(RuleSet(countries, classes), {"a": AccountState(record, balance=Units(9))})
    >>> judge(token, Movement(Kind.TRANSFER, "a", "b", Units(10)), now)
    <Restriction.RECIPIENT_UNKNOWN: 5>

No clock and no input or output: everything that a verdict depends on is an argument.
"""

from paripassu.rules.apply import allowed_amount, apply
from paripassu.rules.balances import (
    BalanceType,
    encumber,
    free,
    land_lots,
    lock,
    release_lapsed,
    sub_balances,
    take_lots,
)
from paripassu.rules.decisions import DecisionRecord, RuleVersion
from paripassu.rules.inputs import answering, case_of, inputs_of
from paripassu.rules.kinds import APPLIES, Kind
from paripassu.rules.restrictions import Restriction, refusal
from paripassu.rules.shares import share
from paripassu.rules.state import (
    CLASS_LIMIT,
    EXPIRY_LIMIT,
    MOST_LOTS,
    MOST_TRAVELLING,
    MOST_WINDOWS,
    UNLIMITED,
    AccountState,
    HolderRecord,
    Lot,
    Movement,
    RuleModule,
    RuleSet,
    Standing,
    TokenState,
    Window,
)
from paripassu.rules.verdict import Case, judge, quota, verdict

__all__ = [
    "APPLIES",
    "CLASS_LIMIT",
    "EXPIRY_LIMIT",
    "MOST_LOTS",
    "MOST_TRAVELLING",
    "MOST_WINDOWS",
    "UNLIMITED",
    "AccountState",
    "BalanceType",
    "Case",
    "DecisionRecord",
    "HolderRecord",
    "Kind",
    "Lot",
    "Movement",
    "Restriction",
    "RuleModule",
    "RuleSet",
    "RuleVersion",
    "Standing",
    "TokenState",
    "Window",
    "allowed_amount",
    "answering",
    "apply",
    "case_of",
    "encumber",
    "free",
    "inputs_of",
    "judge",
    "land_lots",
    "lock",
    "quota",
    "refusal",
    "release_lapsed",
    "share",
    "sub_balances",
    "take_lots",
    "verdict",
]

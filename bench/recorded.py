"""Figures of peers that no package holds, from an earlier run of ours; nothing here is measured anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROWS = {
    "transfer_existing": "transfer, existing holder",
    "transfer_new": "transfer, new holder of this security",
    "onboard": "onboard one holder",
    "batch_transfer_100_new": "batch to 100 new holders",
    "forced_transfer": "forced transfer",
    "first_movement_after_record_time": "first movement after a record time, both sides",
    "deploy_first": "all transactions until one token works",
}
"""Scenario -> its title; `deploy_first` is platform and security together."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A peer: what it checks, and its gas by scenario where it has one."""

    name: str
    notes: str
    gas: Mapping[str, int]


RECORDED = (
    Recorded(
        "centrifuge-v3",
        "freeze of both sides, membership with expiry of the recipient, by a hook; onboarding is for each "
        "token and writes the account's slot, so that a new holder costs what another does",
        {
            "transfer_existing": 44_322,
            "transfer_new": 44_322,
            "onboard": 61_770,
            "forced_transfer": 45_270,
            "deploy_first": 3_500_939,
        },
    ),
    Recorded(
        "oz-uRWA",
        "who may hold, freezes and forced transfer as ERC-7943 has them",
        {
            "transfer_existing": 43_074,
            "transfer_new": 60_174,
            "onboard": 48_353,
            "forced_transfer": 45_567,
            "deploy_first": 1_231_059,
        },
    ),
    Recorded(
        "cmtat-3.1.0",
        "its rule engine with an allow list and a deny list; only a minter may send a batch, and a forced "
        "transfer skips the rule engine",
        {
            "transfer_existing": 82_560,
            "transfer_new": 99_660,
            "onboard": 75_468,
            "batch_transfer_100_new": 5_265_681,
            "forced_transfer": 47_825,
            "deploy_first": 9_695_759,
        },
    ),
    Recorded(
        "cmtat-3.1.0-snapshot",
        "the same with its snapshot engine, which can be set for a later time",
        {
            "transfer_existing": 98_295,
            "transfer_new": 115_395,
            "onboard": 75_468,
            "batch_transfer_100_new": 5_799_087,
            "forced_transfer": 63_560,
            "first_movement_after_record_time": 298_991,
            "deploy_first": 11_440_458,
        },
    ),
    Recorded(
        "erc1400-universaltoken",
        "partitions, with its validator extension",
        {
            "transfer_existing": 122_911,
            "transfer_new": 221_720,
            "onboard": 52_933,
            "forced_transfer": 130_266,
            "deploy_first": 9_634_403,
        },
    ),
    Recorded(
        "ondo-usdy",
        "allow list, block list and sanctions list",
        {
            "transfer_existing": 92_437,
            "transfer_new": 109_537,
            "onboard": 59_819,
            "deploy_first": 6_447_129,
        },
    ),
    Recorded(
        "securitize-dstoken-v4",
        "investor registry with attributes, compliance services; everything is deployed for each token",
        {
            "transfer_existing": 346_562,
            "transfer_new": 456_591,
            "onboard": 507_511,
            "forced_transfer": 151_575,
            "deploy_first": 37_698_921,
        },
    ),
)

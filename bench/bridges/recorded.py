"""Bridges that no package holds, or not so that they can be set up: figures of an earlier run of ours."""

from __future__ import annotations

from bench.recorded import Recorded

RECORDED_BRIDGES = (
    Recorded(
        "wormhole-core",
        "four signatures of five; one message in each transaction, without isolation",
        {"send": 48_141, "execute_1": 122_174},
    ),
    Recorded(
        "ccip-2.0",
        "its committee verifier, signatures over each message",
        {"execute_1": 165_926, "execute_10": 107_036, "execute_100": 100_532},
    ),
    Recorded(
        "oz-axelar-adapter",
        "ERC-7786 of OpenZeppelin over Axelar's gateway",
        {"send": 86_939, "execute_1": 187_162},
    ),
    Recorded(
        "layerzero-v2-five-dvns",
        "three of five verifiers, each with a transaction of its own; the fee is quoted for three",
        {"send": 253_627, "execute_1": 286_919},
    ),
    Recorded(
        "oz-openbridge",
        "ERC-7786 of OpenZeppelin over five gateways of which three have to deliver; what the gateways "
        "themselves take is not in it",
        {"send": 58_696, "execute_1": 250_433},
    ),
    Recorded(
        "ibc-eureka",
        "its attestation client; the only one of these that tells the source what became of a message",
        {
            "send": 100_123,
            "execute_1": 306_591,
            "execute_10": 152_309,
            "execute_100": 142_869,
            "round_trip_1": 662_324,
        },
    ),
)
"""None of them is measured anew; the page says so above their table."""

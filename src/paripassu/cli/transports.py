"""`pari transport`: what a local network needs where its lanes go over another network (MOV-11)."""

from __future__ import annotations

from paripassu.cli.bridge import until_stopped
from paripassu.cli.common import Place, run
from paripassu.cli.logs import log_to_stderr
from paripassu.errors import InvalidArgument
from paripassu.hyperlane.relaying import chains_of, relaying
from paripassu.jobs.session import read_network


def relay(*, place: Place = Place()) -> None:
    """Deliver the messages of a local network's Hyperlane until stopped by Ctrl-C or SIGTERM; on other
    networks its own validators and relayers do."""
    log_to_stderr()
    network = read_network(place.network_file, place.folder)
    if not chains_of(network):
        raise InvalidArgument(
            f"{network.path} names no Hyperlane of a local network, so there is nothing to deliver here.",
            next_command="pari lane show LEDGER",
        )

    async def job() -> None:
        with relaying(network):
            await until_stopped().wait()

    run(job())

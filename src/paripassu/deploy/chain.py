"""A chain as the deploy engine sees it: node, blocks, reads at a final block."""

from __future__ import annotations

from collections.abc import Sequence

from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy import records
from paripassu.deploy.desired import EvmDesired
from paripassu.errors import WrongChain
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.contracts import ContractReader
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.rpc import JsonRpc
from paripassu.workspace import Workspace


class Chain:
    """One chain under deployment. Use as an async context manager.

    Args:
        first_block: no contract of ours is older; logs are read from here on.
        others: the network's other chains.
    """

    def __init__(
        self,
        config: LedgerConfig,
        desired: EvmDesired,
        first_block: int = 0,
        others: Sequence[LedgerConfig] = (),
    ) -> None:
        self.config = config
        self.desired = desired
        self.others = others
        self.rpc = JsonRpc(config.name, config.rpc_urls)
        self.blocks = Blocks(self.rpc, config.blocks.reorg_period)
        self.contracts = ContractReader(self.rpc, desired.addresses)
        self.logs = Logs(self.rpc)
        self.first_block = first_block

    async def __aenter__(self) -> Chain:
        """Verify the chain id. Raises WrongChain, NodeUnreachable."""
        try:
            found = int(await self.rpc.call("eth_chainId"), 16)
            if found != self.config.id.chain_id:
                raise WrongChain(
                    f"The node of {self.config.name} serves chain {found}, "
                    f"the network file says {self.config.id.chain_id}."
                )
        except BaseException:
            await self.rpc.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.rpc.close()

    async def genesis(self) -> str:
        """Hash of block 0: tells a chain from another of the same id that was started anew."""
        return (await self.blocks.at(0)).hash.text


def chain_of(network: NetworkConfig, workspace: Workspace, desired: EvmDesired) -> Chain:
    """A chain of a network; not opened yet."""
    config = network.ledgers[desired.name]
    others = [one for one in network.ledgers.values() if one.id.is_evm and one.id != config.id]
    return Chain(config, desired, records.first_block(network, workspace, config), others)

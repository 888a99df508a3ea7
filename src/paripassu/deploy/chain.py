"""A chain as the deploy engine sees it: node, blocks, reads at a final block."""

from __future__ import annotations

from paripassu.config import LedgerConfig
from paripassu.deploy.desired import EvmDesired
from paripassu.errors import WrongChain
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.contracts import ContractReader
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.rpc import JsonRpc


class Chain:
    """One chain under deployment. Use as an async context manager."""

    def __init__(self, config: LedgerConfig, desired: EvmDesired, first_block: int = 0) -> None:
        self.config = config
        self.desired = desired
        self.rpc = JsonRpc(config.name, config.rpc_urls)
        self.blocks = Blocks(self.rpc, config.blocks.reorg_period)
        self.contracts = ContractReader(self.rpc, desired.addresses)
        self.logs = Logs(self.rpc)
        self.first_block = first_block  # no contract of ours is older; logs are read from here on

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

"""EVM ledgers: one JSON-RPC path, own codec, one transaction sender, and the adapter over them.

web3 stays out of this package: start-up stays cheap and there is one place
where a request can fail.
"""

"""Gas of our contracts beside that of the tokens that npm holds, all on one Anvil.

`python -m bench.gas` measures and writes `bench/results`, `python -m bench.report` writes
`docs/gas.md`; `make bench-gas` does both.
"""

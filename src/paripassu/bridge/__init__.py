"""The bridge: observe → attest → relay → confirm, each a small state machine over the store.

Attestors watch a source to its finality and sign batches of its messages; a
relayer, trusted with nothing, carries batches and signatures to the
destination and confirms from the destination's own record. Start reading at
`node` (how the tasks run), then `states` (what can happen to a message).
"""

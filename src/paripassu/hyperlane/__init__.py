"""Hyperlane on local networks: its contracts, and validators and a relayer that stand for the real ones.

On other networks Hyperlane's own contracts, validators and relayers do this; nothing here is used there.
"""

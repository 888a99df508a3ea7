"""The command `pari`."""

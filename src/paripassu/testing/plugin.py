"""The pytest plugin `paripassu`."""

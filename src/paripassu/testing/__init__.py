"""Pytest fixtures for integration tests on local ledgers."""

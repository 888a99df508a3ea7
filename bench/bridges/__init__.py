"""Bridges under measurement."""

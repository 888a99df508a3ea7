"""Property tests run on shared, busy machines: time limits per example would fail them by chance."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("paripassu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("paripassu")

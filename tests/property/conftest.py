"""Property tests run on shared, busy machines: time limits per example would fail them by chance.

No test here states a target; without one, that phase walks what it has seen in search of shorter
examples, for longer than all else takes.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "paripassu",
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.target],
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("paripassu")

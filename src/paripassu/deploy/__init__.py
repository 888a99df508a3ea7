"""Deployment: `plan` shows how file and ledgers differ, `apply` carries it out, `check` finds drift."""

from paripassu.deploy.apply import AppliedDeployment, Progress, apply
from paripassu.deploy.check import CheckReport, Finding, check
from paripassu.deploy.plan import LedgerPlan, Plan, Step
from paripassu.deploy.planning import plan

__all__ = [
    "AppliedDeployment",
    "CheckReport",
    "Finding",
    "LedgerPlan",
    "Plan",
    "Progress",
    "Step",
    "apply",
    "check",
    "plan",
]

"""Deployment: `plan` shows how file and ledgers differ, `apply` carries it out, `check` finds drift."""

from paripassu.deploy.applied import AppliedDeployment, Progress
from paripassu.deploy.apply import apply
from paripassu.deploy.check import CheckReport, Finding, check
from paripassu.deploy.planning import plan
from paripassu.deploy.steps import LedgerPlan, Plan, Step

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

"""The demo's report as one self-contained HTML page: no script, no outside resource."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_COLOURS = ("var(--a)", "var(--b)", "var(--c)", "var(--d)", "var(--e)")


def render(document: Mapping[str, Any]) -> str:
    """Render a `paripassu.demo/1` document."""
    environment = Environment(
        loader=PackageLoader("paripassu.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters.update(rate=rate_text, money=money, thousands=thousands, when=when, bar=bar)
    return environment.get_template("report.html.j2").render(**document)


def money(minor: int, exponent: int) -> str:
    """Minor units as a decimal text, exact: 12345 with exponent 2 is 123.45."""
    whole, part = divmod(minor, 10**exponent)
    return f"{whole:,}" + (f".{part:0{exponent}d}" if exponent else "")


def rate_text(ratio: str) -> str:
    """An exact ratio as a decimal where it ends, else as it is: 149/400 is 0.3725, 1/3 stays 1/3."""
    value = Fraction(ratio)
    for places in range(19):
        scaled = value * 10**places
        if scaled.denominator == 1:
            whole, part = divmod(scaled.numerator, 10**places)
            return f"{whole}.{part:0{places}d}" if places else str(whole)
    return ratio


def thousands(units: int) -> str:
    return f"{units:,}"


def when(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def bar(positions: Mapping[str, Any]) -> Markup:
    """One stacked bar: shares per ledger and in transit, drawn to scale."""
    parts = [*positions["perLedger"].items(), ("in transit", positions["inTransit"])]
    total = sum(units for _, units in parts) or 1
    width, left = 1000, 0
    shapes, legend = [], []
    for (name, units), colour in zip(parts, _COLOURS, strict=False):
        # Widths are integers per mille; a sliver stays visible so that a small item is not lost from sight.
        share = max(3, units * width // total) if units else 0
        shapes.append(f'<rect x="{left}" y="0" width="{share}" height="34" fill="{colour}"/>')
        legend.append((name, units, colour))
        left += share
    texts = []
    for column, (name, units, colour) in enumerate(legend):
        x = column * width // len(legend)
        texts.append(f'<rect x="{x}" y="50" width="12" height="12" rx="2" fill="{colour}"/>')
        texts.append(
            f'<text x="{x + 18}" y="61" font-size="14" fill="var(--ink)">{escape(name)} {units:,}</text>'
        )
    return Markup(
        f'<svg viewBox="0 0 {max(width, left)} 70" role="img" aria-label="shares per ledger">'
        + "".join(shapes + texts)
        + "</svg>"
    )

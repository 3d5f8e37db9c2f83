"""Bar charts as SVG, small enough to need no library."""

from collections.abc import Sequence
from html import escape

import msgspec

_BAR, _GAP, _LABEL, _WIDTH, _NUMBER = 22, 10, 150, 480, 70
_COLOURS = ("#8a94a6", "#2f6fb3", "#3a9a6b")


class Bars(msgspec.Struct, frozen=True):
    """One group: a heading, and (label, value) pairs from 0 on."""

    heading: str
    values: Sequence[tuple[str, float]]


def bar_chart(title: str, unit: str, groups: Sequence[Bars]) -> str:
    """Horizontal bars on one scale."""
    largest = max(value for group in groups for _, value in group.values)
    lines = [f'<text x="10" y="24" font-size="15" font-weight="bold">{escape(title)} ({escape(unit)})</text>']
    y = 44
    for group in groups:
        lines.append(f'<text x="10" y="{y + 14}" font-style="italic">{escape(group.heading)}</text>')
        y += _BAR + 4
        for number, (label, value) in enumerate(group.values):
            width = max(_WIDTH * value / largest, 1)
            middle = y + _BAR - 7
            lines += [
                f'<text x="{_LABEL - 8}" y="{middle}" text-anchor="end">{escape(label)}</text>',
                f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" '
                f'fill="{_COLOURS[number % len(_COLOURS)]}"/>',
                f'<text x="{_LABEL + width + 6:.1f}" y="{middle}">{value:.3f}</text>',
            ]
            y += _BAR + _GAP
        y += _GAP
    size = f'width="{_LABEL + _WIDTH + _NUMBER}" height="{y}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )

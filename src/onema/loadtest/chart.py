"""Charts as SVG, small enough to need no library: bars, and latency by percentile."""

import math
from collections.abc import Callable, Sequence
from html import escape

import msgspec

_BAR, _GAP, _LABEL, _WIDTH, _NUMBER = 22, 10, 150, 480, 70
_PLOT_WIDTH, _PLOT_HEIGHT, _LEFT, _TOP = 640, 320, 70, 40
_NINES = (0.0, 90.0, 99.0, 99.9, 99.99, 99.999)
_POINTS_PER_NINE = 25
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0, 20.0)
_COLOURS = ("#8a94a6", "#2f6fb3", "#3a9a6b", "#c08a2d", "#a0527a")


class Bars(msgspec.Struct, frozen=True):
    """One group: a heading, and (label, value) pairs from 0 on."""

    heading: str
    values: Sequence[tuple[str, float]]


def bar_chart(title: str, unit: str, groups: Sequence[Bars], *, digits: int = 3) -> str:
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
                f'<text x="{_LABEL + width + 6:.1f}" y="{middle}">{value:,.{digits}f}</text>',
            ]
            y += _BAR + _GAP
        y += _GAP
    return _document(_LABEL + _WIDTH + _NUMBER, y, lines)


def percentile_chart(title: str, unit: str, count: int, percentile: Callable[[float], float]) -> str:
    """What `percentile` of `count` measured values answers, from 0 to the last nine that they can tell.

    Each nine takes the same room, as HdrHistogram draws it.
    """
    nines = [nine for nine in _NINES if nine == 0.0 or round(count * (100 - nine)) >= 100]
    points = [
        (position / _POINTS_PER_NINE, percentile(100 - 100 / 10 ** (position / _POINTS_PER_NINE)))
        for position in range(_POINTS_PER_NINE * max(len(nines) - 1, 1) + 1)
    ]
    step = _step(max(value for _, value in points))
    steps = max(math.ceil(max(value for _, value in points) / step), 1)

    def x(position: float) -> float:
        return _LEFT + _PLOT_WIDTH * position / points[-1][0]

    def y(value: float) -> float:
        return _TOP + _PLOT_HEIGHT * (1 - value / (steps * step))

    lines = [f'<text x="10" y="24" font-size="15" font-weight="bold">{escape(title)} ({escape(unit)})</text>']
    for number in range(steps + 1):
        level = y(number * step)
        lines += [
            f'<path d="M{_LEFT} {level:.1f}h{_PLOT_WIDTH}" stroke="#dde1e7"/>',
            f'<text x="{_LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">{number * step:g}</text>',
        ]
    for position, nine in enumerate(nines):
        lines.append(
            f'<text x="{x(position):.1f}" y="{_TOP + _PLOT_HEIGHT + 20}" text-anchor="middle">p{nine:g}</text>'
        )
    line = " ".join(f"{x(position):.1f},{y(value):.1f}" for position, value in points)
    lines.append(f'<polyline points="{line}" fill="none" stroke="{_COLOURS[1]}" stroke-width="2"/>')
    return _document(_LEFT + _PLOT_WIDTH + 40, _TOP + _PLOT_HEIGHT + 36, lines)


def _step(largest: float) -> float:
    """A round number that divides the axis into at most five parts."""
    least = max(largest, 0.001) / 5
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least)


def _document(width: int, height: int, lines: Sequence[str]) -> str:
    size = f'width="{width}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )

"""Percentiles and ratios, and the table that shows them."""

from collections.abc import Sequence
from statistics import quantiles

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

TABLE_WIDTH = 100


def quantile(seconds: Sequence[float], at: float) -> float:
    """Milliseconds."""
    cuts = quantiles([*seconds, *seconds[-1:]], n=100, method="inclusive")
    return round(cuts[int(at * 100) - 1] * 1000, 1)


class Latency(BaseModel):
    """Milliseconds."""

    p50: float
    p99: float
    count: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Latency":
        cuts = quantiles(seconds, n=100, method="inclusive")
        return cls(p50=round(cuts[49] * 1000, 1), p99=round(cuts[98] * 1000, 1), count=len(seconds))


class Figure(BaseModel):
    """One measured thing beside the floor below which it cannot go."""

    name: str
    measured: float
    floor: float | None = None
    unit: str
    aim: str = ""

    @property
    def ratio(self) -> float | None:
        return self.measured / self.floor if self.floor else None


def print_figures(figures: Sequence[Figure]) -> None:
    table = Table("what", "measured", "floor", "ratio", "aim")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.measured:,.1f} {figure.unit}",
            f"{figure.floor:,.1f} {figure.unit}" if figure.floor is not None else "",
            f"{figure.ratio:.2f}" if figure.ratio is not None else "",
            figure.aim,
        )
    console = Console()
    # A table that is piped to a file shall not be folded to a terminal's width.
    console.width = max(console.width, TABLE_WIDTH)
    console.print(table)

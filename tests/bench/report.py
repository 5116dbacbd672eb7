"""The tables made of single measurements.

A measurement is a dictionary: `round`, `contender`, `measure`, and either `numbers` or `failed`
with the reason. A cell is the median over the rounds. A ratio is taken within each round, where both
had the same machine at nearly the same time; its cell is the median of those.
"""

import dataclasses
import statistics
from collections.abc import Callable, Sequence

from contenders import Contender


@dataclasses.dataclass(frozen=True)
class Column:
    """One number of one measure."""

    measure: str
    number: str
    heading: str
    digits: int = 0


COLUMNS = (
    Column("tcp1", "mbit_per_s", "TCP 1 stream, Mbit/s"),
    Column("tcp1", "cpu_s_per_gb", "CPU s/GB", 2),
    Column("tcp1", "retransmissions", "repeated"),
    Column("tcp4", "mbit_per_s", "TCP 4 streams, Mbit/s"),
    Column("tcp4", "cpu_s_per_gb", "CPU s/GB", 2),
    Column("tcp4", "retransmissions", "repeated"),
    Column("udp200", "packets_per_s", "UDP 200 B, packets/s"),
    Column("udp1300", "packets_per_s", "UDP 1300 B, packets/s"),
    Column("rtt", "median_ms", "RTT idle, ms", 3),
    Column("rtt", "p99_ms", "p99", 3),
    Column("rtt4", "median_ms", "RTT under TCP, ms", 2),
    Column("rtt4", "p99_ms", "p99", 2),
    Column("memory", "peak_mib", "Memory, MiB", 1),
    Column("relay", "mbit_per_s", "Relay, Mbit/s"),
    Column("relay", "cpu_s_per_gb", "CPU s/GB", 2),
)
NOT_RATED = {"retransmissions"}  # often 0

NOTES = """\
Mbit/s and packets/s: what arrived. CPU s/GB: seconds of CPU of all daemons for 10⁹ bytes delivered,
in brackets those of each, from the sender to the receiver. Repeated: TCP segments inside the tunnel.
Memory: the peak of the larger daemon. Relay: TCP, 1 stream, by a third node.
"""


def markdown(machine: dict, contenders: Sequence[Contender], measurements: list[dict]) -> str:
    """Everything for a reader: the machine, medians, ratios, who is who, and what went wrong."""
    columns = [c for c in COLUMNS if c.measure in machine["measures"]]
    parts = ["\n".join(f"- {name}: {value if not isinstance(value, list) else ' '.join(value)}"
                       for name, value in machine.items() if name != "versions")]
    parts.append("Medians:\n\n" + _table(columns, contenders,
                                         lambda *at: _median_cell(measurements, *at)))
    rated = [c for c in columns if c.number not in NOT_RATED]
    based = [c for c in contenders if c.base in {other.name for other in contenders}]
    if based:
        parts.append("Ratios, round by round, to the base in brackets:\n\n" + _table(
            rated, based, lambda *at: _ratio_cell(measurements, *at),
            lambda c: f"{c.name} ({c.base})"))
    parts.append(NOTES.rstrip())
    parts.append("\n".join(f"- {c.name}: {c.about}" for c in contenders))
    parts.append("\n".join(f"- {program}: {text}" for program, text in machine["versions"].items()))
    failures = [f"- round {m['round']}, {m['contender']}, {m['measure']}: "
                + m["failed"].partition("\n")[0] for m in measurements if "failed" in m]
    if failures:
        parts.append("Failed:\n\n" + "\n".join(failures))
    return "\n\n".join(parts) + "\n"


def _table(columns: Sequence[Column], contenders: Sequence[Contender],
           cell: Callable[[Contender, Column], str],
           title: Callable[[Contender], str] = lambda c: c.name) -> str:
    rows = [["", *(c.heading for c in columns)], ["---", *("---:" for _ in columns)]]
    rows += [[title(who), *(cell(who, column) for column in columns)] for who in contenders]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _by_round(measurements: list[dict], name: str, column: Column) -> dict[int, list[float]]:
    """The numbers of a cell; one that stands alone is a list of one."""
    found = {m["round"]: m["numbers"][column.number] for m in measurements
             if "numbers" in m and m["contender"] == name and m["measure"] == column.measure}
    return {r: value if isinstance(value, list) else [value] for r, value in found.items()}


def _median_cell(measurements: list[dict], who: Contender, column: Column) -> str:
    values = list(_by_round(measurements, who.name, column).values())
    if not values or not values[0]:
        return _reason(measurements, who, column)
    total = f"{statistics.median(map(sum, values)):.{column.digits}f}"
    parts = [f"{statistics.median(part):.{column.digits}f}" for part in zip(*values)]
    return total if len(parts) == 1 else f"{total} ({' + '.join(parts)})"


def _reason(measurements: list[dict], who: Contender, column: Column) -> str:
    """Why there is no number."""
    if who.missing():
        return "missing"
    failed = any("failed" in m and m["contender"] == who.name and m["measure"] == column.measure
                 for m in measurements)
    return "failed" if failed else "–"


def _ratio_cell(measurements: list[dict], who: Contender, column: Column) -> str:
    own = _by_round(measurements, who.name, column)
    base = _by_round(measurements, who.base, column)
    ratios = [sum(own[r]) / sum(base[r]) for r in own.keys() & base.keys() if sum(base[r])]
    return f"{statistics.median(ratios):.2f}" if ratios else "–"

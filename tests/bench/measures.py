"""What is measured in a network that is up. Each measure returns its numbers by name."""

import contextlib
import json
import os
import re
import statistics
import subprocess

from contenders import Network
from lab import Daemon, Host

STREAMS = 4
PING_INTERVAL_S = 0.01
GIGABYTE = 1e9

Numbers = dict[str, float | list[float]]


def warm_up(network: Network) -> None:
    with _iperf_server(network.hosts[-1]):
        _iperf(network, 1)


def tcp(network: Network, seconds: int, streams: int = 1) -> Numbers:
    """Throughput, repeated segments, and what it cost each daemon, in the order of the hosts."""
    with _iperf_server(network.hosts[-1]):
        before = [_cpu_s(daemon) for daemon in network.daemons]
        end = _iperf(network, seconds, "-P", str(streams))
        after = [_cpu_s(daemon) for daemon in network.daemons]
    delivered = end["sum_received"]["bytes"] / GIGABYTE
    return {"mbit_per_s": end["sum_received"]["bits_per_second"] / 1e6,
            "retransmissions": end["sum_sent"]["retransmits"],
            "cpu_s_per_gb": [(b - a) / delivered for a, b in zip(before, after)]}


def udp(network: Network, seconds: int, payload: int) -> Numbers:
    """Datagrams that arrive while the sender sends all it can."""
    with _iperf_server(network.hosts[-1]):
        end = _iperf(network, seconds, "-u", "-b", "0", "-l", str(payload))["sum"]
    return {"packets_per_s": (end["packets"] - end["lost_packets"]) / end["seconds"]}


def round_trip(network: Network, seconds: int) -> Numbers:
    """Pings through an idle tunnel."""
    count = int(seconds / PING_INTERVAL_S)
    told = network.hosts[0].attempt("ping", "-n", "-i", str(PING_INTERVAL_S), "-c", str(count),
                                    "-W", "2", network.address, timeout=seconds + 30).stdout
    times = [float(text) for text in re.findall(r"time=([\d.]+) ms", told)]
    if len(times) < 2:
        raise AssertionError(f"no ping was answered:\n{told}")
    return {"median_ms": statistics.median(times),
            "p99_ms": statistics.quantiles(times, n=100, method="inclusive")[98],
            "unanswered": count - len(times)}


def round_trip_under_load(network: Network, seconds: int) -> Numbers:
    """Pings beside TCP streams that have been under way for a second."""
    with _iperf_server(network.hosts[-1]):
        load = network.hosts[0].spawn(
            "iperf3", "-c", network.address, "-P", str(STREAMS), "-t", str(seconds + 30), "-i", "1",
            "--forceflush", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            _wait_line(load, "sec")
            numbers = round_trip(network, seconds)
            if load.poll() is not None:
                raise AssertionError("the load ended before the pings")
            return numbers
        finally:
            load.kill()
            load.communicate()


def memory(network: Network, _seconds: int) -> Numbers:
    """The most that one of the daemons has had so far; an empty list without daemons."""
    return {"peak_mib": sorted(map(_peak_mib, network.daemons))[-1:]}


MEASURES = {
    "tcp1": tcp,
    "tcp4": lambda network, seconds: tcp(network, seconds, STREAMS),
    "udp200": lambda network, seconds: udp(network, seconds, 200),
    "udp1300": lambda network, seconds: udp(network, seconds, 1300),
    "rtt": round_trip,
    "rtt4": round_trip_under_load,
    "memory": memory,
    "relay": tcp,  # in a network of three
}


@contextlib.contextmanager
def _iperf_server(host: Host):
    server = host.spawn("iperf3", "-s", "-i", "0", "--forceflush", stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT, text=True)
    try:
        _wait_line(server, "Server listening")
        yield
    finally:
        server.kill()
        server.communicate()


def _wait_line(process: subprocess.Popen, part: str) -> None:
    """Reads what a process says up to a line with `part`."""
    told = ""
    for line in process.stdout:
        told += line
        if part in line:
            return
    raise AssertionError(f"{' '.join(process.args)} ended before it said {part!r}:\n{told}")


def _iperf(network: Network, seconds: int, *options: str) -> dict:
    """The summary of one run from the first host to the last."""
    done = network.hosts[0].attempt("iperf3", "-c", network.address, "-J", "-t", str(seconds),
                                    *options, timeout=seconds + 30)
    told = json.loads(done.stdout)
    if "error" in told:
        raise AssertionError(f"iperf3: {told['error']}")
    return told["end"]


def _cpu_s(daemon: Daemon) -> float:
    """Time that all threads of a process have had, in the kernel and outside."""
    with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()  # from the third on
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mib(daemon: Daemon) -> float:
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) / 1024

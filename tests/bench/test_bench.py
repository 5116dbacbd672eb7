"""What tests/bench/run promises, apart from the numbers: whole tables, links as told, no remains."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "interop"))

import report
import sandbox
import underlay
from contenders import Contender
from lab import Lab, wait_until

NUMBER = r"[\d.]+( \([\d.]+( \+ [\d.]+)*\))?"


def rows(text: str, part: str) -> list[list[str]]:
    """The cells of the rows below the head of the table that `part` introduces."""
    table = text[text.index(part):].split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


class ReportTest(unittest.TestCase):
    """Tables of numbers that are made up."""

    MACHINE = {"kernel": "6.1", "measures": ["tcp1"], "versions": {}}

    def tables(self, *measured: tuple[int, str, dict]) -> str:
        contenders = [Contender("new", "", list, base="old"), Contender("old", "", list),
                      Contender("absent", "", list, ("/no/such/program", ))]
        return report.markdown(self.MACHINE, contenders, [
            {"round": number, "contender": name, "measure": "tcp1", **result}
            for number, name, result in measured])

    @staticmethod
    def numbers(speed: float, *cpu: float) -> dict:
        return {"numbers": {"mbit_per_s": speed, "cpu_s_per_gb": list(cpu), "retransmissions": 0}}

    def test_medians_of_the_whole_and_of_each_end(self) -> None:
        text = self.tables(*((n, "new", self.numbers(100 * n, n, 2)) for n in (1, 2, 9)))
        self.assertEqual(rows(text, "Medians:")[0], ["new", "200", "4.00 (2.00 + 2.00)", "0"])

    def test_ratios_are_taken_within_a_round(self) -> None:
        text = self.tables((1, "old", self.numbers(100, 4)), (1, "new", self.numbers(150, 1)),
                           (2, "old", self.numbers(10, 4)), (2, "new", self.numbers(15, 2)),
                           (3, "old", self.numbers(30, 4)), (3, "new", self.numbers(90, 4)))
        self.assertEqual(rows(text, "Ratios"), [["new (old)", "1.50", "0.50"]])

    def test_what_is_not_there_is_named(self) -> None:
        text = self.tables((1, "new", {"failed": "no network\nand a log"}))
        found = rows(text, "Medians:")
        self.assertEqual(found[0][1:], ["failed"] * 3)
        self.assertEqual(found[1][1:], ["–"] * 3)
        self.assertEqual(found[2][1:], ["missing"] * 3)
        self.assertTrue(text.endswith("round 1, new, tcp1: no network\n"))


class UnderlayTest(unittest.TestCase):
    """Datagrams that the sender hands over ten at a time."""

    SIZE, RUNS = 1000, 20
    SENDER = f"""
import socket
SOL_UDP, UDP_SEGMENT = 17, 103
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(SOL_UDP, UDP_SEGMENT, {SIZE})
for _ in range({RUNS}):
    out.sendto(bytes({10 * SIZE}), ("10.99.0.2", 7000))
"""
    RECEIVER = f"""
import socket
SOL_UDP, UDP_GRO = 17, 104
into = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
into.setsockopt(SOL_UDP, UDP_GRO, 1)
into.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * {10 * SIZE * RUNS})
into.bind(("", 7000))
print("bound", flush=True)
sizes = []
while sum(sizes) < {10 * SIZE * RUNS}:
    sizes.append(len(into.recv(65535)))
print(max(sizes))
"""

    def largest_and_packets(self, cut: str | None) -> tuple[int, int]:
        """The largest run that one read gave, and how many packets the link carried."""
        with Lab() as lab:
            sender, receiver = underlay.build(lab, 2, cut)
            reader = receiver.spawn("python3", "-c", self.RECEIVER, stdout=subprocess.PIPE,
                                    text=True)
            self.assertEqual(reader.stdout.readline(), "bound\n")
            before = self.arrived(receiver)
            sender.run("python3", "-c", self.SENDER)
            largest, _ = reader.communicate(timeout=20)
            return int(largest), self.arrived(receiver) - before

    @staticmethod
    def arrived(host) -> int:
        link, = json.loads(host.run("ip", "-json", "-stats", "link", "show", "eth0"))
        return link["stats64"]["rx"]["packets"]

    def test_without_a_cut_runs_pass_whole(self) -> None:
        largest, packets = self.largest_and_packets(None)
        self.assertEqual(largest, 10 * self.SIZE)
        self.assertLess(packets, 2 * self.RUNS)

    def test_cut_and_joined(self) -> None:
        largest, packets = self.largest_and_packets("gro")
        self.assertGreater(largest, self.SIZE)
        self.assertGreaterEqual(packets, 10 * self.RUNS)

    def test_cut_and_left_so(self) -> None:
        largest, packets = self.largest_and_packets("nogro")
        self.assertEqual(largest, self.SIZE)
        self.assertGreaterEqual(packets, 10 * self.RUNS)


class RunTest(unittest.TestCase):
    """The command itself."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(dir=sandbox.folder())
        self.remains = os.path.join(self.folder, "tmp")
        os.mkdir(self.remains)

    def run_bench(self, *options: str, **environment: str) -> subprocess.Popen:
        return subprocess.Popen([os.path.join(HERE, "run"), "--seconds", "1", "--rounds", "1",
                                 "--out", self.folder, *options], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=os.environ | {"TMPDIR": self.remains} | environment)

    def result(self) -> tuple[str, list[dict]]:
        with open(os.path.join(self.folder, "table.md"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(self.folder, "measurements.json"), encoding="utf-8") as file:
            return text, json.load(file)["measurements"]

    def expect_no_remains(self) -> None:
        self.assertEqual(os.listdir(self.remains), [])
        self.assertEqual(self.processes(), [])

    def processes(self) -> list[str]:
        """Those that have this test's folder in their environment."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if f"TMPDIR={self.remains}\0".encode() in file.read():
                        found.append(pid)
            except OSError:
                pass  # it has ended
        return found

    def test_the_table_is_whole(self) -> None:
        with self.run_bench("--only", "ours-legacy,ours-sptps", "--columns", "tcp1,rtt") as run:
            told, errors = run.communicate()
        self.assertEqual(run.returncode, 0, errors)
        text, measurements = self.result()
        self.assertEqual(told.strip(), text.strip())
        found = rows(text, "Medians:")
        self.assertEqual([row[0] for row in found], ["ours-legacy", "ours-sptps"])
        for row in found:
            self.assertEqual(len(row), 6)
            for cell in row[1:]:
                self.assertRegex(cell, f"^{NUMBER}$")
        self.assertEqual([(m["contender"], m["measure"]) for m in measurements],
                         [(who, what) for who in ("ours-legacy", "ours-sptps")
                          for what in ("tcp1", "rtt")])
        for m in measurements[::2]:
            self.assertEqual(len(m["numbers"]["cpu_s_per_gb"]), 2)
        self.expect_no_remains()

    def test_a_program_that_fails_is_told(self) -> None:
        with self.run_bench("--only", "ours-legacy", "--columns", "tcp1,relay",
                            TINCD="/bin/false") as run:
            told, _ = run.communicate()
        self.assertEqual(run.returncode, 1)
        self.assertRegex(told, "tcp1: sender|tcp1: receiver: exit 1 before it said")
        text, measurements = self.result()
        self.assertEqual(rows(text, "Medians:")[0][1:], ["failed"] * 5)
        self.assertTrue(all("failed" in m for m in measurements))
        self.expect_no_remains()

    def test_an_interrupt_leaves_nothing(self) -> None:
        with self.run_bench("--only", "ours-legacy", "--columns", "tcp1,tcp4") as run:
            self.assertRegex(run.stderr.readline(), "tcp1")
            run.send_signal(signal.SIGINT)
            run.communicate(timeout=20)
        self.assertEqual(run.returncode, 128 + signal.SIGINT)
        wait_until(lambda: not self.processes(), "all processes have ended", 10)
        self.expect_no_remains()

    def test_unknown_names_are_refused(self) -> None:
        for option in ("--only", "--columns"):
            with self.run_bench(option, "nothing") as run:
                _, errors = run.communicate()
            self.assertEqual(run.returncode, 2)
            self.assertRegex(errors, "nothing: not one of")


if __name__ == "__main__":
    sandbox.run_tests(jobs=2, tools=("iperf3", "ethtool"))

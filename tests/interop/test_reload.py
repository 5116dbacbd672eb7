"""SIGHUP while traffic flows: what did not change must not notice."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

import sandbox
from lab import Host, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference, wait_until
from networks import Member, inner, star

ROUNDS = 200


@contextlib.contextmanager
def flowing(source: Host, sink: Host, address: str):
    """A TCP stream in the background; yields an object whose `seconds` are set at the end: the
    bytes that were taken in each full one of them."""

    class Flow:
        seconds: list[int] = []

    server = sink.spawn("iperf3", "-s", "-1", stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
    wait_until(lambda: sink.attempt("ss", "-Hltn", "sport = 5201").stdout, "iperf3 listens")
    client = source.spawn("iperf3", "-c", address, "-t", "600", "-b", "20M", "-J",
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    flow = Flow()
    try:
        yield flow
    finally:
        client.send_signal(signal.SIGINT)
        told, _ = client.communicate(timeout=30)
        server.wait(30)
        flow.seconds = [i["sum"]["bytes"] for i in json.loads(told)["intervals"][:-1]]


def talking_pair(lab: Lab) -> list[Tinc]:
    """alpha, whose files the test changes, and beta, which it calls; packets pass."""
    alpha, beta = star(lab, Member("alpha", TINCD, connect_to=("beta", )),
                       Member("beta", TINCD_PEER))
    beta.start()
    alpha.start()
    alpha.host.wait_pings(inner(2))
    return [alpha, beta]


@unittest.skipIf(is_reference(TINCD), "the original exits at a broken file")
class ReloadTest(unittest.TestCase):

    @unittest.skipUnless(shutil.which("iperf3"), "needs iperf3")
    def test_two_hundred_reloads_under_load(self) -> None:
        with Lab() as lab:
            # beta and delta stay; gamma is named in ConnectTo now and then, and its host file is
            # rewritten.
            alpha, beta, gamma, delta = star(
                lab, Member("alpha", TINCD, connect_to=("beta", )), Member("beta", TINCD_PEER),
                Member("gamma", TINCD_PEER), Member("delta", TINCD, connect_to=("alpha", )))
            for node in (beta, gamma):
                node.start()
            alpha.start(debug=1)
            delta.start()
            for number in (2, 4):
                alpha.host.wait_pings(inner(number))
            plain, host, other = (alpha.read(name) for name in
                                  ("tinc.conf", "hosts/alpha", "hosts/gamma"))
            touched = set()
            with flowing(alpha.host, beta.host, inner(2)) as flow:
                for number in range(1, ROUNDS + 1):
                    kind = number % 10
                    if kind == 5:
                        self.break_and_mend(alpha, plain, number)
                        continue
                    if kind == 0:
                        touched.add(number)
                        alpha.write("hosts/gamma", f"{other}\n# {number}\n")
                    call = "ConnectTo = gamma\n" if kind < 8 else ""
                    alpha.write("tinc.conf", plain + call)
                    alpha.write("hosts/alpha", f"Subnet = 10.200.{number}.0/24\n{host}")
                    before = alpha.daemon.signal(signal.SIGHUP)
                    alpha.daemon.wait_log("^Changed: .*Subnet", since=before)
            for node in (beta, delta):
                wait_until(lambda n=node: f"10.200.{ROUNDS}.0/24#10 owner alpha" in self.dump(n),
                           f"{node.name} heard of the last subnet")
                self.assertEqual(self.dump(node).count(" 10.200."), 1, "it forgot the older ones")
                self.expect_one_life(alpha, node)
            alpha.daemon.wait_log("^Connection with gamma .* activated$", since=before)
            self.expect_ends_only_in(touched, alpha.daemon.log())
            self.assertGreater(len(flow.seconds), 5)
            self.assertNotIn(0, flow.seconds, "it stood still")

    def expect_ends_only_in(self, touched: set[int], log: str) -> None:
        """gamma's connection ends with its file, not otherwise."""
        reloads, is_active, ends = 0, False, 0
        for line in log.splitlines():
            reloads += line == "Got HUP signal"
            if line.startswith("Connection with gamma "):
                is_active = True
            elif line.startswith("Closing connection with gamma ") and is_active:
                self.assertIn(reloads, touched)
                is_active, ends = False, ends + 1
        self.assertEqual(reloads, ROUNDS)
        self.assertGreater(ends, 0)

    def expect_one_life(self, alpha: Tinc, beta: Tinc) -> None:
        """alpha and beta met once and did not part."""
        for node, other in ((alpha, "beta"), (beta, "alpha")):
            log = node.daemon.log()
            met = re.findall(f"^Connection with {other} .* activated$", log, re.MULTILINE)
            self.assertEqual(len(met), 1, log[-2000:])
            self.assertNotIn(f"Closing connection with {other}", log)

    def break_and_mend(self, alpha: Tinc, plain: str, number: int) -> None:
        """A broken file at a SIGHUP is named and changes nothing."""
        name, text, complaint = (
            ("tinc.conf", plain + "Broadcast = loud\n", r"tinc\.conf line 4: Broadcast = loud"),
            ("tinc.conf", plain + "ConnectTo\n", r"on line 4 .*/etc/tinc/tinc\.conf"),
            ("hosts/alpha", "Subnet = nonsense\n", r"Subnet in /etc/tinc/hosts/alpha line 1"),
            ("hosts/alpha", "\nPort\n", r"on line 2 .*/etc/tinc/hosts/alpha"),
        )[number // 10 % 4]
        wait_until(lambda: " gamma to alpha " in self.dump(alpha), "gamma is called")
        was, state = alpha.read(name), self.state(alpha)
        alpha.write(name, text)
        before = alpha.daemon.signal(signal.SIGHUP)
        alpha.daemon.wait_log("^Unable to reread configuration file", since=before)
        self.assertRegex(alpha.daemon.log(before), complaint)
        self.assertNotIn("Changed", alpha.daemon.log(before))
        self.assertEqual(self.state(alpha), state)
        alpha.write(name, was)

    @staticmethod
    def dump(node: Tinc) -> str:
        return node.dump(signal.SIGUSR2, r"End of subnet list\.")

    def state(self, node: Tinc) -> str:
        """Edges, subnets and connections: what does not change by itself."""
        return (self.dump(node).split("Edges:\n")[1]
                + re.sub("outbuf .*", "", node.connections()))

    def test_settings_take_effect_without_a_new_connection(self) -> None:
        with Lab() as lab:
            alpha, beta = talking_pair(lab)
            alpha.write("tinc.conf", alpha.read("tinc.conf")
                        + "PingInterval = 1\nPingTimeout = 1\nKeyExpire = 5\nPort = 700\n")
            before = alpha.daemon.signal(signal.SIGHUP)
            alpha.daemon.wait_log("^Changed: KeyExpire, PingInterval, PingTimeout$", since=before)
            alpha.daemon.wait_log("^Changed, but without effect until the next start: Port$",
                                  since=before)
            alpha.daemon.wait_log("^Got PONG from beta", since=before, seconds=10)
            alpha.daemon.wait_log("^Expiring symmetric keys$", since=before, seconds=20)
            alpha.host.wait_pings(inner(2))
            self.expect_one_life(alpha, beta)

    def test_a_burst_of_signals_ends_with_the_last_files(self) -> None:
        with Lab() as lab:
            alpha, beta = talking_pair(lab)
            host = alpha.read("hosts/alpha")
            for number in range(1, 51):
                alpha.write("hosts/alpha", f"Subnet = 10.200.{number}.0/24\n{host}")
                os.kill(alpha.daemon.pid, signal.SIGHUP)
            wait_until(lambda: re.findall(r"10\.200\.\d+", self.dump(beta)) == ["10.200.50"],
                       "beta knows the last subnet alone")
            self.expect_one_life(alpha, beta)

    def test_files_that_cannot_be_read_any_more(self) -> None:
        with Lab() as lab:
            alpha, beta = talking_pair(lab)
            os.rename(alpha.path("hosts/alpha"), alpha.path("hosts/alpha~"))
            before = alpha.daemon.signal(signal.SIGHUP)
            alpha.daemon.wait_log("^Unable to reread configuration file", since=before)
            os.rename(alpha.path("hosts/alpha~"), alpha.path("hosts/alpha"))
            os.makedirs(alpha.path("conf.d/a.conf"))
            before = alpha.daemon.signal(signal.SIGHUP)
            alpha.daemon.wait_log(r"^Cannot open config file /etc/tinc/conf\.d/a\.conf: ",
                                  since=before)
            self.assertIn(inner(1), self.dump(alpha))
            os.rmdir(alpha.path("conf.d/a.conf"))
            self.expect_one_life(alpha, beta)


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=2)

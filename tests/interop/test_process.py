"""The process and its sockets: where it listens, what it is handed, whom it becomes, what it draws."""

import os
import re
import signal
import sys
import time
import unittest

import sandbox
from lab import (Daemon, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference, pinging,
                 wait_until)
from networks import Member, inner, outer, star

REFERENCE = is_reference(TINCD)
DRAWN_WITHIN_S = 75  # every 60 s

# Makes a TCP and a UDP socket at ADDRESS PORT and becomes the program that follows.
HAND_OVER = """
import os, socket, sys
address, port, program = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
sockets = []
for number, kind in ((3, socket.SOCK_DGRAM), (4, socket.SOCK_STREAM)):
    made = socket.socket(socket.AF_INET, kind)
    made.bind((address, port))
    if kind == socket.SOCK_STREAM:
        made.listen(5)
    os.dup2(made.fileno(), number + 20)
    sockets.append(made)
for number in (3, 4):
    os.dup2(number + 20, number)
    os.close(number + 20)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
os.execv(program[0], program)
"""


def lone(lab: Lab, program: str = TINCD, conf: str = "", host_file: str = "") -> Tinc:
    node, = star(lab, Member("alpha", program, host_file, conf))
    return node


def sockets_of(node: Tinc, kind: str) -> list[str]:
    """Local addresses of the daemon's listening TCP (`t`) or its UDP (`u`) sockets."""
    told = node.host.run("ss", f"-Hln{kind}p")
    return sorted(line.split()[3] for line in told.splitlines()
                  if f"pid={node.daemon.pid}," in line)


class ListenTest(unittest.TestCase):
    """The same sockets and words as the original's; but ours say where a value is written."""

    WORDS = re.compile(r"^((?:Listening on|Can't bind to|Unable to create).*?)(?: \(/etc/.*)?$",
                       re.MULTILINE)

    def same(self, *lines: str) -> None:
        told = {}
        for program in (TINCD, TINCD_PEER):
            with Lab() as lab:
                node = lone(lab, program, "\n".join([*lines, ""]))
                node.host.ip("addr add 10.98.0.1/24 dev eth0")
                daemon = node.start(debug=1, ready=False)
                daemon.wait_log("^(Ready|Terminating)$")
                running = daemon.is_running()
                told[program] = (self.WORDS.findall(daemon.log()),
                                 *(sockets_of(node, kind) if running else () for kind in "tu"))
        self.assertEqual(told[TINCD], told[TINCD_PEER])

    def test_everywhere(self) -> None:
        self.same()

    def test_one_family(self) -> None:
        for family in ("ipv4", "IPv6"):
            self.same(f"AddressFamily = {family}", "BindToAddress = *")

    def test_several_addresses(self) -> None:
        self.same("BindToAddress = 10.99.0.1 700", "BindToAddress = 10.98.0.1",
                  "BindToAddress = 127.0.0.1 http", "BindToAddress = * 701")

    def test_one_that_is_not_ours(self) -> None:
        self.same("BindToAddress = 10.77.0.1", "BindToAddress = 10.98.0.1")

    def test_interface(self) -> None:
        self.same("BindToInterface = eth0")

    def test_port_zero_of_an_address(self) -> None:
        with Lab() as lab:
            node = lone(lab, conf="BindToAddress = 10.99.0.1 0\nBindToAddress = 10.98.0.1 0\n")
            node.host.ip("addr add 10.98.0.1/24 dev eth0")
            node.start(debug=1)
            ports = re.findall(r"^Listening on \S+ port (\d+)$", node.daemon.log(), re.MULTILINE)
            self.assertEqual(len(ports), 2)
            if not REFERENCE:
                self.assertEqual(len(set(ports)), 1, "only one can be announced")
                self.assertEqual(sockets_of(node, "t"), sockets_of(node, "u"))

    @unittest.skipIf(REFERENCE, "1.0.36 takes names of UDP services only")
    def test_port_with_a_name(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, "Port = http\n"),
                               Member("beta", TINCD_PEER, connect_to=("alpha", )))
            alpha.start(debug=1)
            alpha.daemon.wait_log(r"^Listening on 0\.0\.0\.0 port 80$")
            beta.start()
            beta.host.wait_pings(inner(1))
            self.assertIn("port 80", beta.node("alpha")["host"])

    @unittest.skipIf(REFERENCE, "only in tincpp")
    def test_unknown_service(self) -> None:
        with Lab() as lab:
            done = lone(lab, host_file="Port = nosuch\n").call("-D")
            self.assertEqual(done.returncode, 1)
            self.assertIn("Neither a number nor a service that /etc/services knows "
                          "(/etc/tinc/hosts/alpha line 4: Port = nosuch)", done.stderr)

    @unittest.skipIf(REFERENCE, "only in tincpp")
    def test_buffers_beyond_the_limit(self) -> None:
        with Lab() as lab:
            node = lone(lab, conf="UDPRcvBuf = 1000000000\nUDPSndBuf = 1000000000\n")
            node.start(debug=0)
            for name in ("RCV", "SND"):
                node.daemon.wait_log(rf"^Can't set UDP SO_{name}BUF to 1000000000, the system made "
                                     r"it \d+: raise net\.core\.[rw]mem_max with sysctl$")


class SourceTest(unittest.TestCase):
    """Where outgoing connections come from."""

    def source(self, line: str) -> str:
        """The address that beta sees alpha come from, when alpha's second one is in `line`."""
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, "", line, connect_to=("beta", )),
                               Member("beta", TINCD_PEER))
            alpha.host.ip("addr add 10.99.0.101/24 dev eth0")
            beta.start()
            alpha.start()
            return beta.daemon.wait_log(r"^Connection from (\S+) port \d+$")[1]

    def test_bind_to_address(self) -> None:
        self.assertEqual(self.source("BindToAddress = 10.99.0.101\n"), "10.99.0.101")

    def test_two_of_one_family(self) -> None:
        self.assertEqual(self.source("BindToAddress = 10.99.0.101\nBindToAddress = 127.0.0.1\n"),
                         outer(1))

    @unittest.skipIf(REFERENCE, "of tinc 1.1")
    def test_listen_address(self) -> None:
        self.assertEqual(self.source("ListenAddress = 10.99.0.101\n"), outer(1))


@unittest.skipIf(REFERENCE, "only in tincpp")
class OffloadTest(unittest.TestCase):

    def test_udp_offload(self) -> None:
        for line, joins in (("", True), ("UDPOffload = no\n", False)):
            with Lab() as lab:
                node = lone(lab, conf=line)
                node.daemon = Daemon(node.host, ["strace", "-f", "-e", "trace=setsockopt", "-o",
                                                 "/run/calls", *node.command("-D")],
                                     dict(os.environ))
                node.daemon.wait_log("^Ready$")
                path = os.path.join(node.host.folder, "run", "calls")
                with open(path, encoding="ascii") as file:
                    self.assertEqual("UDP_GRO" in file.read(), joins)


class MarkTest(unittest.TestCase):
    """Packets of the daemon bear the mark that routes and filters go by."""

    @unittest.skipIf(REFERENCE, "of tinc 1.1")
    def test_mark(self) -> None:
        for calls in (("beta", ), ()):
            with Lab() as lab:
                alpha, beta = star(lab, Member("alpha", TINCD, "", "FWMark = 42\n",
                                               connect_to=calls),
                                   Member("beta", TINCD_PEER, connect_to=() if calls else
                                          ("alpha", )))
                alpha.host.rule("output", 'oifname "eth0" meta l4proto { tcp, udp } '
                                "meta mark != 42 drop")
                alpha.start()
                beta.start()
                alpha.host.wait_pings(inner(2))
                alpha.wait_udp("beta", at_least=200)


class LogVariablesTest(unittest.TestCase):
    """Variables that say what is in the log, and how."""

    @unittest.skipIf(REFERENCE, "1.0.36 asks the name server while everything waits")
    def test_names_in_place_of_addresses(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, "", "Hostnames = yes\n",
                                           connect_to=("beta", )), Member("beta", TINCD_PEER))
            alpha.host.knows(outer(2), "beta.example.org")
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            wait_until(lambda: "beta at beta.example.org port 655" in alpha.connections(),
                       "the name is shown")
            before = alpha.daemon.mark()
            alpha.write("tinc.conf", alpha.read("tinc.conf").replace("Hostnames = yes", ""))
            alpha.daemon.signal(signal.SIGHUP)
            alpha.daemon.wait_log("^Changed: Hostnames$", since=before)
            self.assertIn(f"beta at {outer(2)} port 655", alpha.connections())

    @unittest.skipIf(REFERENCE, "of tinc 1.1")
    def test_level_without_an_option(self) -> None:
        for options, level in (((), 3), (("-d2", ), 2)):
            with Lab() as lab:
                node = lone(lab, conf="LogLevel = 4\n")
                daemon = Daemon(node.host, node.command("-D", *options), dict(os.environ))
                node.daemon = daemon
                daemon.wait_log("^Ready$")
                node.write("tinc.conf", node.read("tinc.conf").replace("LogLevel = 4",
                                                                       "LogLevel = 3"))
                daemon.signal(signal.SIGHUP)
                daemon.wait_log("^Changed: LogLevel$")
                daemon.signal(signal.SIGINT)
                daemon.wait_log(rf"to go back to level {level}\.$")


class ActivationTest(unittest.TestCase):
    """Sockets that a service manager opened."""

    def pair(self, lab: Lab) -> list[Tinc]:
        nodes = star(lab, Member("alpha", TINCD),
                     Member("beta", TINCD_PEER, connect_to=("alpha", )))
        nodes[1].write("hosts/alpha", nodes[0].read("hosts/alpha").replace(
            f"Address = {outer(1)}", f"Address = {outer(1)} 700"))
        return nodes

    def works(self, alpha: Tinc, beta: Tinc) -> None:
        """The port that was never configured is known to all, for UDP, too."""
        beta.host.wait_ping(inner(1))
        self.assertIn("port 700", beta.wait_udp("alpha", at_least=200)["host"])
        alpha.wait_udp("beta", at_least=200)
        beta.host.wait_pings(inner(1))
        self.assertEqual(len(sockets_of(alpha, "u")), len(sockets_of(alpha, "t")))
        self.assertEqual(alpha.daemon.stop(), 0)

    def test_tcp_by_systemd(self) -> None:
        with Lab() as lab:
            alpha, beta = self.pair(lab)
            alpha.daemon = Daemon(alpha.host, ["systemd-socket-activate", "-l", f"{outer(1)}:700",
                                               *alpha.command("-D", "-d3")], dict(os.environ))
            alpha.daemon.wait_log("Listening on ")  # systemd's words
            beta.start()
            alpha.daemon.wait_log(r"^Listening on 10\.99\.0\.1 port 700$")
            self.works(alpha, beta)

    @unittest.skipIf(REFERENCE, "only in tincpp")
    def test_both_protocols(self) -> None:
        with Lab() as lab:
            alpha, beta = self.pair(lab)
            # -D is not needed: who was handed sockets does not detach.
            alpha.daemon = Daemon(alpha.host, [sys.executable, "-c", HAND_OVER, outer(1), "700",
                                               *alpha.command("-d3", "-U", "nobody")],
                                  dict(os.environ))
            alpha.daemon.wait_log("^Ready$|]: Ready$")
            beta.start()
            self.works(alpha, beta)

    @unittest.skipIf(REFERENCE, "only in tincpp")
    def test_socket_of_both_families(self) -> None:
        with Lab() as lab:
            alpha, beta = self.pair(lab)
            alpha.daemon = Daemon(alpha.host, ["systemd-socket-activate", "-l", "700",
                                               *alpha.command("-D", "-d3")], dict(os.environ))
            alpha.daemon.wait_log("Listening on ")
            beta.start()
            beta.host.wait_ping(inner(1))
            beta.wait_udp("alpha", at_least=200)
            self.assertEqual(len(sockets_of(alpha, "u")), 2)


class PrivilegeTest(unittest.TestCase):

    def status(self, node: Tinc, field: str) -> str:
        with open(f"/proc/{node.daemon.pid}/status", encoding="ascii") as file:
            return re.search(rf"^{field}:\s*(.*)$", file.read(), re.MULTILINE)[1]

    def test_user_and_root_folder(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, connect_to=("beta", )),
                               Member("beta", TINCD_PEER))
            beta.start()
            alpha.start("-U", "nobody", "-R")
            alpha.host.wait_pings(inner(2))
            for field in ("Uid", "Gid"):
                self.assertNotIn("0", self.status(alpha, field).split())
            self.assertEqual(self.status(alpha, "CapEff"), "0000000000000000")
            # The folder as the host sees it, whatever it is mounted from.
            root = alpha.host.run("readlink", f"/proc/{alpha.daemon.pid}/root").strip()
            self.assertEqual(root, "/etc/tinc")
            # The other side's host file is still found.
            beta.daemon.stop()
            beta.start()
            alpha.host.wait_pings(inner(2))
            self.assertEqual(alpha.daemon.stop(), 0)

    def test_unknown_user(self) -> None:
        with Lab() as lab:
            done = lone(lab).call("-D", "-U", "nobodyx")
            self.assertEqual(done.returncode, 1)
            self.assertIn("unknown user `nobodyx'", done.stderr)

    def test_memory_lock(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.start("-L")
            self.assertNotEqual(self.status(node, "VmLck"), "0 kB")

    def test_priority(self) -> None:
        for word, nice in (("low", 10), ("Normal", 0), ("high", -10)):
            with Lab() as lab:
                node = lone(lab, conf=f"ProcessPriority = {word}\n")
                node.start()
                wait_until(lambda: os.getpriority(os.PRIO_PROCESS, node.daemon.pid) == nice,
                           f"a nice value of {nice}", 5)

    def test_priority_that_is_none(self) -> None:
        with Lab() as lab:
            done = lone(lab, conf="ProcessPriority = urgent\n").call("-D")
            self.assertEqual(done.returncode, 1)
            self.assertIn("Invalid priority `urgent`!", done.stderr)

    @unittest.skipIf(REFERENCE, "1.0.36 starts itself anew where nobody supervises it")
    def test_fatal_signals_are_the_supervisors(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.start().signal(signal.SIGSEGV)
            self.assertEqual(node.daemon.wait(), -signal.SIGSEGV)

    def test_levels_that_are_no_numbers(self) -> None:
        for options, level in ((("-d", "x"), 0), (("-ddd", ), 0), (("--debug=3x", ), 3),
                               (("-d3", "-d"), 4)):
            with Lab() as lab:
                node = lone(lab)
                node.daemon = Daemon(node.host, node.command("-D", *options), dict(os.environ))
                node.daemon.wait_log(rf"^tincd \S+ starting, debug level {level}$")
                node.daemon.wait_log("^Ready$")


class DrawingTest(unittest.TestCase):

    OLD = "what was drawn last week\n"

    def test_drawings_are_the_same(self) -> None:
        with Lab() as lab:
            nodes = star(lab, Member("alpha", TINCD, "", "GraphDumpFile = /run/graph\n"),
                         Member("beta", TINCD_PEER, "", "GraphDumpFile = /run/graph\n",
                                connect_to=("alpha", )),
                         Member("gamma", TINCD, "Weight = 7\n",
                                "GraphDumpFile = |cat > /run/graph; echo noise\n",
                                connect_to=("alpha", "beta")))
            for node in nodes[:2]:
                with open(self.path(node), "w", encoding="ascii") as file:
                    file.write(self.OLD)
            # Who has the old drawing open keeps it, as it is replaced and not written over.
            with open(self.path(nodes[0]), encoding="ascii") as reader:
                for node in nodes:
                    node.start()
                nodes[2].host.wait_ping(inner(1))
                nodes[2].host.wait_ping(inner(2))
                drawings = [self.replaced(nodes[0]), self.replaced(nodes[1]),
                            self.drawing(nodes[2])]
                self.assertEqual(reader.read(), self.OLD)
            self.assertRegex(drawings[1], r'\Adigraph \{\n\t"alpha" \[label = "alpha"\];\n')
            self.assertEqual(drawings[0], drawings[1])
            self.assertEqual(drawings[0], drawings[2])
            for node in nodes[:2]:
                self.assertFalse(os.path.exists(self.path(node) + ".new"))

    @staticmethod
    def path(node: Tinc) -> str:
        return os.path.join(node.host.folder, "run", "graph")

    def replaced(self, node: Tinc) -> str:
        """The new drawing; at no time is there anything but the old one or the whole new one."""

        def ask() -> str:
            with open(self.path(node), encoding="ascii") as file:
                text = file.read()
            if text == self.OLD:
                return ""
            self.assertTrue(text.endswith("}\n"), f"part of a drawing: {text}")
            return text

        return wait_until(ask, f"{node.name} draws", DRAWN_WITHIN_S)

    def drawing(self, node: Tinc) -> str:
        """What a command got, once it is complete."""

        def ask() -> str:
            if not os.path.exists(self.path(node)):
                return ""
            with open(self.path(node), encoding="ascii") as file:
                text = file.read()
            return text if text.endswith("}\n") else ""

        return wait_until(ask, f"{node.name} draws", DRAWN_WITHIN_S)


@unittest.skipIf(REFERENCE, "the original waits for its scripts")
class HangingScriptTest(unittest.TestCase):

    QUICK = "PingInterval = 2\nPingTimeout = 2\n"
    LIMIT_S = 60

    def test_a_script_that_hangs_delays_nothing_and_is_killed(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, connect_to=("beta", )),
                               Member("beta", TINCD_PEER, "", self.QUICK))
            alpha.script("host-up", "echo I wait for $NODE >&2\nsleep 1000\n")
            alpha.script("hosts/beta-up", "echo it is the turn of $NODE\n")
            beta.start()
            daemon = alpha.start()
            daemon.wait_log(r"^host-up: I wait for beta$")
            started = time.monotonic()
            for node, other in ((alpha, "beta"), (beta, "alpha")):
                node.wait_udp(other, at_least=200)
            for near, number in ((alpha, 2), (beta, 1)):
                answered = near.host.ping_series(inner(number), count=100, interval_s=0.02)
                self.assertEqual(answered, 100)
            before = beta.daemon.mark()
            wait_until(lambda: beta.daemon.log(before).count("Got PONG from alpha") >= 2,
                       "pings of beta are answered", 15)
            self.assertNotIn("has not ended", daemon.log())
            with pinging(alpha.host, inner(2), interval_s=0.2) as count:
                daemon.wait_log(rf"^Script host-up has not ended after {self.LIMIT_S} seconds and "
                                "is killed$", seconds=self.LIMIT_S + 10)
                self.assertGreater(time.monotonic() - started, self.LIMIT_S - 10)
                daemon.wait_log(r"^hosts/beta-up: it is the turn of beta$")
            self.assertLessEqual(count.lost, 1, "the last one may be on its way")
            for node in (alpha, beta):
                self.assertNotIn("Closing connection", node.daemon.log())


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=6)

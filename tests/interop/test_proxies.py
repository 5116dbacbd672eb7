"""Outgoing meta connections through every kind of proxy, each of them a program that others run.

    alpha 10.99.0.1 ──┐
    beta  10.99.0.2 ──┼─ switch       alpha calls beta; beta must see the call come from proxy
    proxy 10.99.0.9 ──┘

RelayTest has gamma behind alpha and delta behind beta, too.

microsocks forgets what it has not asked for, so that alpha has to begin anew step by step; dante
and tinyproxy take all at once.
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

import sandbox
from lab import Daemon, Host, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference, wait_until
from networks import Member, inner, outer, outer6, star

PROXY = outer(9)
PORT = "1080"
INDIRECT = "IndirectData = yes\n"  # no datagrams but by way of the neighbour
HERE = os.path.dirname(os.path.abspath(__file__))

DANTE = """logoutput: stderr
internal: eth0 port = 1080
external: eth0
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
"""
PASS = "socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n"
BLOCK = "socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n"
TINYPROXY = "Port 1080\nTimeout 600\nMaxClients 10\nLogLevel Connect\n"


class World:
    """alpha, which has `proxy_line`, beta, and the host of a proxy."""

    def __init__(self, lab: Lab, proxy_line: str, caller: str = TINCD, called: str = TINCD_PEER,
                 *others: Member, underlay: int = 4):
        self.alpha, self.beta, *self.others = star(
            lab, Member("alpha", caller, "", f"Proxy = {proxy_line}\nPingTimeout = 3\n",
                        connect_to=("beta", )),
            Member("beta", called), *others, underlay=underlay)
        self.proxy = lab.host("proxy")
        switch = next(host for host in lab.hosts if host.name == "switch")
        lab.cable(self.proxy, switch, [f"{PROXY}/24", f"{outer6(9)}/64"])

    def run_proxy(self, *command: str) -> Daemon:
        """Starts a proxy on its host and waits until it listens."""
        if shutil.which(command[0]) is None:
            raise unittest.SkipTest(f"needs {command[0]}")
        daemon = Daemon(self.proxy, list(command), dict(os.environ))
        wait_until(lambda: self.proxy.run("ss", "-Htln", "sport", "=", f":{PORT}").strip(),
                   f"{command[0]} listens")
        return daemon

    def run_with_file(self, program: str, option: str, text: str, *more: str) -> Daemon:
        path = os.path.join(self.proxy.folder, "proxy.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return self.run_proxy(program, *more, option, path)

    def run_dante(self, rules: str = PASS) -> Daemon:
        return self.run_with_file("danted", "-f", DANTE + rules)

    def run_microsocks_with_password(self) -> Daemon:
        return self.run_proxy("microsocks", "-p", PORT, "-u", "joe", "-P", "5ecre7")

    def run_dante_with_password(self) -> Daemon:
        """Of a user of its host, as dante knows no others."""
        hashed = subprocess.run(["openssl", "passwd", "-6", "5ecre7"], capture_output=True,
                                text=True, check=True).stdout.strip()
        for name, line in (("passwd", "joe:x:1000:1000::/:/bin/false\n"),
                           ("shadow", f"joe:{hashed}:1::::::\n")):
            path = os.path.join(self.proxy.folder, name)
            with open(f"/etc/{name}", encoding="utf-8") as file, \
                    open(path, "w", encoding="utf-8") as ours:
                ours.write(file.read() + line)
            self.proxy.run("mount", "--bind", path, f"/etc/{name}")
        return self.run_with_file("danted", "-f", DANTE.replace("socksmethod: none",
                                                                "socksmethod: username") + PASS)

    def run_privoxy(self) -> Daemon:
        return self.run_with_file("privoxy", "--no-daemon", f"listen-address {PROXY}:{PORT}\n")

    def run_tinyproxy(self, more: str = "") -> Daemon:
        return self.run_with_file("tinyproxy", "-c", TINYPROXY + more, "-d")

    def name_beta(self) -> None:
        """Gives beta an address that only the proxy can resolve."""
        self.proxy.knows(outer(2), "beta.hidden")
        text = self.alpha.read("hosts/beta")
        self.alpha.write("hosts/beta", re.sub("Address = .*", "Address = beta.hidden", text))

    def connect(self, source: str = PROXY) -> None:
        """Starts both; they must find each other by way of the proxy and be of use."""
        self.beta.start()
        self.alpha.start()
        self.beta.daemon.wait_log(f"^Connection from {re.escape(source)} port")
        self.alpha.daemon.wait_log(r"^Connection with beta \(.*\) activated")
        self.alpha.host.wait_ping(inner(2))
        self.beta.host.wait_ping(inner(1))

    def refused(self, *words: str) -> None:
        """Starts both; alpha must say why there is no way."""
        self.beta.start()
        self.alpha.start()
        self.alpha.daemon.wait_log(re.escape(f"Error while connecting to beta ({outer(2)} port 655): ")
                                   + " ".join(words))
        self.alpha.daemon.wait_log("^Trying to re-establish outgoing connection in 5 seconds")


class SocksTest(unittest.TestCase):

    def test_socks5_one_step_at_a_time(self) -> None:
        with Lab() as lab:
            world = World(lab, f"socks5 {PROXY} {PORT}")
            world.run_proxy("microsocks", "-p", PORT)
            world.connect()

    def test_socks5_with_a_wrong_password(self) -> None:
        with Lab() as lab:
            world = World(lab, f"socks5 {PROXY} {PORT} joe wr0ng")
            world.run_microsocks_with_password()
            world.refused("SOCKS5 proxy refused: wrong user or password")
            self.assertNotIn("wr0ng", world.alpha.daemon.log())

    def test_socks5_all_at_once(self) -> None:
        with Lab() as lab:
            world = World(lab, f"socks5 {PROXY} {PORT}")
            world.run_dante()
            world.connect()
            self.assertNotIn("asked one thing after the other", world.alpha.daemon.log())

    def test_socks5_to_a_name_that_only_the_proxy_knows(self) -> None:
        with Lab() as lab:
            world = World(lab, f"socks5 {PROXY} {PORT}")
            world.name_beta()
            world.run_proxy("microsocks", "-p", PORT)
            world.connect()
            self.assertIn("Connection with beta (beta.hidden port 655) activated",
                          world.alpha.daemon.log())

    def test_socks5_over_ipv6(self) -> None:
        with Lab() as lab:
            world = World(lab, f"socks5 {outer6(9)} {PORT}", underlay=6)
            world.run_proxy("microsocks", "-i", "::", "-p", PORT)
            world.connect(outer6(9))

    def test_socks5_refusal_is_told_in_words(self) -> None:
        with Lab() as lab:
            world = World(lab, f"socks5 {PROXY} {PORT}")
            world.run_dante(BLOCK)
            world.refused("SOCKS5 proxy refused: connection not allowed by ruleset")

    def test_socks4_refusal_is_told_in_words(self) -> None:
        with Lab() as lab:
            world = World(lab, f"socks4 {PROXY} {PORT} joe")
            world.run_dante(BLOCK)
            world.refused("SOCKS4 proxy refused: request rejected or failed")


class HttpTest(unittest.TestCase):

    def test_http_to_a_name_that_only_the_proxy_knows(self) -> None:
        with Lab() as lab:
            world = World(lab, f"http {PROXY} {PORT}")
            world.name_beta()
            world.run_tinyproxy()
            world.connect()

    def test_http_to_an_ipv6_address(self) -> None:
        with Lab() as lab:
            world = World(lab, f"http {PROXY} {PORT}", underlay=6)
            world.run_tinyproxy()
            world.connect(outer6(9))

    def test_http_refusal_is_told_in_words(self) -> None:
        with Lab() as lab:
            world = World(lab, f"http {PROXY} {PORT}")
            world.run_tinyproxy("ConnectPort 443\n")
            world.refused(r"HTTP proxy answered: HTTP/1\.[01] 403 ")


class ExecTest(unittest.TestCase):
    COMMAND = f"exec {sys.executable} {HERE}/relay.py $REMOTEADDRESS $REMOTEPORT"

    @staticmethod
    def relays(host: Host) -> set[str]:
        """The processes of relays on a host, with the shells that started them."""
        found = subprocess.run(["pgrep", "--ns", str(host.pid), "--nslist", "net", "-f",
                                "relay.py"], capture_output=True, text=True, check=False)
        return set(found.stdout.split())

    def test_a_command(self) -> None:
        with Lab() as lab:
            world = World(lab, self.COMMAND)
            world.connect(outer(1))
            self.assertIn(f"Proxy command: NETNAME=None NAME=alpha NODE=beta "
                          f"REMOTEADDRESS={outer(2)} REMOTEPORT=655\n", world.alpha.daemon.log())
            self.assertRegex(world.alpha.connections(), r"beta at .* status 0[23]c2 ")

    def test_a_command_ends_with_its_connection(self) -> None:
        with Lab() as lab:
            world = World(lab, self.COMMAND)
            world.connect(outer(1))
            first = self.relays(world.alpha.host)
            self.assertNotEqual(first, set())
            world.beta.daemon.stop()
            world.alpha.daemon.wait_log(r"^Closing connection with beta")
            world.beta.start()
            world.alpha.host.wait_ping(inner(2))
            self.assertTrue(first.isdisjoint(self.relays(world.alpha.host)))
            self.assertEqual(world.alpha.daemon.stop(), 0)
            wait_until(lambda: not self.relays(world.alpha.host), "the relay has ended")

    def test_a_command_that_fails_is_told(self) -> None:
        with Lab() as lab:
            world = World(lab, "exec echo no way >&2; exit 3")
            world.alpha.start()
            world.alpha.daemon.wait_log("^Proxy command: no way$")
            world.alpha.daemon.wait_log("^Proxy command exited with non-zero status 3$")
            world.alpha.daemon.wait_log("^Trying to re-establish outgoing connection in 5 seconds")


class RelayTest(unittest.TestCase):
    """gamma - alpha - proxy - beta - delta: each kind of proxy, called through by either program."""

    # In SOCKS4a dante takes a name for the address 0.0.0.1, hence gets an address here.
    KINDS = {"none": ("none", None),
             "socks4": (f"socks4 {PROXY} {PORT} joe", World.run_dante),
             "socks4a": (f"socks4a {PROXY} {PORT}", World.run_dante),
             "socks5": (f"socks5 {PROXY} {PORT}", World.run_dante),
             # tinyproxy answers in HTTP/1.0, which the original takes for a refusal.
             "http": (f"http {PROXY} {PORT}", World.run_privoxy),
             "exec": (ExecTest.COMMAND, None)}
    SECRETIVE = f"socks5 {PROXY} {PORT} joe 5ecre7"

    def relay(self, line: str, run_proxy, caller: str, called: str) -> None:
        with Lab() as lab:
            world = World(lab, line, caller, called,
                          Member("gamma", called, INDIRECT, connect_to=("alpha", )),
                          Member("delta", caller, INDIRECT, connect_to=("beta", )))
            if run_proxy:
                run_proxy(world)
            world.connect(PROXY if run_proxy else outer(1))
            gamma, delta = world.others
            for node in (gamma, delta):
                node.start()
            gamma.host.wait_pings(inner(4), count=3)
            delta.host.wait_pings(inner(3), count=3)
            self.assertNotIn("5ecre7", world.alpha.daemon.log())

    def test_ours_calls_through_socks5_with_a_password(self) -> None:
        for run_proxy in (World.run_dante_with_password, World.run_microsocks_with_password):
            with self.subTest(run_proxy):
                self.relay(self.SECRETIVE, run_proxy, TINCD, TINCD_PEER)

    @unittest.skipIf(is_reference(TINCD), "both are the original")
    def test_the_original_takes_the_answer_to_its_password_for_a_refusal(self) -> None:
        """RFC 1929 begins it with 1, not with 5: no server that follows it will do."""
        with Lab() as lab:
            world = World(lab, self.SECRETIVE, TINCD_PEER, TINCD)
            world.run_dante_with_password()
            world.beta.start()
            world.alpha.start()
            world.alpha.daemon.wait_log("^Proxy username/password rejected$")
            world.beta.daemon.wait_log(f"^Connection from {PROXY} port")


for _kind, _way in RelayTest.KINDS.items():
    for _who, _programs in (("ours", (TINCD, TINCD_PEER)), ("the_original", (TINCD_PEER, TINCD))):
        setattr(RelayTest, f"test_{_who}_calls_through_{_kind}",
                lambda self, way=_way, programs=_programs: self.relay(*way, *programs))


class ReloadTest(unittest.TestCase):

    @unittest.skipIf(is_reference(TINCD), "the original keeps its proxy")
    def test_a_reload_changes_the_proxy(self) -> None:
        with Lab() as lab:
            world = World(lab, f"http {PROXY} 1")
            world.run_proxy("microsocks", "-p", PORT)
            world.beta.start()
            world.alpha.start()
            world.alpha.daemon.wait_log("proxy 10.99.0.9 port 1: Connection refused")
            conf = world.alpha.read("tinc.conf")
            world.alpha.write("tinc.conf", re.sub("Proxy = .*", f"Proxy = socks5 {PROXY} {PORT}",
                                                  conf))
            world.alpha.daemon.signal(1)
            world.alpha.host.wait_ping(inner(2))


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=5)

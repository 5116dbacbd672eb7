"""Mistakes and malice: refusals say what is wrong, where, and what to do; nothing stops a daemon.

Made for tincpp alone; the original says less and can be ended by its peers.
"""

import os
import signal
import subprocess
import sys
import unittest

import sandbox
from lab import Key, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference, wait_until
from networks import Member, inner, star

CONF = "Name = alpha\nInterface = vpn0\n"
HOST = "Subnet = 10.1.0.1/32\n"


def lone(lab: Lab, conf: str = CONF, host: str = HOST, net: str | None = None) -> Tinc:
    """One node, configured but not started."""
    machine = lab.hosts[0] if lab.hosts else lab.host("alpha")
    node = Tinc(machine, TINCD, net, "alpha")
    node.write("tinc.conf", conf)
    node.write("hosts/alpha", host)
    node.use_key(Key.of(2048, 1))
    return node


class RefusalTest(unittest.TestCase):
    """Starts that fail: exit code 1 and every given expression in the output."""

    def refuses(self, node: Tinc, *expressions: str, options: tuple[str, ...] = ()) -> None:
        daemon = node.start("-D", *options, ready=False)
        self.assertEqual(daemon.wait(), 1, daemon.log())
        for expression in expressions:
            self.assertRegex(daemon.log(), expression)
        self.assertNotRegex(daemon.log(), "(?m)^Ready$")
        self.assertFalse(os.path.exists(os.path.join(node.host.folder, "run", "tinc.pid")))

    def refuses_files(self, conf: str, host: str, *expressions: str) -> None:
        with Lab() as lab:
            self.refuses(lone(lab, conf, host), *expressions)

    def test_unknown_option(self) -> None:
        with Lab() as lab:
            self.refuses(lone(lab), r"--frobnicate", r"--help' for more information",
                         options=("--frobnicate", ))

    def test_stray_word(self) -> None:
        with Lab() as lab:
            self.refuses(lone(lab), r"unrecognized argument 'start'",
                         r"--help' for more information", options=("start", ))

    def test_two_nets(self) -> None:
        with Lab() as lab:
            self.refuses(lone(lab), r"Only one netname can be given\.",
                         options=("-n", "one", "-n", "two"))

    def test_netname_that_climbs(self) -> None:
        with Lab() as lab:
            self.refuses(lone(lab), r"\.\./\.\./root", options=("-n", "../../root"))

    def test_no_tinc_conf(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            os.unlink(node.path("tinc.conf"))
            self.refuses(node, r"Cannot open config file /etc/tinc/+tinc\.conf: No such file or "
                         r"directory")

    def test_no_name(self) -> None:
        self.refuses_files("Interface = vpn0\n", HOST,
                           r"Name for tinc daemon required! \(/etc/tinc/+tinc\.conf has none\)")

    def test_illegal_name(self) -> None:
        self.refuses_files("Name = al-pha\n", HOST, r"Invalid name for myself!",
                           r"tinc\.conf line 1")

    def test_subnet_that_is_none(self) -> None:
        self.refuses_files(CONF, "Subnet = 10.1.0.0/33\n", r"Subnet expected",
                           r"hosts/alpha line 1")

    def test_subnet_with_host_bits(self) -> None:
        self.refuses_files(CONF, "\nSubnet = 10.1.0.1/24\n",
                           r"Network address and prefix length do not match",
                           r"hosts/alpha line 2")

    def test_all_faults_at_once(self) -> None:
        self.refuses_files(CONF + "Mode = bridge\nCipher = rot13\n", "Subnet = nonsense\n",
                           r"Invalid routing mode!.*tinc\.conf line 3",
                           r"Unrecognized cipher type!.*tinc\.conf line 4",
                           r"Subnet expected.*hosts/alpha line 1")

    def test_variable_without_value(self) -> None:
        self.refuses_files(CONF + "ConnectTo =\n", HOST,
                           r"No value for variable `ConnectTo' on line 3 while reading config file "
                           r"/etc/tinc/+tinc\.conf")

    def test_no_key(self) -> None:
        with Lab() as lab:
            node = lone(lab, net="office")
            os.unlink(node.path("rsa_key.priv"))
            self.refuses(node, r"/etc/tinc/office/+rsa_key\.priv", r"No such file or directory",
                         r"tincd -n office -K")

    def test_key_that_is_none(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.write("rsa_key.priv", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n"
                       "-----END RSA PRIVATE KEY-----\n", 0o600)
            self.refuses(node, r"rsa_key\.priv")

    def test_bind_address_that_does_not_resolve(self) -> None:
        self.refuses_files(CONF + "BindToAddress = no-such-host.invalid 655\n", HOST,
                           r"Cannot resolve no-such-host\.invalid: .*tinc\.conf line 3: BindToAddress")

    def test_occupied_port(self) -> None:
        with Lab() as lab:
            lone(lab, net="office").start()
            other = lone(lab, "Name = alpha\nInterface = vpn1\n", net="home")
            self.refuses(other, r"Can't bind to 0\.0\.0\.0 port 655", r"Address already in use",
                         r"Unable to create any listening socket!")
            self.assertNotIn("vpn1", other.host.run("ip", "link"))

    def test_no_tun_device(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.host.run("mount", "-t", "tmpfs", "none", "/dev/net")
            self.refuses(node, r"Could not open /dev/net/tun: No such file or directory",
                         r"modprobe tun")

    def test_interface_in_use(self) -> None:
        with Lab() as lab:
            lone(lab, net="office").start()
            self.refuses(lone(lab, CONF + "Port = 700\n", net="home"),
                         r"vpn0: .*busy.*tinc\.conf line 2: Interface = vpn0")


class WarningTest(unittest.TestCase):
    """Mistakes that leave the rest of the node of use: it starts and says what is wrong."""

    def warns(self, node: Tinc, *expressions: str) -> None:
        daemon = node.start(debug=0)
        for expression in expressions:
            daemon.wait_log(expression)

    def test_unknown_variable(self) -> None:
        with Lab() as lab:
            self.warns(lone(lab, CONF + "PingIntervall = 20\n"), r"PingIntervall", r"line 3",
                       r"did you mean PingInterval\?")

    def test_value_that_is_no_number(self) -> None:
        with Lab() as lab:
            self.warns(lone(lab, CONF + "PingInterval = often\n"), r"Integer expected",
                       r"PingInterval", r"line 3")

    def test_script_that_is_not_executable(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.write("tinc-up", "#!/bin/sh\n", 0o644)
            self.warns(node, r"Script tinc-up is not executable: chmod \+x ")

    def test_script_without_interpreter(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.write("tinc-up", "#!/no/such/shell\n", 0o755)
            self.warns(node, r"Script tinc-up .*")

    def test_key_readable_by_others(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            os.chmod(node.path("rsa_key.priv"), 0o644)
            self.warns(node, r"Warning: insecure file permissions for RSA private key file "
                       r"`/etc/tinc/+rsa_key\.priv'!")

    def test_key_of_another_node(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.write("hosts/alpha", HOST + Key.of(2048, 2).public)
            self.warns(node, r"(?i)private key", r"hosts/alpha")

    def test_connect_to_without_host_file(self) -> None:
        with Lab() as lab:
            node = lone(lab, CONF + "ConnectTo = beta\n")
            self.warns(node, r"hosts/beta|No address specified for beta")
            self.assertTrue(node.daemon.is_running())

    def test_one_occupied_address_of_two(self) -> None:
        with Lab() as lab:
            lone(lab, CONF + "AddressFamily = ipv4\n", net="office").start()
            other = lone(lab, "Name = alpha\nInterface = vpn1\n", net="home")
            other.start(debug=1)
            other.daemon.wait_log(r"Can't bind to 0\.0\.0\.0 port 655")
            other.daemon.wait_log(r"^Listening on :: port 655$")


class PeerKeyTest(unittest.TestCase):
    """A peer whose key is not the one in our hosts/ file is kept out and changes nothing."""

    def story(self, we_connect: bool) -> None:
        with Lab() as lab:
            alpha, beta, gamma = star(
                lab, Member("alpha", TINCD, "", "PingTimeout = 2\n",
                            connect_to=("beta", ) if we_connect else ()),
                Member("beta", TINCD_PEER, connect_to=() if we_connect else ("alpha", )),
                Member("gamma", TINCD_PEER, connect_to=("alpha", )))
            right = alpha.read("hosts/beta")
            alpha.write("hosts/beta", right.split("-----BEGIN")[0] + Key.of(2048, 9).public)
            for node in (alpha, beta, gamma):
                node.start()
            alpha.host.wait_ping(inner(3))
            alpha.daemon.wait_log(r"beta \(10\.99\.0\.2 port \d+\).*", seconds=60)
            self.assertEqual(alpha.host.ping(inner(2), count=2, wait_s=1), 0)
            self.assertNotRegex(alpha.daemon.log(), r"Connection with beta .* activated")
            alpha.write("hosts/beta", right)
            (alpha if we_connect else beta).daemon.signal(signal.SIGALRM)
            alpha.host.wait_ping(inner(2), seconds=90)
            self.assertTrue(alpha.daemon.is_running())

    def test_we_connect(self) -> None:
        self.story(we_connect=True)

    def test_they_connect(self) -> None:
        self.story(we_connect=False)


def speak(host, lines: bytes, address: str = "10.99.0.1") -> None:
    """Opens a connection to a daemon, says `lines`, reads until silence or the end."""
    program = ("import socket, sys\n"
               f"s = socket.create_connection(({address!r}, 655), 5)\n"
               "s.settimeout(0.3)\n"
               "try:\n"
               "    s.sendall(sys.stdin.buffer.read())\n"
               "    while s.recv(65536): pass\n"
               "except OSError: pass\n")
    done = subprocess.run(host.inside(sys.executable, "-c", program), input=lines,
                          capture_output=True, timeout=30, check=False)
    if done.returncode:
        raise AssertionError(done.stderr.decode())


def speak_as_member(node: Tinc, lines: bytes, address: str = "10.99.0.1") -> None:
    """The same on an authenticated connection of `node`, whose daemon must not run."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "member.py")
    command = node.host.inside(sys.executable, program, node.path("rsa_key.priv"),
                               node.path("hosts/alpha"), node.name, address)
    for _ in range(3):  # more than ten connections in a second are turned away
        done = subprocess.run(command, input=lines, capture_output=True, timeout=60, check=False)
        if done.returncode == 0:
            return
    raise AssertionError(done.stderr.decode())


class MaliceTest(unittest.TestCase):
    """What a stranger or a member may say without ending the daemon or the work of others."""

    STRANGER = [
        b"", b"\n", b"\0" * 4096, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"0\n", b"0 beta\n",
        b"0 beta 16\n", b"0 alpha 17\n", b"0 ../../etc/passwd 17\n", b"0 ^beta 17\n",
        b"0 " + b"a" * 2000 + b" 17\n", b"0 " + b"a" * 70000, b"1 429 672 0 0 AAAA\n",
        b"0 beta 17\n1 0 672 0 0 " + b"A" * 512 + b"\n", b"0 beta 17\n1 427 0 0 0 AA\n",
        b"0 beta 17\n1 429 672 0 0 " + b"Z" * 512 + b"\n", b"4 655 1 c\n", b"17 99999\n" + b"x" * 99,
        b"0 beta 17\n1 429 672 0 0 " + b"0" * 512 + b"\n" + b"\xff" * 3000,
        b"99999999999999999999 x\n", b"-1\n",
    ]

    MEMBER = [
        b"4 655 1 c\n", b"0 beta 17\n", b"1 429 672 0 0 00\n", b"5\n", b"18 1 2 3\n",
        b"10 1 beta 10.0.0.0/99\n", b"10 1 be/ta 10.0.0.0/8\n", b"10 1 alpha 10.1.0.1/32#10\n",
        b"10 1 gamma 0.0.0.0/0#-2147483648\n", b"10 2 beta 1:2:3:4:5:6\n",
        b"12 1 beta beta 10.0.0.1 655 c 1\n", b"12 1 beta gamma unknown unknown c 1\n"
        b"12 2 gamma beta host.example unknown c 1\n",
        b"12 3 beta delta 10.0.0.1 99999 ffffffff 2147483647\n"
        b"12 4 delta beta 10.0.0.1 0 0 -2147483648\n12 5 delta epsilon 10.0.0.1 1 0 -2147483648\n",
        b"12 6 alpha zeta 10.0.0.9 655 c 1\n" * 50, b"13 7 alpha beta\n",
        b"11 8 alpha 10.1.0.1/32#10\n", b"14 9 alpha\n14 a nobody\n",
        b"12 b theta iota 10.0.0.1 655 c 1\n15 theta alpha\n", b"15 beta alpha\n" * 100,
        b"15 nobody alpha\n", b"16 beta alpha 00 427 672 4 0\n",
        b"16 beta alpha " + b"AB" * 48 + b" 427 672 99 0\n",
        b"16 beta alpha " + b"AB" * 48 + b" 901 672 4 0\n",
        b"16 beta alpha " + b"AB" * 48 + b" 427 672 4 12\n",
        b"16 beta alpha " + b"AB" * 48 + b" 427 672 4 0 unknown unknown\n",
        b"17 0\n", b"17 5\nhello", b"17 -5\nhello", b"17 1600\n" + b"\x45" * 1600,
        b"17 60000\n" + b"x" * 60000, b"17 14\n" + b"\0" * 14,
        b"17 34\n" + b"\0" * 12 + b"\x08\x00\x4f" + b"\0" * 19,
        b"17 60\n" + b"\0" * 12 + b"\x86\xdd\x60" + b"\0" * 45, b"8\n" * 1000, b"9\n" * 1000,
        b"".join(b"12 %x n%d m%d 10.0.0.1 655 c 1\n" % (i, i, i) for i in range(3000)),
    ]

    def survives(self, said: list[bytes], speak_as) -> None:
        with Lab() as lab:
            alpha, beta, gamma = star(lab, Member("alpha", TINCD, "", "PingTimeout = 2\n"),
                                      Member("beta", TINCD_PEER),
                                      Member("gamma", TINCD_PEER, connect_to=("alpha", )))
            alpha.start()
            gamma.start()
            alpha.host.wait_ping(inner(3))
            for lines in said:
                speak_as(beta, lines)
                self.assertTrue(alpha.daemon.is_running(), f"after {lines[:80]!r}")
            self.assertIn("Nodes:\n", alpha.dump(signal.SIGUSR2, r"End of subnet list\."))
            alpha.host.wait_ping(inner(3))
            self.assertEqual(alpha.daemon.stop(), 0)

    def test_strangers(self) -> None:
        self.survives(self.STRANGER, lambda node, lines: speak(node.host, lines))

    def test_members(self) -> None:
        self.survives(self.MEMBER, speak_as_member)

    def test_datagrams_of_strangers_are_not_answered(self) -> None:
        with Lab() as lab:
            alpha, beta, gamma = star(lab, Member("alpha", TINCD), Member("beta", TINCD_PEER),
                                      Member("gamma", TINCD_PEER, connect_to=("alpha", )))
            alpha.start()
            gamma.start()
            alpha.wait_udp("gamma", at_least=200)
            beta.host.count("answers", "input", "udp sport 655")
            program = ("import os, socket\n"
                       "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                       "for size in list(range(0, 200)) + [1400, 1472, 9000, 60000]:\n"
                       "    s.sendto(os.urandom(size), ('10.99.0.1', 655))\n")
            beta.host.run(sys.executable, "-c", program)
            self.assertEqual(alpha.host.ping(inner(3), count=10), 10)
            self.assertEqual(beta.host.counted("answers"), 0)
            self.assertTrue(alpha.daemon.is_running())

    def test_scripts_that_fail_or_hang_do_not_stop_traffic(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, connect_to=("beta", )),
                               Member("beta", TINCD_PEER))
            alpha.script("host-up", "exec sleep 3600\n")
            alpha.script("subnet-up", "kill -SEGV $$\n")
            alpha.script("hosts/beta-up", "exit 1\n")
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            self.assertEqual(alpha.host.ping(inner(2), count=20), 20)
            wait_until(lambda: alpha.connections(), "it answers to signals")


if __name__ == "__main__":
    if is_reference(TINCD):
        print("skipped: made for tincpp, and TINCD is the original")
        sys.exit(sandbox.SKIPPED)
    explain_cast()
    sandbox.run_tests(jobs=6)

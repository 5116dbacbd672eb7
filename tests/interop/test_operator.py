"""What operators and their tools see: signals, dumps, pid files, log lines, scripts, -k and -K."""

import os
import re
import signal
import subprocess
import time
import unittest

import sandbox
from lab import (NODE_LINE, Host, Key, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference,
                 wait_until)
from networks import Member, inner, outer, star

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
REFERENCE = is_reference(TINCD)


def pair(lab: Lab, program: str = TINCD, conf: str = ""):
    """alpha (under test, connects) and beta (peer), not started."""
    return star(lab, Member("alpha", program, "", conf, connect_to=("beta", )),
                Member("beta", TINCD_PEER))


def lone(lab: Lab, net: str | None = None) -> Tinc:
    """One node without peers."""
    node = Tinc(lab.host("alpha"), TINCD, net, "alpha")
    node.write("tinc.conf", "Name = alpha\nInterface = vpn0\n")
    node.write("hosts/alpha", "Subnet = 10.1.0.1/32\n")
    node.use_key(Key.of(2048, 1))
    return node


class DumpTest(unittest.TestCase):
    """SIGUSR1 and SIGUSR2: tools parse these lines."""

    CONNECTIONS = re.compile(
        r"\AConnections:\n"
        r" beta at 10\.99\.0\.2 port 655 options c socket \d+ status [0-9a-f]{4} "
        r"outbuf \d+/\d+/\d+\n"
        r"End of connections\.\n\Z")

    NODES = re.compile(
        r"\AStatistics for Linux tun/tap device \(tun mode\) /dev/net/tun:\n"
        r" total bytes in:  [ \d]{9}\d\n"
        r" total bytes out: [ \d]{9}\d\n"
        r"Nodes:\n"
        r" alpha at MYSELF cipher 0 digest 0 maclength 0 compression 0 options c status 0018 "
        r"nexthop alpha via alpha pmtu 1518 \(min 0 max 1518\)\n"
        r" beta at 10\.99\.0\.2 port 655 cipher 427 digest 672 maclength 4 compression 0 options c "
        r"status 001a nexthop beta via beta pmtu \d+ \(min \d+ max \d+\)\n"
        r"End of nodes\.\n"
        r"Edges:\n"
        r" alpha to beta at 10\.99\.0\.2 port 655 options c weight \d+\n"
        r" beta to alpha at 10\.99\.0\.1 port 655 options c weight \d+\n"
        r"End of edges\.\n"
        r"Subnet list:\n"
        r" 10\.1\.0\.1/32#10 owner alpha\n"
        r" 10\.1\.0\.2/32#10 owner beta\n"
        r" fd01:0:0:0:0:0:0:1/128#10 owner alpha\n"
        r" fd01:0:0:0:0:0:0:2/128#10 owner beta\n"
        r"End of subnet list\.\n\Z")

    @staticmethod
    def dumps(program: str) -> tuple[str, str]:
        """Both dumps at level 0, once the two nodes know each other's path."""
        with Lab() as lab:
            alpha, beta = pair(lab, program)
            beta.start()
            alpha.start(debug=0)
            wait_until(lambda: (n := alpha.node("beta")) and n["min"] == n["max"],
                       "alpha knows the size of the path")
            return alpha.connections(), alpha.dump(signal.SIGUSR2, r"End of subnet list\.")

    def test_form(self) -> None:
        connections, nodes = self.dumps(TINCD)
        self.assertRegex(connections, self.CONNECTIONS)
        self.assertRegex(nodes, self.NODES)

    def test_same_as_the_original(self) -> None:
        ours, theirs = self.dumps(TINCD), self.dumps(TINCD_PEER)
        for mine, other in zip(ours, theirs):
            self.assertEqual(self.without_chance(mine), self.without_chance(other))

    @staticmethod
    def without_chance(text: str) -> str:
        """Replaces what differs from run to run, and only that."""
        text = re.sub(r"(socket|weight|pmtu|min|max|outbuf) \d+", r"\1 N", text)
        return re.sub(r"(total bytes \w+:) +\d+", r"\1 N", text)

    def test_unknown_and_unreachable_nodes(self) -> None:
        with Lab() as lab:
            alpha, beta, gamma = star(lab, Member("alpha", TINCD, connect_to=("beta", )),
                                      Member("beta", TINCD_PEER),
                                      Member("gamma", TINCD_PEER, connect_to=("beta", )))
            for node in (beta, alpha, gamma):
                node.start()
            alpha.host.wait_ping(inner(3))
            gamma.daemon.stop()
            wait_until(lambda: alpha.node("gamma")["status"] == "0020", "gamma is unreachable")
            dump = alpha.dump(signal.SIGUSR2, r"End of subnet list\.")
            self.assertRegex(
                dump, r"\n gamma at \(null\) cipher (427|0) digest (672|0) maclength [40] "
                r"compression 0 options 0 status 0020 nexthop (-|beta) via (-|gamma) "
                r"pmtu \d+ \(min 0 max 1518\)\n")
            for line in dump.split("Nodes:\n")[1].split("End of nodes.")[0].splitlines():
                self.assertRegex(line, NODE_LINE)


class SignalTest(unittest.TestCase):

    def test_term_and_quit_end_in_order(self) -> None:
        for number, name in ((signal.SIGTERM, "TERM"), (signal.SIGQUIT, "QUIT")):
            with self.subTest(name), Lab() as lab:
                node = lone(lab)
                daemon = node.start()
                daemon.signal(number)
                self.assertEqual(daemon.wait(), 0)
                self.assertIn(f"Got {name} signal\n", daemon.log())
                self.assertTrue(daemon.log().endswith("Terminating\n"), daemon.log())
                self.assertNotIn("vpn0", node.host.run("ip", "link"))

    def test_int_changes_the_debug_level_for_a_while(self) -> None:
        with Lab() as lab:
            daemon = lone(lab).start(debug=1)
            daemon.signal(signal.SIGINT)
            daemon.wait_log(r"^Temporarily setting debug level to 5\.  Kill me with SIGINT again "
                            r"to go back to level 1\.$")
            daemon.signal(signal.SIGINT)
            daemon.wait_log(r"^Reverting to old debug level \(1\)$")

    def test_hup_follows_connect_to(self) -> None:
        with Lab() as lab:
            alpha, beta, gamma = star(lab, Member("alpha", TINCD, connect_to=("beta", )),
                                      Member("beta", TINCD_PEER), Member("gamma", TINCD_PEER))
            for node in (beta, gamma, alpha):
                node.start()
            alpha.daemon.wait_log("^Connection with beta .* activated$")
            alpha.write("tinc.conf", alpha.read("tinc.conf") + "ConnectTo = gamma\n")
            before = alpha.daemon.signal(signal.SIGHUP)
            alpha.daemon.wait_log("^Connection with gamma .* activated$", since=before)
            alpha.host.wait_ping(inner(2))
            alpha.host.wait_ping(inner(3))

    def test_hup_closes_peers_whose_host_file_changed(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            later = time.time() + 10
            os.utime(alpha.path("hosts/beta"), (later, later))
            before = alpha.daemon.signal(signal.SIGHUP)
            alpha.daemon.wait_log("^Closing connection with beta ", since=before)
            alpha.daemon.wait_log("^Connection with beta .* activated$", since=before)

    def test_hup_reopens_the_log(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            daemon = node.start(log_file="tinc.log")
            os.rename(daemon.log_path, daemon.log_path + ".1")
            os.kill(daemon.pid, signal.SIGHUP)
            wait_until(lambda: os.path.exists(daemon.log_path), "a new log file is there")
            before = daemon.signal(signal.SIGUSR1)
            daemon.wait_log("End of connections", since=before)

    @unittest.skipIf(REFERENCE, "the original exits")
    def test_hup_with_a_broken_file_changes_nothing(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            alpha.write("tinc.conf", "Name = alpha\nConnectTo\n")
            before = alpha.daemon.signal(signal.SIGHUP)
            alpha.daemon.wait_log(r"tinc\.conf", since=before)
            os.unlink(alpha.path("tinc.conf"))
            before = alpha.daemon.signal(signal.SIGHUP)
            alpha.daemon.wait_log(r"tinc\.conf", since=before)
            self.assertTrue(alpha.daemon.is_running())
            self.assertEqual(alpha.host.ping(inner(2), count=3), 3)

    def test_alrm_retries_at_once(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            alpha.start()
            alpha.daemon.wait_log("^Trying to re-establish outgoing connection in 10 seconds$")
            beta.start()
            sent = time.monotonic()
            before = alpha.daemon.signal(signal.SIGALRM)
            alpha.daemon.wait_log("^Connection with beta .* activated$", since=before)
            self.assertLess(time.monotonic() - sent, 5, "it waited for the 10 seconds")
            alpha.daemon.wait_log("^Flushing event queue$", since=before)

    def test_winch_forgets_unreachable_nodes(self) -> None:
        with Lab() as lab:
            alpha, beta, gamma = star(lab, Member("alpha", TINCD, connect_to=("beta", )),
                                      Member("beta", TINCD_PEER),
                                      Member("gamma", TINCD_PEER, connect_to=("beta", )))
            for node in (beta, alpha, gamma):
                node.start()
            alpha.host.wait_ping(inner(3))
            gamma.daemon.stop()
            wait_until(lambda: alpha.node("gamma")["status"] == "0020", "gamma is unreachable")
            before = alpha.daemon.signal(signal.SIGWINCH)
            alpha.daemon.wait_log("^Purging unreachable nodes$", since=before)
            wait_until(lambda: alpha.node("gamma") is None, "gamma is forgotten")
            self.assertNotIn("owner gamma", alpha.dump(signal.SIGUSR2, r"End of subnet list\."))


class PidFileTest(unittest.TestCase):
    """Pid files and -k; init scripts depend on texts and exit codes."""

    def expect(self, done: subprocess.CompletedProcess, code: int, text: str) -> None:
        self.assertEqual((done.returncode, (done.stdout + done.stderr).strip()), (code, text))

    def test_pid_file(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            daemon = node.start()
            path = os.path.join(node.host.folder, "run", "tinc.pid")
            with open(path, encoding="ascii") as file:
                self.assertEqual(file.read(), f"{daemon.pid}\n")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
            daemon.stop()
            self.assertFalse(os.path.exists(path))

    def test_nothing_runs(self) -> None:
        with Lab() as lab:
            self.expect(lone(lab).call("-k"), 1, "No other tincd is running.")
        with Lab() as lab:
            self.expect(lone(lab, "office").call("-k"), 1,
                        "No other tincd is running for net `office'.")

    def test_stale_pid_file(self) -> None:
        with Lab() as lab:
            node = lone(lab, "office")
            path = os.path.join(node.host.folder, "run", "tinc.office.pid")
            ended = subprocess.Popen(["true"])
            ended.wait()
            with open(path, "w", encoding="ascii") as file:
                file.write(f"{ended.pid}\n")
            self.expect(node.call("-k"), 0,
                        "The tincd for net `office' is no longer running. Removing stale lock file.")
            self.assertFalse(os.path.exists(path))

    def test_bad_signal(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.start()
            done = node.call("-kNONSENSE")
            self.assertEqual(done.returncode, 1)
            self.assertIn("Invalid argument `NONSENSE'; SIGNAL must be a number or one of HUP, "
                          "TERM, KILL, USR1, USR2, WINCH, INT or ALRM.", done.stderr)

    def test_signals_by_name_and_number(self) -> None:
        with Lab() as lab:
            node = lone(lab, "office")
            daemon = node.start()
            for options, line in ((("-kUSR1", ), r"^Connections:$"), (("-kusr2", ), r"^Nodes:$"),
                                  (("-k", "USR1"), r"^Connections:$"),
                                  (("-k10", ), r"^Connections:$"),
                                  (("--kill=WINCH", ), r"^Purging unreachable nodes$")):
                before = daemon.mark()
                self.expect(node.call(*options), 0, "")
                daemon.wait_log(line, since=before)
            self.expect(node.call("-k"), 0, "")
            self.assertEqual(daemon.wait(), 0)

    def test_second_start_is_refused(self) -> None:
        with Lab() as lab:
            node = lone(lab, "office")
            daemon = node.start()
            self.expect(node.call("-D"), 1, "A tincd is already running for net `office' with "
                        f"pid {daemon.pid}.")
            self.assertTrue(daemon.is_running())
            self.expect(node.call("-k", "--pidfile=/run/elsewhere.pid"), 1,
                        "No other tincd is running for net `office'.")

    def test_detached_life(self) -> None:
        """As the init script does it: start, wait for the pid file, -k, wait until it is gone."""
        with Lab() as lab:
            node = lone(lab, "office")
            self.expect(node.call("--logfile=/var/log/tinc.log", "-d1"), 0, "")
            path = os.path.join(node.host.folder, "run", "tinc.office.pid")
            wait_until(lambda: os.path.exists(path) and os.path.getsize(path), "a pid file", 3)
            with open(path, encoding="ascii") as file:
                pid = int(file.read())
            log = os.path.join(node.host.folder, "log", "tinc.log")

            def text() -> str:
                if not os.path.exists(log):
                    return ""
                with open(log, encoding="utf-8") as file:
                    return file.read()

            wait_until(lambda: "Ready" in text(), "it is ready")
            self.assertRegex(text(), rf"(?m)^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d tinc\.office\[{pid}\]: "
                             r"tincd \S+ starting, debug level 1$")
            self.expect(node.call("-k"), 0, "")
            wait_until(lambda: not os.path.exists(path), "the pid file is gone", 5)
            wait_until(lambda: text().endswith("Terminating\n"), "it says that it ends")


class LogTest(unittest.TestCase):
    """Lines of each level, which tools look for. Each level has those of the lower ones."""

    LINES = {
        0: [r"tincd \S+ starting, debug level \d+", r"Ready"],
        1: [r"Listening on 0\.0\.0\.0 port 655", r"Listening on :: port 655",
            r"Trying to connect to beta \(10\.99\.0\.2 port 655\)",
            r"Connected to beta \(10\.99\.0\.2 port 655\)",
            r"Connection with beta \(10\.99\.0\.2 port 655\) activated",
            r"Closing connection with beta \(10\.99\.0\.2 port 655\)",
            r"Trying to re-establish outgoing connection in 5 seconds",
            r"Statistics for Linux tun/tap device \(tun mode\) /dev/net/tun:"],
        2: [r"Executing script tinc-up"],
        3: [r"Sending ID to beta \(10\.99\.0\.2 port 655\).*", r"Got ID from beta \(.*",
            r"Sending METAKEY to beta .*", r"Got CHALLENGE from beta .*", r"Got ACK from beta .*",
            r"UDP address of beta set to 10\.99\.0\.2 port 655",
            r"Sending ADD_EDGE to everyone \(BROADCAST\).*", r"Got ANS_KEY from beta .*"],
        4: [r"Sending ID to beta \(10\.99\.0\.2 port 655\): 0 alpha 17",
            r"Got ID from beta \(10\.99\.0\.2 port 655\): 0 beta 17",
            r"Sending \d+ bytes of metadata to beta \(10\.99\.0\.2 port 655\)",
            r"Flushing \d+ bytes to beta \(10\.99\.0\.2 port 655\)"],
        5: [r"Node beta \(10\.99\.0\.2 port 655\) became reachable",
            r"Node beta \(10\.99\.0\.2 port 655\) became unreachable",
            r"Read packet of \d+ bytes from Linux tun/tap device \(tun mode\)",
            r"Sending packet of \d+ bytes to beta \(10\.99\.0\.2 port 655\)",
            r"Received packet of \d+ bytes from beta \(10\.99\.0\.2 port 655\)",
            r"Writing packet of \d+ bytes to Linux tun/tap device \(tun mode\)",
            r"Sending MTU probe length \d+ to beta \(10\.99\.0\.2 port 655\)",
            r"Got MTU probe length \d+ from beta \(10\.99\.0\.2 port 655\)"],
    }

    def level(self, level: int) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            beta.start()
            alpha.start(debug=level)
            alpha.wait_udp("beta", at_least=200)
            alpha.host.wait_ping(inner(2))
            beta.daemon.stop()
            wait_until(lambda: " beta at " not in alpha.connections()
                       or "status 0004" in alpha.connections(), "alpha notices")
            alpha.daemon.stop()
            text = alpha.daemon.log()
            for one, lines in self.LINES.items():
                for line in lines:
                    found = re.search(f"^{line}$", text, re.MULTILINE)
                    if one <= level:
                        self.assertIsNotNone(found, f"missing at level {level}: {line}\n{text}")
                    elif one == 1 and line.startswith("Statistics"):
                        pass  # at every level this is also a line of the node dump
                    else:
                        self.assertIsNone(found, f"level {one} at {level}: {line}")

    def test_incoming(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD),
                               Member("beta", TINCD_PEER, connect_to=("alpha", )))
            alpha.start(debug=1)
            beta.start()
            alpha.daemon.wait_log(r"^Connection from 10\.99\.0\.2 port \d+$")
            alpha.daemon.wait_log(r"^Connection with beta \(10\.99\.0\.2 port \d+\) activated$")
            # Until UDP works packets go over TCP; ending with one unread resets the connection.
            alpha.wait_udp("beta", at_least=200)
            beta.daemon.stop()
            alpha.daemon.wait_log(r"^Connection closed by beta \(10\.99\.0\.2 port \d+\)$")
            alpha.daemon.wait_log(r"^Closing connection with beta \(10\.99\.0\.2 port \d+\)$")

    def test_refused(self) -> None:
        with Lab() as lab:
            alpha, _ = pair(lab)
            alpha.start(debug=1)
            alpha.daemon.wait_log(r"^Error while connecting to beta \(10\.99\.0\.2 port 655\): "
                                  r"Connection refused$")
            alpha.daemon.wait_log("^Could not set up a meta connection to beta$")


for _level in LogTest.LINES:
    setattr(LogTest, f"test_level_{_level}", lambda self, level=_level: self.level(level))


class ScriptTest(unittest.TestCase):
    """Order and environment of scripts, against a record of the original's."""

    SCRIPTS = ("host-up", "host-down", "subnet-up", "subnet-down", "tinc-down", "hosts/beta-up",
               "hosts/beta-down")
    VARIABLES = "NETNAME|DEVICE|INTERFACE|NAME|NODE|SUBNET|WEIGHT|REMOTEADDRESS|REMOTEPORT"

    def test_as_recorded(self) -> None:
        with open(os.path.join(DATA, "scripts_env_alpha.txt"), encoding="ascii") as expected:
            self.assertEqual(self.record(TINCD, None, self.SCRIPTS).replace(
                "/etc/tinc/", "CONFBASE/"), expected.read())

    def test_same_as_the_original_with_a_net_name(self) -> None:
        """tinc-up, too, and NETNAME, which the record has not."""
        told = {program: self.record(program, "office", ("tinc-up", *self.SCRIPTS))
                for program in (TINCD, TINCD_PEER)}
        self.assertIn("== tinc-up args=0 /etc/tinc/office/tinc-up\nDEVICE=/dev/net/tun\n"
                      "INTERFACE=tun0\nNAME=alpha\nNETNAME=office\n==", told[TINCD])
        self.assertEqual(told[TINCD], told[TINCD_PEER])

    def record(self, program: str, net: str | None, scripts: tuple[str, ...]) -> str:
        """What the scripts of alpha are told while beta comes and goes."""
        with Lab() as lab:
            alpha, beta = lab.host("alpha"), lab.host("beta")
            lab.cable(alpha, beta, "10.99.1.1/24", "10.99.1.2/24")
            nodes = [self.node(alpha, program, 1, net), self.node(beta, TINCD_PEER, 2)]
            nodes[0].learn(nodes[1])
            nodes[1].learn(nodes[0])
            path = os.path.join(alpha.folder, "record")
            for name in scripts:
                self.recording(nodes[0], name, name.replace("hosts/beta-", "host-"), path)
            nodes[0].start()
            nodes[1].start()
            before = scripts.count("tinc-up")
            self.wait_for(path, before + 4)
            nodes[1].daemon.stop()
            self.wait_for(path, before + 7)
            nodes[0].daemon.stop()
            with open(path, encoding="ascii") as file:
                return file.read()

    @staticmethod
    def wait_for(record: str, count: int) -> None:

        def ask():
            if not os.path.exists(record):
                return False
            with open(record, encoding="ascii") as file:
                return file.read().count("== ") >= count

        wait_until(ask, f"{count} scripts have run")

    @staticmethod
    def node(host: Host, program: str, number: int, net: str | None = None) -> Tinc:
        node = Tinc(host, program, net)
        other = "ConnectTo = alpha\n" if number == 2 else ""
        node.write("tinc.conf", f"Name = {host.name}\nInterface = tun0\n{other}")
        node.write(f"hosts/{host.name}",
                   f"Address = 10.99.1.{number}\nSubnet = 192.168.77.{number}/32\n")
        node.use_key(Key.of(2048, number))
        return node

    def recording(self, node: Tinc, name: str, label: str, record: str) -> None:
        node.script(name, f'{{ echo "== {label} args=$# $0"\n'
                    f"env | grep -E '^({self.VARIABLES})=' | LC_ALL=C sort; }} >> {record}\n")

    def test_failures_are_told_and_change_nothing(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            node.script("tinc-up", "exit 3\n")
            node.script("subnet-up", "kill -9 $$\n")
            daemon = node.start()
            daemon.wait_log(r"^Script tinc-up exited with non-zero status 3$")
            daemon.wait_log(r"^Script subnet-up (was killed by signal 9 \(Killed\)|"
                            r"exited with non-zero status 137)$")  # told by us, by a shell between

    @unittest.skipIf(REFERENCE, "of tinc 1.1")
    def test_extension(self) -> None:
        self.records("ScriptsExtension = .sh\n", "tinc-up.sh", 0o755)

    def test_interpreter(self) -> None:
        # Nobody may execute it.
        self.records("ScriptsInterpreter = /bin/sh\n", "tinc-up", 0o644)

    def records(self, conf: str, script: str, mode: int) -> None:
        """The daemon runs that file, and not without the line."""
        for line, said in (("", ""), (conf, "here\n")):
            with Lab() as lab:
                node, = star(lab, Member("alpha", TINCD, "", line))
                record = os.path.join(node.host.folder, "record")
                os.unlink(node.path("tinc-up"))
                node.write(script, f"#!/bin/sh\necho here > {record}\n", mode)
                node.start()
                told = ""
                if os.path.exists(record):
                    with open(record, encoding="ascii") as file:
                        told = file.read()
                self.assertEqual(told, said)

    def test_interface_option_of_ifupdown(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            record = os.path.join(node.host.folder, "record")
            node.script("tinc-up", f'echo "$INTERFACE" > {record}\n')
            node.start("-o", "Interface=vpn7")
            self.assertIn("vpn7", node.host.run("ip", "link"))
            with open(record, encoding="ascii") as file:
                self.assertEqual(file.read(), "vpn7\n")


class CommandLineTest(unittest.TestCase):

    def test_version_and_help(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            done = node.call("--version")
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"\Atinc(pp)? version \S+")
            done = node.call("--help")
            self.assertEqual(done.returncode, 0)
            for option in ("--config", "--no-detach", "--debug", "--kill", "--net",
                           "--generate-keys", "--mlock", "--logfile", "--pidfile", "--chroot",
                           "--user", "--option"):
                self.assertIn(option, done.stdout)

    def test_new_keys_disable_old_ones(self) -> None:
        with Lab() as lab:
            node = lone(lab)
            old = Key.of(2048, 1)
            done = node.call("-K", "1024", stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stderr, r"\AGenerating 1024 bits keys:\n")
            self.assertIn("Done.", done.stderr)
            self.assertIn("Warning: old key(s) found and disabled.", done.stderr)
            for name, kind in (("rsa_key.priv", "PRIVATE"), ("hosts/alpha", "PUBLIC")):
                text = node.read(name)
                self.assertEqual(text.count(f"-----BEGIN OLD {kind} KEY-----"), 1)
                self.assertEqual(text.count(f"-----BEGIN RSA {kind} KEY-----"), 1)
                self.assertIn(old.private.split("\n")[1] if kind == "PRIVATE" else
                              old.public.split("\n")[1], text)
            self.assertIn("Subnet = 10.1.0.1/32", node.read("hosts/alpha"))
            self.assertEqual(os.stat(node.path("rsa_key.priv")).st_mode & 0o777, 0o600)
            node.start()

    def test_options_override_files(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            beta.start("-o", "Port=700")
            beta.daemon.wait_log(r"^Listening on 0\.0\.0\.0 port 700$")
            alpha.start("-o", "beta.Port=700", "-o", "beta.Address=" + outer(2))
            alpha.daemon.wait_log(r"^Connection with beta \(10\.99\.0\.2 port 700\) activated$")


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=6)

"""Hosts, cables and tinc daemons for tests, in network namespaces.

    with Lab() as lab:
        switch = lab.switch("lan")
        alpha, beta = lab.host("alpha"), lab.host("beta")
        lab.cable(alpha, switch, address="10.99.0.1/24")
        ...
        node = Tinc(alpha, program=TINCD)
        node.write("tinc.conf", "Name = alpha\\n")
        daemon = node.start()
        daemon.wait_log("Ready")

A host is a network and a mount namespace held by one idle process; /etc/tinc, /run and /var/log are
its own. Everything waits for an event with a deadline: a log line, an answer, a counter. When a
deadline passes the error shows the end of every daemon's log. Needs sandbox.enter().
"""

import contextlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

import sandbox
from keys import Key, ed25519_key

TINCD = os.path.abspath(os.environ.get("TINCD", "/usr/sbin/tincd"))
TINCD_PEER = os.path.abspath(os.environ.get("TINCD_PEER", "/usr/sbin/tincd"))
# The original 1.1, where tests/interop/get-peers has put it.
PEERS = os.environ.get("TINC_PEERS") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tincpp-peers")
TINCD_11 = os.path.join(PEERS, "tinc-1.1", "tincd")
HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 40.0  # how long an event may take; generous, for machines under load
POLL_S = 0.05
SPTPS_MINOR = 2  # of protocol 17: from here on nodes have SPTPS sessions
DUMP = re.compile(r"^.*Statistics for .*\n(?:.*\n)*?.*End of subnet list\.\n", re.MULTILINE)


def is_reference(program: str) -> bool:
    """Whether the program is the original tincd 1.0, by the names in its --version."""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return "Guus Sliepen" in told.stdout


def is_11(program: str) -> bool:
    """Whether the program is the original tincd 1.1: it has no dumps by signal, but `tinc`."""
    return program == TINCD_11


def wait_until(ask, what: str, seconds: float = DEADLINE_S):
    """Returns the first true answer of `ask()`; AssertionError names `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(POLL_S)


class Lab:
    """All hosts of one scenario. Leaving the `with` block ends its processes and namespaces."""

    _count = 0
    _counting = threading.Lock()

    def __init__(self):
        with Lab._counting:
            Lab._count += 1
            self.number = Lab._count
        self.folder = os.path.join(sandbox.folder(), f"lab{self.number}")
        os.mkdir(self.folder)
        self.hosts: list[Host] = []
        self._cables = 0

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, kind, error, _trace) -> None:
        if kind is not None and issubclass(kind, Exception):
            error.args = (f"{error}\n{self.logs()}", )
        for host in self.hosts:
            host.close()

    def logs(self, lines: int = 15) -> str:
        """The last lines of the log of every host's latest daemon, and its last node dump."""
        parts = []
        for host in self.hosts:
            for daemon in host.daemons[-1:]:
                text = daemon.log()
                dumps = DUMP.findall(text)
                told = [line[:160] for line in DUMP.sub("", text).splitlines()[-lines:]]
                parts.append("\n".join([f"--- {host.name}: {' '.join(daemon.command)}", *told,
                                        *(dumps[-1:] and dumps[-1].splitlines())]))
        return "\n".join(parts)

    def host(self, name: str) -> "Host":
        self.hosts.append(Host(self, name))
        return self.hosts[-1]

    def router(self, name: str) -> "Host":
        """A host that forwards IPv4 and IPv6."""
        host = self.host(name)
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        return host

    def switch(self, name: str) -> "Host":
        """A host with nothing but a bridge, which cables made to it are plugged into."""
        host = self.host(name)
        host.ip("link add name bridge0 type bridge", "link set bridge0 up")
        host.bridge = "bridge0"
        return host

    def cable(self, one: "Host", other: "Host", address: str | list[str] = (),
              other_address: str | list[str] = (), mtu: int = 1500) -> tuple[str, str]:
        """Joins two hosts; returns the names of the two interfaces made (eth0, eth1, …)."""
        self._cables += 1
        names = one.next_interface(), other.next_interface()
        here = f"c{self.number}x{self._cables}a", f"c{self.number}x{self._cables}b"
        sandbox.run(["ip", "link", "add", "name", here[0], "mtu", str(mtu), "type", "veth",
                     "peer", "name", here[1], "mtu", str(mtu)])
        for host, old, new, addresses in ((one, here[0], names[0], address),
                                          (other, here[1], names[1], other_address)):
            sandbox.run(["ip", "link", "set", old, "netns", str(host.pid), "name", new])
            lines = [f"link set {new} up"]
            if host.bridge:
                lines.insert(0, f"link set {new} master {host.bridge}")
            for text in [addresses] if isinstance(addresses, str) else addresses:
                lines.append(f"addr add {text} dev {new}" + (" nodad" if ":" in text else ""))
            host.ip(*lines)
        return names


class Host:
    """One machine of a lab: a network, a mount namespace and a folder."""

    def __init__(self, lab: Lab, name: str):
        self.lab, self.name, self.bridge = lab, name, None
        self.folder = os.path.join(lab.folder, name)
        self.daemons: list[Daemon] = []
        self._interfaces = 0
        self._others: list[subprocess.Popen] = []
        for part in ("tinc", "run", "log"):
            os.makedirs(os.path.join(self.folder, part))
        hosts = os.path.join(self.folder, "hosts")
        with open(hosts, "w", encoding="ascii") as file:
            file.write("127.0.0.1 localhost\n")
        mounts = " && ".join(f"mount --bind {self.folder}/{ours} {theirs}" for ours, theirs in (
            ("tinc", "/etc/tinc"), ("run", "/run"), ("log", "/var/log"), ("hosts", "/etc/hosts")))
        os.makedirs("/etc/tinc", exist_ok=True)
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", f"{mounts} && echo made && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._holder.stdout.readline() != "made\n":
            raise AssertionError(f"cannot make the namespaces of host {name}")
        self.pid = self._holder.pid
        self.run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0",
                 "net.ipv6.conf.default.accept_dad=0")
        self.ip("link set lo up")

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.kill()
        for process in self._others + [self._holder]:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` on this host."""
        return ["nsenter", "-t", str(self.pid), "--net", "--mount", "--", *command]

    def run(self, *command: str, **options) -> str:
        """Runs a command to its end and returns its output; AssertionError if it fails."""
        return sandbox.run(self.inside(*command), **options).stdout

    def attempt(self, *command: str, **options) -> subprocess.CompletedProcess:
        """Runs a command that may fail."""
        options = {"capture_output": True, "text": True, "timeout": DEADLINE_S} | options
        return subprocess.run(self.inside(*command), check=False, **options)

    def spawn(self, *command: str, **options) -> subprocess.Popen:
        """Starts a command that ends with the lab at the latest."""
        process = subprocess.Popen(self.inside(*command), **options)
        self._others.append(process)
        return process

    def ip(self, *lines: str) -> None:
        """Runs commands of ip(8), given without the word `ip`."""
        self.run("ip", "-batch", "-", input="\n".join(lines) + "\n")

    def next_interface(self) -> str:
        self._interfaces += 1
        return f"eth{self._interfaces - 1}"

    def knows(self, address: str, name: str) -> None:
        """Adds a line to this host's /etc/hosts."""
        with open(os.path.join(self.folder, "hosts"), "a", encoding="ascii") as file:
            file.write(f"{address} {name}\n")

    # Packet filter. One table `lab` with a chain for each hook, made when first needed.

    def nft(self, *lines: str) -> None:
        """Runs commands of nft(8) in one transaction."""
        self.run("nft", "-f", "-", input="\n".join(lines) + "\n")

    def rule(self, hook: str, text: str) -> None:
        """Appends a rule to the chain of input, output, forward, prerouting or postrouting."""
        self.nft("add table inet lab", f"add chain inet lab {hook} "
                 f"{{ type filter hook {hook} priority 0; }}", f"add rule inet lab {hook} {text}")

    def forget_rules(self, hook: str) -> None:
        self.nft(f"flush chain inet lab {hook}")

    def lose(self, percent: int, match: str) -> None:
        """Drops that share of the arriving packets that match, at random."""
        self.rule("input", f"{match} numgen random mod 100 < {percent} drop")

    def masquerade(self, interface: str) -> None:
        """Hides what leaves by `interface` behind its address."""
        self.nft("add table inet nat", "add chain inet nat out "
                 "{ type nat hook postrouting priority 100; }",
                 f"add rule inet nat out oifname {interface} masquerade")

    def count(self, name: str, hook: str, match: str) -> None:
        """Starts to count packets that match, for counted()."""
        self.nft("add table inet lab", f"add counter inet lab n_{name}")
        self.rule(hook, f"{match} counter name n_{name}")

    def counted(self, name: str) -> int:
        """Bytes counted so far, IP headers included."""
        told = json.loads(self.run("nft", "-j", "list", "counter", "inet", "lab", f"n_{name}"))
        return next(e["counter"]["bytes"] for e in told["nftables"] if "counter" in e)

    def dropped(self) -> int:
        """Datagrams that no socket of this host had room for."""
        names, numbers = (line.split() for line in self.run("cat", "/proc/net/snmp").splitlines()
                          if line.startswith("Udp:"))
        return int(numbers[names.index("RcvbufErrors")])

    # Pings.

    def ping(self, address: str, *options: str, count: int = 1, wait_s: int = 2) -> int:
        """Sends `count` pings at once and returns how many were answered within `wait_s`.

        ping(8) waits for the last answer no longer than one interval, or twice the slowest answer
        so far, and heeds -W only if there was none at all. Hence the long interval: the short one
        of a series would take what is late, on a busy machine, for lost.
        """
        pace = ("-l", str(count), "-i", str(wait_s), "-W", str(wait_s))
        return self._answered(count, *pace, *options, address)

    def ping_series(self, address: str, *options: str, count: int, interval_s: float) -> int:
        """Sends `count` pings one after the other and returns how many were answered.

        Given a deadline, ping goes on sending until enough has been answered; what it sends beyond
        `count`, to make up for what is lost or late, does not count.
        """
        slowest_s = max(interval_s, 0.1)  # of a machine that has other things to do
        pace = ("-i", str(interval_s), "-w", str(math.ceil(2 + count * slowest_s)))
        return self._answered(count, *pace, *options, address)

    def _answered(self, count: int, *options: str) -> int:
        done = self.attempt("ping", "-n", "-c", str(count), *options, timeout=300)
        answered = re.findall(r"^\d+ bytes from .* icmp_seq=(\d+) ", done.stdout, re.MULTILINE)
        return sum(int(number) <= count for number in set(answered))

    def wait_ping(self, address: str, *options: str, seconds: float = DEADLINE_S) -> None:
        """Waits for the first answer from `address`."""
        wait_until(lambda: self.ping(address, *options, wait_s=1),
                   f"{self.name} gets an answer from {address}", seconds)

    def wait_pings(self, address: str, *options: str, count: int = 10) -> None:
        """Waits until `count` pings in a row are answered.

        One may be lost when packets change over from TCP or a relay to UDP, hence another try. They
        are paced, since 1.0.36 drops some of a burst that goes over TCP.
        """
        wait_until(lambda: self.ping_series(address, *options, count=count,
                                            interval_s=0.02) == count,
                   f"{self.name} gets {count} answers in a row from {address}", 20)


class Helper:
    """A program of this folder on a host, which is told lines and answers with lines.

    It says `ready` first, and ends with the lab at the latest.
    """

    def __init__(self, host: Host, script: str, *arguments: str):
        self.heard: list[str] = []
        self.script = script
        self._process = host.spawn(sys.executable, os.path.join(HERE, script), *arguments,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, daemon=True).start()
        self.wait(1)

    def _listen(self) -> None:
        for line in self._process.stdout:
            self.heard.append(line.rstrip("\n"))

    def say(self, line: str = "") -> None:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def wait(self, count: int) -> list[str]:
        """Waits until it has said so many lines; returns all of them."""
        wait_until(lambda: len(self.heard) >= count, f"{self.script} says {count} lines")
        return list(self.heard)


class Daemon:
    """A program running in the foreground on a host.

    What it says is read from the file `log_file` in /var/log of the host if it writes one, else from
    its output.
    """

    def __init__(self, host: Host, command: list[str], environment: dict[str, str],
                 log_file: str | None = None):
        self.host, self.command = host, command
        output = os.path.join(host.folder, "log", f"output{len(host.daemons)}")
        self.log_path = os.path.join(host.folder, "log", log_file) if log_file else output
        with open(output, "wb") as out:
            self._process = subprocess.Popen(host.inside(*command), stdout=out, stderr=out,
                                             stdin=subprocess.DEVNULL, env=environment)
        self.pid = self._process.pid  # nsenter becomes the program, hence keeps its pid
        self._mark = 0
        host.daemons.append(self)

    def log(self, since: int = 0) -> str:
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            file.seek(since)
            return file.read()

    def mark(self) -> int:
        """The present end of the log, for `since`."""
        return os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0

    def wait_log(self, pattern: str, since: int = 0, seconds: float = DEADLINE_S) -> re.Match:
        """Waits for a line that matches the regular expression; returns the match.

        A program that has ended, saying that something is not supported, skips the test.
        """
        compiled = re.compile(pattern, re.MULTILINE)

        def ask():
            found = compiled.search(self.log(since))
            if not found and self._process.poll() is not None:
                refusal = re.search("^.* is not supported.*$", self.log(since), re.MULTILINE)
                if refusal:
                    raise unittest.SkipTest(f"{self.host.name}: {refusal[0]}")
                raise AssertionError(f"{self.host.name}: exit {self._process.returncode} "
                                     f"before it said {pattern!r}")
            return found

        return wait_until(ask, f"{self.host.name} says {pattern!r}", seconds)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int) -> int:
        """Sends a signal; returns the end of the log just before it."""
        before = self.mark()
        os.kill(self.pid, number)
        return before

    def wait(self, seconds: float = DEADLINE_S) -> int:
        """Waits for the end; returns the exit code, negative for a signal."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.host.name}: still runs after {seconds} s") from None

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


# A line of the node dump; `address` is None for nodes without one and for the node itself.
NODE_LINE = re.compile(
    r"^ (?P<name>\w+) at (?P<host>.+?) cipher (?P<cipher>-?\d+) digest (?P<digest>-?\d+) "
    r"maclength (?P<maclength>\d+) compression (?P<compression>\d+) options (?P<options>[0-9a-f]+) "
    r"status (?P<status>[0-9a-f]{4}) nexthop (?P<nexthop>\S+) via (?P<via>\S+) "
    r"pmtu (?P<pmtu>\d+) \(min (?P<min>\d+) max (?P<max>\d+)\)$", re.MULTILINE)
NODE_LINE_11 = re.compile(
    r"^(?P<name>\w+) id (?P<id>[0-9a-f]{12}) at (?P<host>.+?) cipher (?P<cipher>-?\d+) "
    r"digest (?P<digest>-?\d+) maclength (?P<maclength>\d+) compression (?P<compression>\d+) "
    r"options (?P<options>[0-9a-f]+) status (?P<status>[0-9a-f]{4}) nexthop (?P<nexthop>\S+) "
    r"via (?P<via>\S+) distance -?\d+ pmtu (?P<pmtu>\d+) \(min (?P<min>\d+) max (?P<max>\d+)\)",
    re.MULTILINE)


class Tinc:
    """The configuration of one node, and the program that runs it."""

    def __init__(self, host: Host, program: str = TINCD, net: str | None = None,
                 name: str | None = None):
        self.host, self.program, self.net = host, program, net
        self.name = name or host.name
        self.folder = os.path.join(host.folder, "tinc", net or "")
        self.daemon: Daemon | None = None
        self._started_s = 0
        os.makedirs(os.path.join(self.folder, "hosts"), exist_ok=True)

    @property
    def pid_file(self) -> str:
        return f"/run/tinc.{self.net}.pid" if self.net else "/run/tinc.pid"

    def path(self, name: str) -> str:
        """A configuration file, as seen from outside the host."""
        return os.path.join(self.folder, name)

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """Writes a configuration file or script, by rename as editors do."""
        with open(self.path(name) + ".tmp~", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name) + ".tmp~", mode)
        os.rename(self.path(name) + ".tmp~", self.path(name))

    def read(self, name: str) -> str:
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def script(self, name: str, body: str) -> None:
        self.write(name, "#!/bin/sh\n" + body, 0o755)

    def use_key(self, key: "Key") -> None:
        """Installs a ready key: the private file, and the public one in the own host file."""
        self.write("rsa_key.priv", key.private, 0o600)
        old = self.read(f"hosts/{self.name}") if os.path.exists(
            self.path(f"hosts/{self.name}")) else ""
        self.write(f"hosts/{self.name}", old + key.public)

    def use_ed25519_key(self, number: int) -> None:
        """Likewise an Ed25519 key, with which protocol 1.1 is spoken."""
        private, public = ed25519_key(number)
        self.write("ed25519_key.priv", private, 0o600)
        old = self.read(f"hosts/{self.name}")
        self.write(f"hosts/{self.name}", f"{old}Ed25519PublicKey = {public}\n")

    def forget_key_of(self, other: str) -> None:
        """Takes the Ed25519 key out of a host file."""
        text = self.read(f"hosts/{other}")
        self.write(f"hosts/{other}", re.sub("Ed25519PublicKey.*\n", "", text))

    def learn(self, *others: "Tinc") -> None:
        """Copies the host files of other nodes here, as an administrator would."""
        for other in others:
            self.write(f"hosts/{other.name}", other.read(f"hosts/{other.name}"))

    def command(self, *options: str) -> list[str]:
        if is_11(self.program):
            return [self.program, "-c", "/etc/tinc", f"--pidfile={self.pid_file}", *options]
        return [self.program, *(["-n", self.net] if self.net else []), *options]

    def ask(self, *words: str) -> str:
        """What the `tinc` of 1.1 says of the running daemon."""
        tool = os.path.join(os.path.dirname(self.program), "tinc")
        return self.host.attempt(tool, "-c", "/etc/tinc", f"--pidfile={self.pid_file}",
                                 *words).stdout

    def call(self, *options: str, **more) -> subprocess.CompletedProcess:
        """Runs the program to its end, for -k, -K, --version and refusals."""
        return self.host.attempt(*self.command(*options), **more)

    def start(self, *options: str, debug: int = 3, ready: bool = True, log_file: str | None = None,
              environment: dict[str, str] | None = None) -> Daemon:
        """Starts the daemon in the foreground and waits until it is ready."""
        if log_file:
            options += (f"--logfile=/var/log/{log_file}", )
        before = self.daemon.mark() if self.daemon and log_file else 0
        # The original seeds the nonces of its requests with the time in seconds. Started twice in
        # one second it would repeat them, and its peers would take its requests for old ones.
        wait_until(lambda: int(time.time()) > self._started_s, "a new second")
        self.daemon = Daemon(self.host, self.command("-D", f"-d{debug}", *options),
                             {**os.environ, **(environment or {})}, log_file)
        if ready:
            self.daemon.wait_log(r"(^|\]: | )Ready$", since=before)
        self._started_s = int(time.time())
        return self.daemon

    def dump(self, number: int, last_line: str) -> str:
        """Asks for a dump by signal and returns its text."""
        before = self.daemon.signal(number)
        self.daemon.wait_log(f"^{last_line}$", since=before)
        return self.daemon.log(before)

    def connections(self) -> str:
        if is_11(self.program):
            return self.ask("dump", "connections")
        return self.dump(signal.SIGUSR1, r"End of connections\.")

    def nodes(self) -> dict[str, dict[str, str]]:
        """The node dump, by name."""
        if is_11(self.program):
            text = self.ask("dump", "nodes")
            return {m["name"]: m.groupdict() for m in NODE_LINE_11.finditer(text)}
        text = self.dump(signal.SIGUSR2, r"End of subnet list\.")
        return {m["name"]: m.groupdict() for m in NODE_LINE.finditer(text)}

    def node(self, name: str) -> dict[str, str] | None:
        return self.nodes().get(name)

    def subnets(self) -> list[tuple[str, str]]:
        """The subnet dump: each with its owner."""
        if is_11(self.program):
            text = self.ask("dump", "subnets")
        else:
            text = self.dump(signal.SIGUSR2, r"End of subnet list\.")
        return re.findall(r"^ ?(\S+) owner (\w+)$", text, re.MULTILINE)

    def speaks_sptps_with(self, name: str) -> bool:
        """Whether protocol 1.1 is spoken with that node, by the node dump."""
        node = self.node(name)
        return node is not None and int(node["options"], 16) >> 24 >= SPTPS_MINOR

    def wait_udp(self, name: str, seconds: float = DEADLINE_S, at_least: int = 1) -> dict[str, str]:
        """Waits until frames of `at_least` bytes are known to reach `name` by UDP."""

        def ask():
            node = self.node(name)
            return node if node and int(node["min"]) >= at_least else None

        return wait_until(ask, f"{self.name} reaches {name} by UDP", seconds)


def up_script(*addresses: str, mtu: int = 1400) -> str:
    """A tinc-up that gives the interface addresses."""
    lines = [f'ip link set "$INTERFACE" up mtu {mtu}']
    lines += [f'ip addr add {a} dev "$INTERFACE"' + (" nodad" if ":" in a else "")
              for a in addresses]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def pinging(host: Host, address: str, interval_s: float = 0.05, size: int = 56):
    """Pings in the background; yields an object whose `lost` and `sent` are set at the end."""

    class Count:
        sent = lost = 0

    process = host.spawn("ping", "-n", "-q", "-i", str(interval_s), "-s", str(size), address,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    count = Count()
    try:
        yield count
    finally:
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate()
        found = re.search(r"(\d+) packets transmitted, (\d+) received", told)
        count.sent, received = (int(found[1]), int(found[2])) if found else (0, 0)
        count.lost = count.sent - received


def explain_cast() -> None:
    """Says which programs are tested, at the head of the output."""
    print(f"under test: {TINCD}; peer: {TINCD_PEER}", flush=True)

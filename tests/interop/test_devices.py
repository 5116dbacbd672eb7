"""Devices other than tun and tap: frames pass, between ours and between ours and the original."""

import grp
import itertools
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

import sandbox
from lab import (DEADLINE_S, Daemon, Key, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference,
                 wait_until)
from networks import CASTS, Member, outer, star

HERE = os.path.dirname(os.path.abspath(__file__))
REFERENCE = is_reference(TINCD)
NAMES = ("alpha", "beta", "gamma", "delta")
GROUP, PORT = "239.1.2.3", "5000"
UML_MAC = bytes.fromhex("fefd00000000")


def ip_packet(source: int, target: int, text: bytes) -> bytes:
    """An IPv4 packet from the machine behind one node to that behind the other."""
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(text), 1, 0, 64, 253, 0,
                       bytes([10, 5, source, 2]), bytes([10, 5, target, 2])) + text


def frame(source: int, target: int, text: bytes = b"a frame of some length, to pass") -> bytes:
    """The same in a frame."""
    return (bytes([2, 0, 0, 0, 0, target, 2, 0, 0, 0, 0, source]) + b"\x08\x00"
            + ip_packet(source, target, text))


class Station:
    """The machine behind the device of a node."""

    def __init__(self, node: Tinc, *arguments: str):
        self.heard: list[bytes] = []
        self._process = node.host.spawn(sys.executable, os.path.join(HERE, "station.py"),
                                        *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        if self._process.stdout.readline() != "ready\n":
            raise AssertionError(f"no station {' '.join(arguments)}")
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._process.stdout:
            self.heard.append(bytes.fromhex(line))

    def send(self, content: bytes) -> None:
        self._process.stdin.write(content.hex() + "\n")
        self._process.stdin.flush()

    def wait(self, content: bytes) -> None:
        wait_until(lambda: content in self.heard, f"the station hears {content!r}")

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Kind:
    """One kind of device: how to configure it, and the machine behind it."""

    mode = "router"
    late = True  # the station needs the daemon, not the other way round

    def prepare(self, node: Tinc) -> list[str]:
        """Makes what the device needs; returns lines for tinc.conf."""
        raise NotImplementedError

    def station(self, node: Tinc) -> Station:
        raise NotImplementedError

    def content(self, source: int, target: int, *text: bytes) -> bytes:
        return frame(source, target, *text)


class RawSocket(Kind):
    greeting = "lan0 is a raw_socket"

    def prepare(self, node: Tinc) -> list[str]:
        add_lan(node)
        return ["DeviceType = raw_socket", "Interface = lan0"]

    def station(self, node: Tinc) -> Station:
        return Station(node, "raw", "far0")


class Multicast(Kind):
    greeting = f"{GROUP} {PORT} is a multicast socket"

    def prepare(self, node: Tinc) -> list[str]:
        add_lan(node)
        node.host.ip("addr add 10.6.0.1/24 dev lan0", "route add 239.0.0.0/8 dev lan0")
        return ["DeviceType = multicast", f"Device = {GROUP} {PORT}"]

    def station(self, node: Tinc) -> Station:
        return Station(node, "multicast", GROUP, PORT)


class Uml(Kind):
    greeting = "/run/tinc.umlsocket is a UML network socket"

    def prepare(self, node: Tinc) -> list[str]:
        return ["DeviceType = uml"]

    def station(self, node: Tinc) -> Station:
        station = Station(node, "uml", "/run/tinc.umlsocket")
        node.daemon.wait_log("^Connection with UML established$")
        return station

    def content(self, source: int, target: int, *text: bytes) -> bytes:
        if self.mode == "switch":
            return frame(source, target, *text)
        # A router addresses frames to what it takes for UML's address.
        return UML_MAC + UML_MAC + frame(source, target, *text)[12:]


class Fd(Kind):
    """Of tinc 1.1: bare IP packets."""

    greeting = r"fd/\d+ adapter set up\."
    late = False

    def prepare(self, node: Tinc) -> list[str]:
        return ["DeviceType = fd", "Device = /run/fd.socket"]

    def station(self, node: Tinc) -> Station:
        return Station(node, "fd", "/run/fd.socket")

    def content(self, source: int, target: int, *text: bytes) -> bytes:
        return frame(source, target, *text)[14:]


def add_lan(node: Tinc) -> None:
    """Two joined interfaces, lan0 for the daemon and far0 for the machine behind it."""
    node.host.ip("link add lan0 type veth peer name far0")
    node.host.run("sysctl", "-qw", "net.ipv6.conf.lan0.disable_ipv6=1",
                  "net.ipv6.conf.far0.disable_ipv6=1")
    node.host.ip("link set lan0 up", "link set far0 up")


def configure(node: Tinc, number: int, lines: list[str]) -> None:
    """Writes the files of a node that has a device of another kind."""
    other = ["ConnectTo = alpha"] if number > 1 else []
    node.write("tinc.conf", "\n".join([f"Name = {node.name}", *other, *lines, ""]))
    node.write(f"hosts/{node.name}", f"Address = {outer(number)}\nSubnet = 10.5.{number}.0/24\n"
               + Key.of(2048, number).public)
    os.unlink(node.path("tinc-up"))


def start_all(lab: Lab, kind: Kind, *programs: str, mode: str = "router"):
    """Nodes around alpha, and the machines behind them."""
    kind.mode = mode
    nodes = star(lab, *(Member(name, program) for name, program in zip(NAMES, programs)))
    stations = []
    for number, node in enumerate(nodes, 1):
        configure(node, number, kind.prepare(node) + [f"Mode = {mode}"])
    for node in nodes:
        node.learn(*(other for other in nodes if other is not node))
    for node in nodes:
        if not kind.late:
            stations.append(kind.station(node))
        node.start(debug=5)
        node.daemon.wait_log(f"^{kind.greeting}$")
        if kind.late:
            stations.append(kind.station(node))
    return nodes, stations


class FrameTest(unittest.TestCase):

    def exchange(self, kind: Kind, *programs: str, mode: str = "router") -> None:
        """Frames pass both ways between the machines behind each two nodes, each once."""
        with Lab() as lab:
            nodes, stations = start_all(lab, kind, *programs, mode=mode)
            for node in nodes[1:]:
                nodes[0].wait_udp(node.name, at_least=200)
                node.wait_udp("alpha", at_least=200)
            for there, back in itertools.combinations(range(len(nodes)), 2):
                self.carry(kind, stations, there, back)
            if set(programs) == {TINCD}:  # 1.0.36 may hang in a read at its end
                self.assertEqual([node.daemon.stop() for node in nodes], [0] * len(nodes))

    def carry(self, kind: Kind, stations: list[Station], one: int, other: int) -> None:
        own = 1 if isinstance(kind, Multicast) else 0  # a station hears itself in the group
        there, back = kind.content(one + 1, other + 1), kind.content(other + 1, one + 1)
        fence = kind.content(one + 1, other + 1, b"the last one, after every echo")
        stations[one].send(there)
        stations[other].wait(there)
        stations[other].send(back)
        stations[one].wait(back)
        stations[one].send(fence)
        stations[other].wait(fence)
        for content, sender, receiver in ((there, one, other), (back, other, one)):
            self.assertEqual(stations[receiver].heard.count(content), 1)
            self.assertEqual(stations[sender].heard.count(content), own)

    @unittest.skipIf(REFERENCE, "only in tincpp")
    def test_fd(self) -> None:
        self.exchange(Fd(), TINCD, TINCD)


OURS = {"us_alone": (TINCD, TINCD)}
for _kind in (RawSocket, Multicast, Uml):
    for _cast, _programs in (CASTS | OURS).items():
        for _mode in ("router", "switch"):
            setattr(FrameTest, f"test_{_kind.__name__}_{_mode}_{_cast}",
                    lambda self, kind=_kind, programs=_programs, mode=_mode: self.exchange(
                        kind(), *programs, mode=mode))


@unittest.skipIf(REFERENCE, "only in tincpp")
class LifeTest(unittest.TestCase):
    """What happens to devices while the daemon runs."""

    def lone(self, lab: Lab, *lines: str) -> Tinc:
        node, = star(lab, Member("alpha"))
        if lines:
            configure(node, 1, list(lines))
        return node

    def test_end_of_the_other_side_of_an_fd(self) -> None:
        with Lab() as lab:
            nodes, stations = start_all(lab, Fd(), TINCD, TINCD)
            stations[0].end()
            nodes[0].daemon.wait_log("was closed by its other end and cannot be opened again")
            self.assertEqual(nodes[0].daemon.wait(), 1)

    def test_next_uml(self) -> None:
        with Lab() as lab:
            node = self.lone(lab, "DeviceType = uml")
            node.start()
            Uml().station(node).end()
            node.daemon.wait_log("^Connection with UML closed$")
            before = node.daemon.mark()
            Station(node, "uml", "/run/tinc.umlsocket")
            node.daemon.wait_log("^Connection with UML established$", since=before)

    def test_uml_after_a_kill(self) -> None:
        with Lab() as lab:
            node = self.lone(lab, "DeviceType = uml")
            node.start().kill()
            os.unlink(os.path.join(node.host.folder, "run", "tinc.pid"))
            node.start().stop()
            self.assertFalse(os.path.exists(os.path.join(node.host.folder, "run",
                                                         "tinc.umlsocket")))

    @staticmethod
    def tun_pair(lab: Lab) -> list[Tinc]:
        """Two nodes on tun devices; packets pass."""
        nodes = star(lab, Member("alpha", connect_to=("beta", )), Member("beta"))
        for node in nodes:
            node.start()
        nodes[0].host.wait_ping("10.1.0.2")
        return nodes

    def test_tun_down_and_up(self) -> None:
        with Lab() as lab:
            nodes = self.tun_pair(lab)
            alpha = nodes[0].host
            alpha.ip("link set vpn0 down")
            self.assertEqual(nodes[1].host.ping("10.1.0.1", wait_s=1), 0)
            alpha.ip("link set vpn0 up")
            alpha.wait_ping("10.1.0.2")

    def test_tun_removed(self) -> None:
        with Lab() as lab:
            nodes = self.tun_pair(lab)
            alpha = nodes[0].host
            alpha.ip("link del vpn0")
            nodes[0].daemon.wait_log("vpn0 was gone and is open again")
            alpha.wait_ping("10.1.0.2")  # tinc-up has run again

    def test_tun_removed_for_good(self) -> None:
        with Lab() as lab:
            node = self.lone(lab)
            daemon = node.start()
            node.host.run("mount", "-t", "tmpfs", "none", "/dev/net")
            node.host.ip("link del vpn0")
            daemon.wait_log("vpn0 is gone and cannot be opened again; start tincd anew")
            self.assertEqual(daemon.wait(), 1)
            self.assertEqual(daemon.log().count("Could not open /dev/net/tun: No such file"), 5)

    def test_raw_socket_down_removed_and_back(self) -> None:
        with Lab() as lab:
            node = self.lone(lab)
            configure(node, 1, RawSocket().prepare(node))
            daemon = node.start(debug=5)
            for change in (["link set lan0 down", "link set lan0 up"], ["link del lan0"]):
                before = daemon.mark()
                node.host.ip(*change)
                daemon.wait_log("^Error while reading from raw_socket lan0: Network is down$",
                                since=before)
                if change == ["link del lan0"]:
                    add_lan(node)
                    daemon.wait_log("^raw_socket lan0 was gone and is open again$", since=before)
                station = RawSocket().station(node)
                station.send(frame(1, 2))
                daemon.wait_log("^Read packet of 65 bytes from raw_socket$", since=before)
                station.end()


class RefusalTest(unittest.TestCase):
    """Mistakes that end the start, in the words of the original."""

    def refuses(self, lines: list[str], expression: str) -> None:
        with Lab() as lab:
            node, = star(lab, Member("alpha"))
            configure(node, 1, lines)
            done = node.call("-D")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, f"(?m)^{expression}")

    CASES = {
        "unknown": (["DeviceType = foo"], "Unknown device type foo!"),
        "raw_socket": (["DeviceType = raw_socket", "Interface = nope"],
                       r"Can't find interface nope: No such device\. .*\(/etc/tinc/+tinc\.conf line "
                       r"\d+: Interface = nope\)" if not REFERENCE else
                       "Can't find interface nope: No such device"),
        "no_group": (["DeviceType = multicast"], "Device variable required for multicast socket"),
        "no_port": (["DeviceType = multicast", "Device = 239.1.2.3"],
                    "Port number required for multicast socket"),
        "no_route": (["DeviceType = multicast", "Device = 239.1.2.3 5000"],
                     "Cannot join multicast group 239.1.2.3 5000: No such device"),
        "uml_path": (["DeviceType = uml", "Device = /nonexistent/socket"],
                     "Could not bind UML network socket to /nonexistent/socket: "
                     "No such file or directory"),
    }


for _name, (_lines, _expression) in RefusalTest.CASES.items():
    setattr(RefusalTest, f"test_{_name}",
            lambda self, lines=_lines, expression=_expression: self.refuses(lines, expression))


class NamesTest(unittest.TestCase):
    """What the log and the scripts are told."""

    def told(self, lines: list[str], device: str, interface: str, description: str,
             greeting: str) -> None:
        with Lab() as lab:
            node, = star(lab, Member("alpha"))
            add_lan(node)
            node.host.ip("addr add 10.6.0.1/24 dev lan0", "route add 239.0.0.0/8 dev lan0")
            configure(node, 1, lines)
            record = os.path.join(node.host.folder, "record")
            node.script("tinc-up", f'echo "$DEVICE|$INTERFACE" > {record}\n')
            node.start(debug=1)
            node.daemon.wait_log(f"^{re.escape(greeting)}$")
            dump = node.dump(signal.SIGUSR2, r"End of subnet list\.")
            self.assertIn(f"Statistics for {description} {device}:", dump)
            with open(record, encoding="ascii") as file:
                self.assertEqual(file.read(), f"{device}|{interface}\n")

    def test_dummy(self) -> None:
        self.told(["DeviceType = dummy", "Device = /dev/x", "Interface = y"], "dummy", "dummy",
                  "dummy device", "dummy (dummy) is a dummy device")

    def test_raw_socket(self) -> None:
        self.told(["DeviceType = Raw_Socket", "Interface = lan0"], "lan0", "lan0", "raw_socket",
                  "lan0 is a raw_socket")

    def test_raw_socket_with_a_device(self) -> None:
        self.told(["DeviceType = raw_socket", "Device = blah", "Interface = lan0"], "blah", "lan0",
                  "raw_socket", "blah is a raw_socket")

    def test_multicast(self) -> None:
        self.told(["DeviceType = multicast", "Device = 239.1.2.3 5000 7", "Interface = foo"],
                  "239.1.2.3 5000 7", "foo", "multicast socket",
                  "239.1.2.3 5000 7 is a multicast socket")

    def test_uml(self) -> None:
        self.told(["DeviceType = uml", "Interface = foo"], "/run/tinc.umlsocket", "foo",
                  "UML network socket", "/run/tinc.umlsocket is a UML network socket")


@unittest.skipIf(REFERENCE, "only in tincpp")
class FlagsTest(unittest.TestCase):
    """What the kernel is asked for with a tun device."""

    @staticmethod
    def flags(*lines: str) -> int:
        with Lab() as lab:
            node, = star(lab, Member("alpha"))
            configure(node, 1, ["Interface = vpn0", *lines])
            node.start()
            # /sys shows the network that it was mounted in.
            return int(node.host.run("sh", "-c", "mount -t sysfs sysfs /mnt && "
                                     "cat /mnt/class/net/vpn0/tun_flags"), 16)

    def test_one_queue(self) -> None:
        one_queue = 0x2000  # IFF_ONE_QUEUE
        self.assertFalse(self.flags() & one_queue)
        self.assertTrue(self.flags("IffOneQueue = yes") & one_queue)

    def test_device_offload(self) -> None:
        with_header = 0x4000  # IFF_VNET_HDR
        self.assertTrue(self.flags() & with_header)
        self.assertFalse(self.flags("DeviceOffload = no") & with_header)


@unittest.skipIf(REFERENCE, "Debian's has no VDE")
class VdeTest(unittest.TestCase):
    """A port of a virtual switch."""

    def plugged(self, lab: Lab, *lines: str) -> Tinc:
        """A node on a switch; its calls of chown() are in the file `calls`."""
        node, = star(lab, Member("alpha"))
        configure(node, 1, ["DeviceType = vde", "Mode = switch", *lines])
        switch = node.host.spawn("vde_switch", "-s", "/run/vde.ctl", "-M", "/run/vde.mgmt",
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.path(node, "vde.mgmt")), "the switch is there")
        self.assertIsNone(switch.poll())
        node.daemon = Daemon(node.host, ["strace", "-f", "-e", "trace=chown", "-o", "/run/calls",
                                         *node.command("-D")], dict(os.environ))
        node.daemon.wait_log("^Ready$")
        return node

    @staticmethod
    def path(node: Tinc, name: str) -> str:
        return os.path.join(node.host.folder, "run", name)

    def ports(self, node: Tinc) -> str:
        """What the switch says of its ports."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(DEADLINE_S)
            control.connect(self.path(node, "vde.mgmt"))
            control.sendall(b"port/allprint\n")
            told = b""
            while b"1000 Success" not in told:
                told += control.recv(4096)
        return told.decode()

    def test_port(self) -> None:
        with Lab() as lab:
            self.assertRegex(self.ports(self.plugged(lab, "VDEPort = 7")),
                             r"Port 0007 .*\n(?:.*\n)*? *-- endpoint ID \d+ .*tincd")

    def test_group(self) -> None:
        # The socket that the group may use has no name any more when it is plugged in.
        number = grp.getgrnam("daemon").gr_gid
        for lines, times in (([], 0), (["VDEGroup = daemon"], 1)):
            with Lab() as lab:
                node = self.plugged(lab, *lines)
                with open(self.path(node, "calls"), encoding="ascii") as file:
                    self.assertEqual(file.read().count(f", -1, {number}) = 0"), times)


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=6)

"""The network tinc is most used for: IPv6 for two machines behind one NAT router.

                                   ┌─ outside   a host of the IPv6 Internet
                                   │
    my_pc ─────┐                   │ 2001:db8:9::/64
               ├─ lan ─ router ─ gateway
    my_laptop ─┘   10.0.0.0/24  │  gateway.example.net, the only public IPv4 address
                                └─ masquerade

Net `inet6`: gateway has 2002:102:304::/64 and the default route, my_pc 2002:102:304:1::/64,
my_laptop 2002:102:304:2::/64. Each cast runs the whole story once.
"""

import os
import subprocess
import unittest

import sandbox
from lab import Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference, wait_until

NET = "inet6"
PUBLIC = "198.51.100.1"
OUTSIDE = "2001:db8:9::2"
INSIDE = {"gateway": "2002:102:304::1", "my_pc": "2002:102:304:1::1",
          "my_laptop": "2002:102:304:2::1"}
MOBILE = ("my_pc", "my_laptop")


class World:
    """The hosts, their files, and the questions the story asks."""

    def __init__(self, lab: Lab, cast: dict[str, str]):
        self.router = lab.router("router")
        gateway = lab.router("gateway")
        outside = lab.host("outside")
        switch = lab.switch("lan")
        lab.cable(self.router, gateway, "198.51.100.2/24", f"{PUBLIC}/24")
        lab.cable(gateway, outside, "2001:db8:9::1/64", f"{OUTSIDE}/64")
        lab.cable(self.router, switch, "10.0.0.1/24")
        outside.ip("route add default via 2001:db8:9::1")
        self.router.masquerade("eth0")
        self.router.count("crossing", "forward", "meta l4proto { tcp, udp }")
        hosts = {"gateway": gateway, "outside": outside}
        for number, name in enumerate(MOBILE, 1):
            hosts[name] = lab.host(name)
            lab.cable(hosts[name], switch, f"10.0.0.{number + 1}/24")
            hosts[name].ip("route add default via 10.0.0.1")
        self.hosts = hosts
        self.nodes = {name: Tinc(hosts[name], program, NET) for name, program in cast.items()}
        # The original broadcasts to its neighbours ten times when it meets a node, then never
        # again, and of all packets from unknown addresses it examines the first of each second.
        # When all ten miss it needs the next probe, one PingInterval later, or to meet the node
        # anew. Two of ours must not need that.
        original = any(is_reference(cast[name]) for name in MOBILE)
        self.meetings, self.patience_s = (3, 40) if original else (1, 15)
        self.more = "PingInterval = 5\n" if original else ""
        self.configure()

    def configure(self) -> None:
        for name, node in self.nodes.items():
            node.host.knows(PUBLIC, "gateway.example.net")
            with open(os.path.join(node.host.folder, "tinc", "nets.boot"), "w",
                      encoding="ascii") as file:
                file.write("inet6\n")
            if name == "gateway":
                self.configure_gateway(node)
            else:
                self.configure_mobile(node, MOBILE.index(name) + 1)
            made = node.call("-K", stdin=subprocess.DEVNULL)
            if made.returncode:
                raise AssertionError(f"-K on {name}: {made.stderr}")
        for node in self.nodes.values():
            node.learn(*(other for other in self.nodes.values() if other is not node))

    def configure_gateway(self, node: Tinc) -> None:
        node.write("tinc.conf", "AddressFamily = ipv4\nBindToAddress = gateway.example.net 655\n"
                   f"Name = gateway\n{self.more}")
        node.write("hosts/gateway", "Address = gateway.example.net 655\n"
                   "Subnet = 2002:0102:0304:0000:0:0:0:0/64\nSubnet = 0:0:0:0:0:0:0:0/0\n")
        node.script("tinc-up", 'ip -6 link set "$INTERFACE" up mtu 1400\n'
                    'ip -6 addr add 2002:0102:0304::1/48 dev "$INTERFACE"\n')
        node.script("tinc-down", 'ip -6 addr del 2002:0102:0304::1/48 dev "$INTERFACE"\n'
                    'ip -6 link set "$INTERFACE" down\n'
                    f'ip -6 addr show dev "$INTERFACE" > {node.host.folder}/down\n')

    def configure_mobile(self, node: Tinc, number: int) -> None:
        address = f"2002:0102:0304:{number}::1/64"
        node.write("tinc.conf", "AddressFamily = ipv4\nBindToAddress = * 655\n"
                   f"Name = {node.name}\nConnectTo = gateway\nLocalDiscovery = yes\n"
                   f"{self.more}")
        node.write(f"hosts/{node.name}", f"Subnet = 2002:0102:0304:{number}:0:0:0:0/64\n")
        node.script("tinc-up", 'ip -6 link set "$INTERFACE" up mtu 1400\n'
                    f'ip -6 addr add {address} dev "$INTERFACE"\n'
                    'ip -6 route add default dev "$INTERFACE"\n')
        node.script("tinc-down", 'ip -6 route del default dev "$INTERFACE"\n'
                    f'ip -6 addr del {address} dev "$INTERFACE"\n'
                    'ip -6 link set "$INTERFACE" down\n'
                    f'ip -6 addr show dev "$INTERFACE" > {node.host.folder}/down\n')

    def start(self, name: str) -> None:
        self.nodes[name].start("--pidfile=/run/tinc.inet6.pid", log_file="daemon.log")

    def crossing_of_pings(self, count: int = 20) -> int:
        """Bytes over the router while my_pc pings my_laptop with 1000 bytes, each answered."""
        before = self.router.counted("crossing")
        received = self.hosts["my_pc"].ping(INSIDE["my_laptop"], "-s", "1000", count=count)
        return self.router.counted("crossing") - before if received == count else 1 << 30


class Inet6MeshTest(unittest.TestCase):
    """One story, told with different casts."""

    def tell(self, **cast: str) -> None:
        with Lab() as lab:
            self.story(World(lab, cast))

    def story(self, world: World) -> None:
        for name in world.nodes:
            world.start(name)
        self.all_reach_each_other(world)
        self.traffic_of_neighbours_leaves_the_router(world)
        self.gateway_comes_back(world)
        self.everybody_leaves_clean(world)

    def all_reach_each_other(self, world: World) -> None:
        for name in MOBILE:
            host = world.hosts[name]
            host.wait_ping(INSIDE["gateway"])
            host.wait_ping(OUTSIDE)
            world.hosts["outside"].wait_ping(INSIDE[name])
        world.hosts["my_pc"].wait_ping(INSIDE["my_laptop"])
        world.hosts["my_laptop"].wait_ping(INSIDE["my_pc"])

    def traffic_of_neighbours_leaves_the_router(self, world: World) -> None:
        for meeting in range(1, world.meetings + 1):
            try:
                # 20 pings of 1000 bytes and their answers are more than 40000 bytes. The meta
                # connections and the probes to the gateway go on meanwhile.
                wait_until(lambda: world.crossing_of_pings() < 20000,
                           "my_pc and my_laptop talk directly, not over the router",
                           world.patience_s)
                return
            except AssertionError:
                if meeting == world.meetings:
                    raise
            self.assertEqual(world.nodes["my_laptop"].daemon.stop(), 0)
            world.start("my_laptop")
            self.all_reach_each_other(world)

    def gateway_comes_back(self, world: World) -> None:
        gateway = world.nodes["gateway"]
        self.assertEqual(gateway.daemon.stop(), 0)
        self.assertEqual(world.hosts["my_pc"].ping(OUTSIDE), 0)
        world.start("gateway")
        self.all_reach_each_other(world)

    def everybody_leaves_clean(self, world: World) -> None:
        for name, node in world.nodes.items():
            self.assertEqual(node.daemon.stop(), 0)
            host = node.host
            with open(os.path.join(host.folder, "down"), encoding="ascii") as file:
                self.assertNotIn("2002:", file.read(), "tinc-down ran with the interface there")
            self.assertNotIn("2002:", host.run("ip", "-6", "addr"))
            self.assertNotIn("inet6", host.run("ip", "-6", "route", "show", "table", "all"))
            self.assertNotIn("inet6", host.run("ip", "link"))
            self.assertFalse(os.path.exists(os.path.join(host.folder, "run", "tinc.inet6.pid")))
            self.assertRegex(node.daemon.log(), r" tinc\.inet6\[\d+\]: Terminating\n$")

    def test_ours_everywhere(self) -> None:
        self.tell(gateway=TINCD, my_pc=TINCD, my_laptop=TINCD)

    def test_peer_on_gateway(self) -> None:
        self.tell(gateway=TINCD_PEER, my_pc=TINCD, my_laptop=TINCD)

    def test_peer_on_my_pc(self) -> None:
        self.tell(gateway=TINCD, my_pc=TINCD_PEER, my_laptop=TINCD)

    def test_peer_on_my_laptop(self) -> None:
        self.tell(gateway=TINCD, my_pc=TINCD, my_laptop=TINCD_PEER)

    def test_peer_on_both_machines_behind_nat(self) -> None:
        self.tell(gateway=TINCD, my_pc=TINCD_PEER, my_laptop=TINCD_PEER)


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=5)

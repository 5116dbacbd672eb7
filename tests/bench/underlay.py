"""The hosts that measurements run on, and the links between them.

    sender ── receiver                  one veth, or for three hosts

    sender ── switch ── receiver        the ends cannot hear each other: what one sends to
                └───── relay            the other takes the way by the relay

A veth hands on what the sender's kernel has not cut yet: segments of up to 64 KiB, which no
network card does. With `cut` each link cuts first, like a card without offloads. What then arrives
in pieces is joined again by the receiver's kernel ("gro") or not ("nogro").
"""

from lab import Host, Lab
from networks import outer

CUTS = ("gro", "nogro")


def build(lab: Lab, count: int, cut: str | None) -> list[Host]:
    """Two or three hosts with their outer addresses, in the order of a packet's way."""
    names = {2: ("sender", "receiver"), 3: ("sender", "relay", "receiver")}[count]
    hosts = [lab.host(name) for name in names]
    addresses = [f"{outer(number)}/24" for number in range(1, count + 1)]
    if count == 2:
        lab.cable(*hosts, *addresses)
    else:
        switch = lab.switch("switch")
        for host, address in zip(hosts, addresses):
            lab.cable(host, switch, address)
        hosts[0].rule("input", f"ip saddr {outer(3)} drop")
        hosts[2].rule("input", f"ip saddr {outer(1)} drop")
    if cut:
        for host in hosts:
            host.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off",
                     "tx-udp-segmentation", "off", "gro", "on" if cut == "gro" else "off")
    return hosts

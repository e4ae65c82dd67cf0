"""Who can reach the server: loopback addresses, hosts by name, signs of a proxy. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from services.errors import SettingsError

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
"""The names by which a browser on this machine, or at the end of an SSH tunnel, asks for it."""

_FORWARDING = {
    "forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip",
    "x-cluster-client-ip", "fastly-client-ip",
}  # fmt: skip
_FORWARDING_BEGINS = ("x-forwarded-", "x-original-", "x-envoy-")
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_.-]+))(?::[0-9]{1,5})?\Z")


def is_loopback(address: str | None) -> bool:
    """Whether an address to listen on or of a client is this machine's own; None is every one."""
    if address is None:
        return False
    if address.lower() == "localhost":
        return True
    found = _read(address)
    return found is not None and found.is_loopback


def _read(address: str) -> IPv4Address | IPv6Address | None:
    """Read an address, one of IPv4 within IPv6 as what it is; None for what is no address."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


Network = IPv4Network | IPv6Network


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks as `10.0.0.0/8`, or single addresses. Raises ValueError, which says which."""
    return tuple(map(_network, texts))


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        reason = "is no network, as 10.0.0.0/8 or fd00::/8 with no bit set behind its length"
        raise ValueError(f"{text} {reason}") from None


def within(address: str | None, networks: Iterable[Network]) -> bool:
    """Whether a client's address is in one of these networks; what is no address is in none."""
    found = _read(address or "")
    return found is not None and any(found in network for network in networks)


def forwarded(names: Iterable[str]) -> bool:
    """Whether a request with headers of these names came through a proxy.

    An SSH tunnel adds none, so it counts as this machine.
    """
    lowered = {name.lower() for name in names}
    return bool(lowered & _FORWARDING) or any(n.startswith(_FORWARDING_BEGINS) for n in lowered)


def host_allowed(host: str | None, allowed: Collection[str]) -> bool:
    """Whether a Host header names one of the hosts; `*.example.com` is any below it, `*` any.

    What is no host name is never allowed. Ports and case make no difference.
    """
    found = _HOST.match((host or "").lower())
    if found is None:
        return False
    name = (found["six"] or found["name"]).removesuffix(".")
    return any(_matches(name, pattern.lower().removesuffix(".")) for pattern in allowed)


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and len(name) > len(pattern[1:])
    return pattern in ("*", name)


def refuse_open(address: str | None, *, auth: str, allow_open: bool) -> None:
    """Raise SettingsError for a server without sign-in that more than this machine can reach."""
    if auth != "local" or allow_open or is_loopback(address):
        return
    where = "every address" if address in (None, "", "0.0.0.0", "::") else address  # noqa: S104
    reason = (
        f"local means no sign-in and every visitor an admin, and this server would listen on "
        f"{where}: set oidc or proxy, listen on 127.0.0.1, or set KATO_TENANTS_ALLOW_OPEN=1"
    )
    raise SettingsError("KATO_TENANTS_AUTH", reason)

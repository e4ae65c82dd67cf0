"""What the tests of erasing share: hostile names, and what a surface is."""

from __future__ import annotations

from services.purge.models import Surface
from services.tenancy.layout import text_of

MINE = "tenant_acme_user_bob_kato"
HOSTILE = (
    b'it\'s "quoted"_kato',
    b"percent%_kato",
    b"percent%%_kato",
    b"star*_kato",
    b"starx_kato",
    b"a?[b-c]_kato",
    b"ab[b-c]_kato",
    b"back\\slash_kato",
    b"new\nline_kato",
    b"nul\x00_kato",
    b"nul_kato",
    b"\xff\xfe_kato",
    b"\xff\xfd_kato",
    "日本_kato".encode(),
    b"{String}_kato",
    b"all",
    b"tuple()",
    b"tenant_acme_x_kato",
    b"tenant_acme_corp_x_kato",
    b"tenant_acme_x_kato_kato",
    b"tenantXacmeXx_kato",
)
"""Each is erased alone; every other of them is a bystander."""


def surface_of(*kb_ids: bytes | str) -> Surface:
    """The surface of whole kb_ids."""
    texts = (text_of(kb) if isinstance(kb, bytes) else kb for kb in kb_ids)
    return Surface(kb_ids=frozenset(texts))


def silent(_: object) -> None:
    """Take note of nothing."""

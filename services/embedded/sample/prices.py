"""The price file that the sample fleet is given. Pure."""

FILE = "prices.toml"
"""How it is called in the data directory. It may be edited: it is written with the fleet, once."""

TEXT = """# Sample prices, made up. docs/bill.md says what each is.
# Name a file of your own in KATO_TENANTS_PRICES.

currency = "EUR"
decimals = 2
rounding = "half_up"    # of the fleet's total: half_up, half_even, up or down
shared = "by_use"       # what several tenants hold: nobody, equally or by_use
issuer = "Example Ltd"
note = "Sample prices, made up."

[prices."*"]            # everybody
base = 20
thousand_patterns = 40  # a thousand patterns for a month
disk_gib = 250          # a GiB for a month
memory_gib = 4_000
vectors_gib = 900
session_hour = 0.01

[prices."org/*"]        # every organisation
base = 49
memory_gib = 3_200

[prices."tenant/acme-corp"]
base = 0
"""

"""What people are told of an alert, in words. Names are as `visible` shows them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.alerts.conditions import conditions
from services.alerts.models import Alert, AlertState, Facts, Message
from services.isolation.rules import RULES
from services.visible import visible

TITLES = {code: condition.title for code, condition in conditions().items()}
TODO = {code: condition.todo for code, condition in conditions().items()}

_RULES = {rule.code: rule.title for rule in RULES}
_STORES = {"clickhouse": "ClickHouse", "redis": "Redis", "qdrant": "Qdrant", "kato": "KATO"}
_OUTCOMES = {
    "partial": "ended with something left",
    "unknown": "ended, and whether all is gone is not known",
    "erased_except": "ended, and left out what it was told to",
}
_STUCK = {
    "failed": "failed, and has to be resumed or ended",
    "stopped": "was stopped more than a day ago",
    "unclaimed": "is to run, and no dashboard runs it",
    "slow": "has had the same step under way for hours",
}
_RETENTION = {
    "failed": "failed, and has to be resumed or ended",
    "partial": "ended with something left that was due",
    "unknown": "ended, and not all of it is known",
}
_GROWN = {
    "patterns": "patterns", "keys": "keys", "vectors": "vectors",
    "keys_bytes": "bytes in Redis",
}  # fmt: skip
_FEW = 20
_NAMES = 5


def title_of(alert: Alert) -> str:
    """Return what an alert is called."""
    return TITLES.get(alert.code, visible(alert.code))


def line_of(alert: Alert) -> str:
    """Say in one line what an alert is, of whom, and by which id it is found."""
    names = [visible(str(tenant)) for tenant in alert.tenants[:_NAMES]]
    more = len(alert.tenants) - len(names)
    whose = ", ".join(names) + (f" and {more:,} more" if more > 0 else "")
    by = f" (finding {alert.facts['finding']})" if "finding" in alert.facts else ""
    return ": ".join(part for part in (whose, detail_of(alert)) if part) + by


def detail_of(alert: Alert) -> str:
    """Say what an alert is, of whomever."""
    say = _SAYS.get(alert.code)
    return title_of(alert) if say is None else say(alert.facts)


def subject_of(message: Message, deployment: str = "") -> str:
    """Return a message's subject: how many fire or are over, and what of."""
    where = f"[{deployment}] " if deployment else ""
    if message.test:
        return f"{where}Test of the route {message.route}"
    firing = [alert for alert in message.alerts if alert.state is AlertState.FIRING]
    about = list(dict.fromkeys(map(title_of, message.alerts)))
    what = about[0] if len(about) == 1 else f"{len(about)} conditions"
    words = "still firing" if message.again else "firing"
    counts = [f"{len(firing)} {words}"] if firing else []
    over = len(message.alerts) - len(firing)
    counts += [f"{over} resolved"] if over else []
    return f"{where}{what}: {', '.join(counts)}"


def body_of(message: Message, url: str = "") -> str:
    """Return a message's text, a line an alert, and what to do."""
    if message.test:
        return "This is a test: nothing is wrong. Alerts of this route arrive here."
    shown = message.alerts[:_FEW]
    lines = [
        f"{alert.state.value.upper()} · {alert.severity.value} · {line_of(alert)}"
        f" · since {_minute(alert)}" + (f" · {link_to(alert, url)}" if url else "")
        for alert in shown
    ]
    more = len(message.alerts) - len(shown)
    lines += [f"and {more:,} more"] if more else []
    fires = {alert.code for alert in message.alerts if alert.state is AlertState.FIRING}
    lines += [TODO[code] for code in TODO if code in fires]
    return "\n".join(lines)


def link_to(alert: Alert, url: str) -> str:
    """Return the address of an alert's row on the page; `url` may have a query of its own."""
    place, _, query = url.partition("?")
    return f"{place.rstrip('/')}/alerts?{query and f'{query}&'}alert={alert.id}"


def _minute(alert: Alert) -> str:
    return f"{alert.began:%Y-%m-%d %H:%M} UTC"


def _store_unknown(facts: Facts) -> str:
    store = str(facts["store"])
    return f"{_STORES.get(store, store)} {facts['fault'] or 'could not be read'}"


def _grown(facts: Facts) -> str:
    return ", ".join(
        f"{int(facts[name]):+,} {words} since a day's end, from {int(facts[f'{name}_before']):,} "
        f"(usual is {int(facts[f'{name}_usual']):+,} a day)"
        for name, words in _GROWN.items() if name in facts
    )  # fmt: skip


def _limit(facts: Facts) -> str:
    used, most = int(facts["used"]), int(facts["most"])
    share = f" ({used / most:.0%})" if most else ""
    return f"{facts['quantity']}: {used:,} of {most:,}{share}"


def _stuck(facts: Facts) -> str:
    job = f"purge {facts['purge']}" if "purge" in facts else f"{facts['kind']} {facts['job']}"
    return f"{job} {_STUCK[str(facts['why'])]}"


def _ahead(facts: Facts) -> str:
    return f"{_limit(facts)}, likely to be reached on {facts['likely']}"


_SAYS: Mapping[str, Callable[[Facts], str]] = {
    "store_unknown": _store_unknown,
    "log_broken": lambda facts: f"entry {int(facts['entry']):,} is not as it was written",
    "finding": lambda facts: _RULES.get(str(facts["rule"]), str(facts["rule"])),
    "purge_back": lambda facts: (
        f"{int(facts['kb_ids']):,} kb_ids that purge {facts['purge']} erased have data again"
    ),
    "purge_outcome": lambda facts: f"purge {facts['purge']} {_OUTCOMES[str(facts['outcome'])]}",
    "job_stuck": _stuck,
    "retention_failed": lambda facts: f"run {facts['run']} {_RETENTION[str(facts['why'])]}",
    "backup_failed": lambda facts: f"the backup that was due {facts['due']} failed",
    "backup_missed": lambda facts: f"a backup was due {facts['due']}, and nobody began it",
    "conservation": lambda facts: (
        f"{facts['measure']}: the store's own total is {int(facts['difference']):+,} off the sum"
    ),
    "replica_dead": lambda facts: (
        f"{int(facts['replicas']):,} replicas on {visible(str(facts['peer']))} are not up to date"
    ),
    "snapshot_old": lambda facts: (
        f"no figures were collected for {int(facts['minutes']):,} minutes"
    ),
    "limit_over": _limit,
    "limit_near": _limit,
    "limit_ahead": _ahead,
    "growth": _grown,
}

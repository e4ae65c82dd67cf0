"""Labels and texts of a card as people write them: what is taken, and what is refused. Pure."""

from __future__ import annotations

import re
import unicodedata

from services.cards.models import CardError, Label, Labels
from services.visible import visible

LABEL = "label:"
"""What a label begins with where it stands for the tenants that have it, as `label:plan=gold`."""

MOST_LABELS = 32
LONGEST_VALUE = 63
LONGEST_NAME, LONGEST_CONTACT, LONGEST_NOTES, LONGEST_REASON = 120, 300, 4_000, 2_000
"""The longest texts, in characters."""

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
_ESCAPED = "\ud800-\udfff"
_CONTROLS = re.compile(rf"[\x00-\x1f\x7f-\x9f{_ESCAPED}\u2028\u2029]")
_IN_NOTES = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_ESCAPED}]")
_APART = re.compile("[,;\n]")
_FORBIDDEN = re.compile(r"[/,;\\]")


def label_of(text: str) -> Label:
    """Read one label, as `plan=gold`. Raises CardError."""
    key, sign, value = text.partition("=")
    if not sign:
        raise CardError("a label is written key=value, as plan=gold")
    return Label(key_of(key), value_of(value))


def key_of(text: str) -> str:
    """Read the key of a label. Raises CardError."""
    key = text.strip()
    if _KEY.fullmatch(key) is None:
        raise CardError("a label's key has small letters and digits, and within them . _ -; "
                        "at most 40")  # fmt: skip
    return key


def value_of(text: str) -> str:
    """Read the value of a label: any word or words in which every character can be seen.

    Neither a slash, which kinds and tenants have, nor what lists are written with. Raises
    CardError.
    """
    value = unicodedata.normalize("NFC", text.strip())
    if not value or len(value) > LONGEST_VALUE or visible(value) != value:
        raise CardError(f"a label's value has 1 to {LONGEST_VALUE} characters that can be seen")
    if _FORBIDDEN.search(value):
        raise CardError("a label's value has no / , ; or backslash")
    return value


def labels_of(text: str) -> Labels:
    """Read labels with commas, semicolons or line breaks between them. Raises CardError."""
    found = dict[str, str]()
    for part in _APART.split(text):
        if part.strip():
            label = label_of(part)
            if found.setdefault(label.key, label.value) != label.value:
                raise CardError(f"a tenant has one value of {label.key}")
    if len(found) > MOST_LABELS:
        raise CardError(f"a tenant has at most {MOST_LABELS} labels")
    return found


def words_of(labels: Labels) -> str:
    """Write labels as `labels_of` reads them."""
    return ", ".join(f"{key}={labels[key]}" for key in sorted(labels))


def name_of(text: str) -> str:
    """Read a display name. Raises CardError."""
    return _line(text, "a display name", LONGEST_NAME)


def contact_of(text: str) -> str:
    """Read whom to write to: a name, a mail address, a link. Raises CardError."""
    return _line(text, "a contact", LONGEST_CONTACT)


def notes_of(text: str) -> str:
    """Read notes, which may have lines. Raises CardError."""
    notes = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(notes) > LONGEST_NOTES or _IN_NOTES.search(notes):
        raise CardError(f"notes are text of at most {LONGEST_NOTES:,} characters")
    return notes


def reason_of(text: str) -> str:
    """Read why a hold is set or lifted. Raises CardError without one."""
    reason = _line(text, "a reason", LONGEST_REASON)
    if not reason:
        raise CardError("say why")
    return reason


def _line(text: str, what: str, most: int) -> str:
    line = unicodedata.normalize("NFC", text.strip())
    if len(line) > most or _CONTROLS.search(line):
        raise CardError(f"{what} is one line of at most {most:,} characters")
    return line

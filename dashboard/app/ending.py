"""The end of a page that has no more to draw, where that is before its last line.

What was typed into a widget is forgotten once a run ends without it, by Streamlit and by the
browser. After `st.stop` Streamlit keeps it, and the browser does not: a form that is drawn again
later would act on what it no longer shows. So pages end by an exception that their caller takes.
Where a list's filters are to be there, and in the address, when one comes back from what was opened
out of it, the page ends by `st.stop`, and a form in it is emptied as it is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


class _Ended(BaseException):
    """A page has no more to draw. It is no error, and nobody on the way is to take it for one."""


def end_page() -> NoReturn:
    """End the page that is drawn; not for fragments, which Streamlit runs by themselves."""
    raise _Ended


@contextmanager
def drawn_to_its_end() -> Iterator[None]:
    """Run a page within, to its last line or to where it ends itself."""
    try:
        yield
    except _Ended:
        return

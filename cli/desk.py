"""The desk that commands use: whoever has the shell, as an admin, decided and logged as anybody.

What opens stores is imported when it is used: drivers take seconds, and most of `run` needs none.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from services.access.viewer import COMMAND, Role, Viewer
from services.settings.environment import Settings

if TYPE_CHECKING:
    from services.desk import Desk
    from services.wiring.alone import Alone


def viewer() -> Viewer:
    """Return who uses this shell, as the log names them: `cli/ann`."""
    try:  # not getpass: whoever may set LOGNAME would be whom they like
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        name = str(os.getuid())
    return Viewer(f"{COMMAND}{name}", Role.ADMIN)


@contextmanager
def opened(settings: Settings) -> Iterator[Desk]:
    """Give the desk, with every store and engine. Raises what `bootstrap.build` raises."""
    from services import bootstrap  # noqa: PLC0415  takes seconds
    from services.desk import Desk  # noqa: PLC0415  as above

    with closing(bootstrap.build(settings)) as services:
        yield Desk(services, viewer)


@contextmanager
def opened_alone(settings: Settings) -> Iterator[Alone]:
    """Give the gate and the log, with no store and no engine. Raises SettingsError, StoreError."""
    from services.wiring.alone import alone  # noqa: PLC0415  as above

    with alone(settings, viewer) as found:
        yield found

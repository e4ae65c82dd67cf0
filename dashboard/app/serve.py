"""Streamlit's own `streamlit`, which ends without a word when it is interrupted.

    python -m dashboard.app.serve run asgi_app.py --server.port=8501

A server is stopped by Ctrl-C: that is its normal end. Streamlit's command says "Aborted!" then, and
fails.
"""

from __future__ import annotations

import sys

import click
from streamlit.web.cli import main as streamlit


def main(arguments: list[str]) -> int:
    """Run Streamlit's command and return the exit code of this process."""
    try:
        streamlit(arguments, prog_name="streamlit", standalone_mode=False)
    except click.Abort:
        return 0
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

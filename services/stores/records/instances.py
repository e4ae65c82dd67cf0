"""The register of instances, in this product's own records."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, select

from services.instances.formats import kept_of, kept_text
from services.instances.models import Instance
from services.stores.records.database import insert_into, reading, writing
from services.stores.records.names import count_change
from services.stores.records.putting import put_rows
from services.stores.records.schema import INSTANCE_PORTS, INSTANCES

_OPERATION = "changing the register of instances"


class InstanceBook:
    """Keeps instances. Every method raises StoreUnavailable when the database does not answer.

    A change counts as one of what is known of names: kb_ids end with a SERVICE_NAME.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> tuple[Instance, ...]:
        """Return every instance that is kept, the newest first."""
        asked = select(INSTANCES.c.text).order_by(INSTANCES.c.since.desc(), INSTANCES.c.name)
        with reading(self._engine, "reading instances") as connection:
            return tuple(map(kept_of, connection.execute(asked).scalars()))

    def get(self, name: str) -> Instance | None:
        """Return one by its name; None where there is none."""
        asked = select(INSTANCES.c.text).where(INSTANCES.c.name == name)
        with reading(self._engine, "reading an instance") as connection:
            text = connection.execute(asked).scalar()
        return None if text is None else kept_of(text)

    def add(self, instance: Instance) -> bool:
        """Keep a new one with its ports; False where its name or a port was taken meanwhile."""
        with writing(self._engine, _OPERATION) as connection:
            first = insert_into(connection, INSTANCES).on_conflict_do_nothing()
            taken = connection.scalar(first.values(_row(instance)).returning(INSTANCES.c.name))
            if taken is None:
                return False
            for number in sorted(instance.ports.values()):  # in the order of every writer
                port = insert_into(connection, INSTANCE_PORTS).on_conflict_do_nothing()
                port = port.values(port=number, name=instance.name)
                if connection.scalar(port.returning(INSTANCE_PORTS.c.port)) is None:
                    _forget(connection, instance.name)
                    return False
            count_change(connection)
        return True

    def put(self, *instances: Instance) -> None:
        """Keep these as they are now; their ports stay theirs."""
        with writing(self._engine, _OPERATION) as connection:
            put_rows(connection, INSTANCES, list(map(_row, instances)))
            count_change(connection)

    def forget(self, name: str) -> None:
        """Keep nothing more of one: its ports are free."""
        with writing(self._engine, _OPERATION) as connection:
            _forget(connection, name)
            count_change(connection)


def _forget(connection: Connection, name: str) -> None:
    connection.execute(delete(INSTANCE_PORTS).where(INSTANCE_PORTS.c.name == name))
    connection.execute(delete(INSTANCES).where(INSTANCES.c.name == name))


def _row(instance: Instance) -> dict[str, object]:
    return {
        "name": instance.name, "tenant": str(instance.tenant), "service": instance.service,
        "here": instance.is_here, "serving": instance.is_serving, "since": instance.since,
        "text": kept_text(instance),
    }  # fmt: skip

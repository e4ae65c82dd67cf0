"""What is made once: also by threads at a time, and nobody waits for another deployment's."""

from __future__ import annotations

import threading

from services.made_once import made_along, made_once


class Opens:
    """What takes its time to open."""

    def __init__(self, answers: threading.Event) -> None:
        self.answers, self.count = answers, 0

    @made_once
    def records(self) -> int:
        """What is opened."""
        self.answers.wait(10)
        self.count += 1
        return self.count


class Part:
    """What asks its owner, and is asked by it."""

    def __init__(self, owner: Opens) -> None:
        self.owner = owner
        made_along(self, owner)

    @made_once
    def tools(self) -> int:
        """What needs the owner's."""
        return self.owner.records


def test_one_that_does_not_answer_keeps_no_other_waiting() -> None:
    """One lock for all, as Python 3.11's own cached property has, would."""
    silent, well = threading.Event(), threading.Event()
    well.set()
    down, other = Opens(silent), Opens(well)
    thread = threading.Thread(target=lambda: down.records)
    thread.start()
    assert other.records == 1
    assert thread.is_alive()
    silent.set()
    thread.join(10)


def test_of_threads_at_a_time_one_makes_it() -> None:
    found, opens = [], Opens(threading.Event())
    threads = [threading.Thread(target=lambda: found.append(opens.records)) for _ in range(5)]
    for thread in threads:
        thread.start()
    opens.answers.set()
    for thread in threads:
        thread.join(10)
    assert found == [1] * 5


def test_a_part_takes_turns_with_its_owner() -> None:
    owner = Opens(threading.Event())
    part = Part(owner)
    first = threading.Thread(target=lambda: owner.records)
    first.start()
    second = threading.Thread(target=lambda: part.tools)
    second.start()
    assert "tools" not in vars(part)
    owner.answers.set()
    first.join(10)
    second.join(10)
    assert vars(part)["tools"] == 1
    assert Opens.records.__doc__

"""Archives, their manifests and proofs as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cli.printed import aligned
from services.archive.models import Archive, Change, Difference, Head, Manifest, Stored
from services.archive.removal import Removal
from services.archive.verify import Proof
from services.jobs.models import Job
from services.purge.models import LeftOut, Plan
from services.usage.formats import stamp
from services.visible import visible


def plan_text(plan: Plan) -> str:
    """Say what would be in an archive, and what not."""
    rows = [
        (item.store.value, visible(item.owner), visible(item.kind), f"{item.count:,}")
        for item in plan.items
    ]
    lines = [f"of {visible(str(plan.request.target))}"]
    lines += [aligned([("STORE", "OWNER", "WHAT", "COUNT"), *rows], right_from=3)] if rows else []
    lines += [f"could not be asked: {store.value}: {why}" for store, why in plan.problems.items()]
    lines += _left(plan.left_out, plan.taken)
    lines += [f"not in it: {visible(text)}" for text in (*plan.disclosed, *plan.blockers)]
    return "\n".join(lines)


def archive_text(archive: Archive, job: Job | None = None) -> str:
    """Say what came of taking an archive."""
    lines = [f"{archive.name}: {archive.state.value}", f"id: {archive.id}"]
    lines += [f"place: {visible(archive.place)}"] if archive.place else []
    problem = archive.problem or (job.problem if job is not None else "")
    if problem:
        lines.append(f"why: {visible(problem)}")
    if archive.bytes:
        lines += [f"bytes: {archive.bytes:,}", f"SHA-256: {archive.sha256}"]
        lines += [f"{visible(part)}: {count:,}" for part, count in archive.counts.items()]
        lines.append(f"changed while it was taken: {archive.changes:,}")
        if archive.left_out is not None:
            lines.append(f"left out: {archive.left_out:,} (archive show says what)")
    return "\n".join(lines)


def archives_text(archives: Iterable[Archive]) -> str:
    """Return one line an archive, or that there is none."""
    rows = [
        (stamp(each.created_at) or "", visible(str(each.target)), each.state.value,
         f"{each.bytes:,}" if each.bytes else "-", stamp(each.proven_at) or "-", each.name)
        for each in archives
    ]  # fmt: skip
    if not rows:
        return "no archive is known"
    return aligned([("TAKEN", "OF", "STATE", "BYTES", "PROVEN", "NAME"), *rows])


def files_text(files: Iterable[Stored]) -> str:
    """Return one line a file, or that there is none."""
    rows = [
        (visible(each.name), f"{each.bytes:,}", stamp(each.changed_at) or "-") for each in files
    ]
    return aligned([("NAME", "BYTES", "WRITTEN"), *rows]) if rows else "no archive is there"


def shown_text(head: Head, manifest: Manifest) -> str:
    """Say what an archive says of itself."""
    lines = [
        f"of {visible(str(manifest.target))}",
        f"taken: {stamp(manifest.started_at)} to {stamp(manifest.ended_at)}",
        f"by version: {visible(head.product)}",
        f"encrypted: {'yes' if head.encrypted else 'no'}",
        f"sessions ended first: {'yes' if manifest.quiesced else 'no'}",
    ]
    rows = [(visible(p.name), f"{p.count:,}", f"{p.bytes:,}") for p in manifest.parts]
    lines.append(aligned([("PART", "COUNT", "BYTES"), *rows], right_from=1))
    lines += _left(manifest.left_out, manifest.taken)
    lines += [f"not in it: {visible(text)}" for text in manifest.disclosed]
    lines += [f"changed meanwhile: {_change(each)}" for each in manifest.changes]
    return "\n".join(lines)


def removal_text(found: Removal) -> str:
    """Say what goes with an archive's file, and of whom no other is proven."""
    archive = found.archive
    lines = [f"{archive.name}: {archive.bytes:,} bytes, of {visible(str(archive.target))}"]
    lines += [f"place: {visible(archive.place)}"] if archive.place else []
    lines += [
        f"no other proven archive of {visible(str(each))} is known: "
        "where its data is erased, this is the last copy"
        for each in found.last_of
    ]
    return "\n".join([*lines, "the record that it existed stays, with who removed it and why"])


def proof_text(proof: Proof) -> str:
    """Say what was proven."""
    lines = [f"{visible(proof.name)}: as it was written", f"SHA-256: {proof.sha256}"]
    if proof.manifest is None:
        lines.append("it is encrypted: its hash alone was compared, with that of the records")
    else:
        lines += [f"{visible(part.name)}: {part.count:,}" for part in proof.manifest.parts]
    if proof.differences is not None:
        lines += list(map(_differs, proof.differences)) or ["the stores hold the same"]
    return "\n".join(lines)


def _left(left: Iterable[LeftOut], taken: Iterable[LeftOut]) -> list[str]:
    lines = [f"left out: {visible(each.kb_id)}: {visible(each.why)}" for each in left]
    return lines + [f"in it by name: {visible(each.kb_id)}: {visible(each.why)}" for each in taken]


def _change(each: Change) -> str:
    owner = f"{visible(each.owner)}, " if each.owner else ""
    if each.before is None:
        return f"{owner}{visible(each.kind)}: other content"
    after = "not known" if each.after is None else f"{each.after:,}"
    return f"{owner}{visible(each.kind)}: {each.before:,} before, {after} after"


def _differs(each: Difference) -> str:
    if each.there is None:
        return f"{visible(each.part)}: not asked, its store is not configured"
    there = "the same number" if each.there == each.archived else f"{each.there:,}"
    return f"{visible(each.part)}: {each.archived:,} in the archive, {there} in the store, other"

"""The names of session state and query parameters of rules: limits, backups and retention."""

from __future__ import annotations

LIMIT_SCOPE = "limit_scope"
LIMIT_KIND = "limit_kind"
LIMIT_LABEL = "limit_label"
LIMIT_TENANT = "limit_tenant"
LIMIT_MEASURE = "limit_measure"
LIMIT_MOST = "limit_most"
LIMIT_WHY = "limit_why"
LIMIT_TEXT = "limit_text"
LIMIT_INSTEAD = "limit_instead"
LIMITS_SET = "limits_set"
LIMITS_REFUSED = "limits_refused"
"""Session state: a limit, or a file of limits, as it is being written, what was set last, and why
one was refused. Which tenant it is for, and of what, are query parameters too."""

BACKUP_REFUSED = "backup_refused"
BACKUP_BEGUN = "backup_begun"
BACKUP_RULE_REFUSED = "backup_rule_refused"
BACKUP_SET = "backup_set"
BACKUP_SCOPE = "backup_scope"
BACKUP_CRON = "backup_cron"
BACKUP_ZONE = "backup_zone"
BACKUP_KEEP = "backup_keep"
BACKUP_JITTER = "backup_jitter"
BACKUP_QUIESCE = "backup_quiesce"
BACKUP_TO = "backup_to"
BACKUP_WHY = "backup_why"
"""Session state: a rule of backups as it is being written, what was set or begun last, and why
something was refused."""

RETENTION_SCOPE = "retention_scope"
RETENTION_NAME = "retention_name"
RETENTION_QUANTITY = "retention_quantity"
RETENTION_KEEP = "retention_keep"
RETENTION_CRON = "retention_cron"
RETENTION_ZONE = "retention_zone"
RETENTION_WHY = "retention_why"
RETENTION_SET = "retention_set"
RETENTION_REASON = "retention_reason"
RETENTION_REFUSED = "retention_refused"
RETENTION_TENANT = "retention_tenant"
"""Session state: a policy as it is being written, what was set last, why one is run, why something
was refused, and of which tenant the past is shown."""

INSTANCE_OPEN = "instance_open"
INSTANCE_WISH = (
    "instance_tool", "instance_stores", "instance_service", "instance_cpus", "instance_memory",
    "instance_workers",
)  # fmt: skip
INSTANCE_WHY = "instance_why"
INSTANCE_ADOPTED = ("instance_url", "instance_its_service", "instance_its_why")
"""Session state: what of a KATO of a tenant's own is open, was chosen and typed."""

INSTANCE_PLAN = "instance_plan"
INSTANCE_VITAL = "instance_vital"
INSTANCE_FILES = "instance_files"
INSTANCE_REFUSED = "instance_refused"
"""Session state: what was planned, how one is, its files, and why something was not done."""

"""The names of session state and query parameters; those of rules are in `rule_keys`.

Nothing else names any.
"""

from __future__ import annotations

from dashboard.draw.formatting import visible
from services.tenancy.kb_ids import TenantKey

DEPLOYMENT = "deployment"
"""Query parameter, and session state: of which deployment the page is; in every address where
there are several."""

DEPLOYMENT_CHOSEN = "deployment_chosen"
DEPLOYMENT_NEW = "deployment_new"
"""Session state: the deployment that is chosen in the sidebar, and one that is gone to: the page
is drawn once without anything on it first."""

TENANT = "tenant"
"""Query parameter: which tenant the Tenant page shows, as `visible(kind/id)`."""

SEARCH = "q"
KIND = "kind"
OWNERSHIP = "ownership"
SORT = "sort"
LIMITS = "limits"
LABELS = "labels"
GROUP = "group"
PAGE = "page"
"""Query parameters of the Tenants page."""

KB = "kb"
"""Query parameter: of which kb_ids the Tenant page shows patterns."""

FIGURE = "figure"
RANGE = "range"
DAYS = "days"
ZOOM = "zoom"
AHEAD = "ahead"
"""Query parameters of pages with charts over time: which figure is drawn, how far back, or between
which days or moments, and whether what is coming is drawn too."""

COMPARED = "compared"
COHORT = "cohort"
MONTH_AGO = "month_ago"
"""Query parameters of the Usage page: which tenants are compared, one with itself before, and by
which label the fleet is told apart."""

IMPORT_RUN = "import"
"""Query parameter: which import the Import page shows, by its id."""

DATA_TEXT = "data_text"
DATA_REFUSED = "data_refused"
DATA_WHY_UP = "data_why_up"
"""Session state: the rows to be written for a tenant, and why they were not checked or written."""

SETUP_STEPS = "setup_steps"
"""Session state: the order of a new tenant that was begun last, and how each of its steps went."""

MONTH = "month"
"""Query parameter of the Bill page: which month, as `2026-10`."""

FIND_ALL = "everywhere"
FIND_ALL_INSIDE = "everywhere_inside"
"""Query parameters of the Deployments page: what is looked for in all of them, and how."""

FIND = "find"
ANYWHERE = "anywhere"
"""Query parameters of the Find page: what is looked for, and whether inside of names too."""

WHO = "who"
"""Session state: who uses this tab."""

FIND_ENTRY = "find_entry"
FIND_TYPED = "find_typed"
FIND_LAST = "find_last"
FIND_LEFT = "find_left"
"""Session state: the search entry of the sidebar, what was just typed into it, what was looked for
last on the page, with whether inside of names too, and whether another page was drawn since."""

CREATED = "created_session"
"""Session state: KATO's answer to the session created last."""

SESSION = "session"
"""Query parameter: which session the Sessions page shows, as `session_tables.link_of` writes it."""

SESSIONS_KB = "in"
"""Query parameter: the sessions of which kb_id alone the Sessions page lists."""

SESSIONS_SEARCH = "sq"
SESSIONS_TENANT = "of"
SESSIONS_SCHEME = "sessions_scheme"
SESSIONS_KIND = "sessions_kind"
SESSIONS_STATE = "sessions_state"
SESSIONS_AGE = "sessions_age"
SESSIONS_PAGE = "sessions_page"
"""The filters of the Sessions page, which are query parameters too."""

REPORT = "session_report"
"""Session state: what was done to sessions last, and how each went."""

METADATA_ROWS = "metadata_rows"
"""Session state: the numbers of the rows of metadata on the New session page; none comes twice."""

OLDER_WORD = "older_word"
"""Session state: why a session may come to older data, by the kb_id that it lies under."""

TAB = "tab"
"""Query parameter: which tab of a tenant's page is open; the others read nothing."""

BROWSE = "Browse"
"""The tab in which a tenant's patterns, keys and vectors are, also where links lead to it."""

LOOK_INTO = "look_into"
"""Query parameter: which store of a tenant is looked into."""

FOUND_PATTERNS = "found_patterns"
"""Query parameter: whether the patterns of what was found are open."""

PATTERN_TRAIL = "pattern_trail"
POINT_TRAIL = "point_trail"
"""Session state: what was asked for, and where each page so far began."""

ARCHIVE = "archive"
"""Query parameter: which archive the Archives page shows."""

ARCHIVE_WHAT = "archive_what"
ARCHIVE_TENANT = "archive_tenant"
ARCHIVE_NODE = "archive_node"
ARCHIVE_USER = "archive_user"
ARCHIVE_GUESSED = "archive_guessed"
ARCHIVE_QUIESCE = "archive_quiesce"
ARCHIVE_REASON = "archive_reason"
"""Session state: what of an archive to take was chosen."""

ARCHIVE_REFUSED = "archive_refused"
"""Session state: why the last thing that was to be done to an archive was not."""

ARCHIVE_REMOVE_OPEN = "archive_remove_open"
ARCHIVE_REMOVE_NAME = "archive_remove_name"
ARCHIVE_REMOVE_REASON = "archive_remove_reason"
"""Session state: of an archive to remove, by its id, whether that is open and what was typed."""

RESTORE = "restore"
"""Query parameter: which restore the Archives page shows, by its job."""

RESTORE_OPEN = "restore_open"
RESTORE_FILE = "restore_file"
RESTORE_AS = "restore_as"
RESTORE_NAMED = "restore_named"
RESTORE_REASON = "restore_reason"
RESTORE_WHY_UP = "restore_why_up"
RESTORE_REFUSED = "restore_refused"
"""Session state: what of restoring an archive is open, was chosen, asked for, planned and typed,
why it is given up, and why it was not done."""

PARKING_OPEN = "parking_open"
PARKING_REASON = "parking_reason"
PARKING_REFUSED = "parking_refused"
"""Session state: what of parking a tenant is open and was typed, and why it was not done."""

MOVE_OPEN = "move_open"
MOVE_TO = "move_to"
MOVE_REASON = "move_reason"
MOVE_STOPPED = "move_stopped"
MOVE_LEAVE = "move_leave"
MOVE_REFUSED = "move_refused"
"""Session state: what of moving a tenant is open, was chosen, typed and ticked, and why it was not
done."""

APART_OPEN = "apart_open"
APART_BEGAN = "apart_began"
APART_NAME = "apart_name"
APART_REASON = "apart_reason"
APART_REFUSED = "apart_refused"
"""Session state: what of taking a shared kb_id apart is open, was said and refused."""

JOB = "job"
PLAN = "plan"
"""Query parameters: which purge, or which plan by its digest, the Purge page shows."""

PURGE_TENANT = TENANT
PURGE_WHAT = "purge_what"
PURGE_NODE = "purge_node"
PURGE_USER = "purge_user"
PURGE_STORES = "purge_stores"
PURGE_TRIM = "purge_trim"
PURGE_ARCHIVE = "purge_archive"
PURGE_INFERRED = "purge_inferred"
PURGE_DROP = "purge_drop"
PURGE_PASSED = "purge_passed"
PURGE_MANY = "purge_many"
PURGE_PASTED = "purge_pasted"
"""What is to be purged, as it is being chosen; the tenant is a query parameter too."""

PURGE_WANTED = "purge_wanted"
PURGE_ASKED = "purge_asked"
PURGE_UNPLANNED = "purge_unplanned"
PURGE_PLAN = "purge_plan"
PURGE_INCLUDE = "purge_include"
"""Session state: that a plan is wanted, what one was asked for, why none could be, the one that is
shown, and what of its left out is to go all the same."""

PURGE_CONFIRM = "purge_confirm"
PURGE_REASON = "purge_reason"
PURGE_REFUSED = "purge_refused"
"""Session state: what was typed to confirm a purge, and why it was refused."""

FINDING = "finding"
"""Query parameter: which finding the Isolation page shows, by its id."""

ISOLATION_SEARCH = "fq"
ISOLATION_TENANT = "about"
ISOLATION_SEVERITY = "severity"
ISOLATION_AREA = "area"
ISOLATION_STATUS = "status"
ISOLATION_PAGE = "findings_page"
"""The filters of the Isolation page, which are query parameters too."""

AUDIT_ASKED = "audit_asked"
"""Session state: when an audit was asked for."""

IMPORT_OPEN = "import_open"
IMPORT_TEXT = "import_text"
IMPORTED = "imported"
IMPORT_REFUSED = "import_refused"
"""Session state: the node_ids to import, what an import came to, and why one was refused."""

CONFIRM_KBS = "confirm_kbs"
CONFIRM_WHY = "confirm_why"
CONFIRM_DO = "confirm_do"
CONFIRM_REFUSED = "confirm_refused"
"""Session state: which kb_ids are confirmed or revoked, why, and why that was refused."""

OVER_WORD = "over_word"
"""Session state: why a session is created for a tenant over a limit, by the tenant."""

CARD = "card"
CARD_DONE = "card_done"
CARD_REFUSED = "card_refused"
HOLD_REASON = "hold_reason"
CARDS_OPEN = "cards_open"
CARDS_TEXT = "cards_text"
CARDS_DONE = "cards_done"
CARDS_REFUSED = "cards_refused"
"""Session state: a card, a legal hold, or a file of cards, as it is being written, what was done
last, and why it was refused."""

ACCEPT_WHY = "accept_why"
ACCEPT_UNTIL = "accept_until"
ACCEPT_DATE = "accept_date"
ACCEPT_REFUSED = "accept_refused"
"""Session state: how a finding is accepted as it is, and why that was refused."""

LOG_SEARCH = "lq"
LOG_WHO = "by"
LOG_ACTION = "did"
LOG_OUTCOME = "outcome"
LOG_TENANT = "whose"
LOG_SINCE = "since"
LOG_UNTIL = "until"
LOG_UNENDED = "unended"
LOG_EVERY = "every"
"""The filters of the Audit log page, which are query parameters too."""

ALERT = "alert"
"""Query parameter: which alert the Alerts page shows, by its id."""

SILENCE_CODE = "silence_code"
SILENCE_TENANT = "silence_tenant"
SILENCE_WHY = "silence_why"
SILENCE_LASTS = "silence_lasts"
SILENCE_DATE = "silence_date"
SILENCE_REFUSED = "silence_refused"
"""Session state: which alerts are silenced, why and how long, and why that was refused."""

ROUTE_TESTED = "route_tested"
ROUTE_REFUSED = "route_refused"
"""Session state: the test message that was sent last, and why none was."""

REQUEST = "request"
APPROVE_REFUSED = "approve_refused"
CANARY_REFUSED = "canary_refused"
"""Query parameter: which request the Approvals page shows. Session state: why none was
approved, and why the canary test was not begun."""

LOG_TRAIL = "log_trail"
"""Session state: what of the log was asked for, and before which number each page so far began."""


def of(widget: str, tenant: TenantKey | str) -> str:
    """Return the key of a widget that each tenant, or kb_id, has: text that can be encoded."""
    return f"{widget}_{visible(str(tenant))}"

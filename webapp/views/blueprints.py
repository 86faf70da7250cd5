"""All blueprints of the application, one per resource."""

from webapp.views import health, schedules
from webapp.views.account import (
    away,
    forced_password_change,
    my_account,
    notifications,
    second_factor,
    sign_in,
    sign_on,
)
from webapp.views.admin import (
    audit,
    errors,
    job_types,
    jobs,
    new_user,
    overview,
    performance,
    queues,
    system,
    users,
    workers,
)
from webapp.views.budgets import pages as budget_pages
from webapp.views.edit_job import group_choice, tags, waiting_job
from webapp.views.flow import pages as flow_pages
from webapp.views.groups import pages as group_pages
from webapp.views.job import (
    actions,
    approvals,
    children,
    debug_bundle,
    dry_run,
    files,
    log,
    show,
)
from webapp.views.job.history import comparison, process_snapshots, steps
from webapp.views.job.questions import answer_page, question_list
from webapp.views.job.results import table_page
from webapp.views.job_list import bulk_actions, by_type, columns, saved_filters
from webapp.views.metrics import exposition
from webapp.views.new_job import presets, run_again, start
from webapp.views.notifications import all_notifications, my_notifications
from webapp.views.tokens import all_tokens, my_tokens
from webapp.views.webhooks import messages, pages

_JOB_BLUEPRINTS = (
    *(
        show.bp,
        actions.bp,
        approvals.bp,
        tags.bp,
        group_choice.bp,
        waiting_job.bp,
        dry_run.bp,
        run_again.bp,
        children.bp,
    ),
    *(comparison.bp, steps.bp, flow_pages.bp, question_list.bp),
    *(log.bp, show.parameter_bp, debug_bundle.bp, process_snapshots.bp),
)


BLUEPRINTS = (
    *(sign_in.bp, second_factor.bp, sign_on.bp, forced_password_change.bp),
    *(my_account.bp, my_tokens.bp, notifications.bp, away.bp, health.bp),
    *(exposition.bp, messages.bp, pages.bp),
    *(bulk_actions.bp, by_type.bp, saved_filters.bp, columns.bp, start.bp, presets.bp, files.bp, *_JOB_BLUEPRINTS),
    *(my_notifications.bp, schedules.own_bp),
    *(group_pages.bp, budget_pages.bp),
    *(overview.bp, jobs.bp, errors.bp, queues.bp, workers.bp, schedules.bp, performance.bp),
    *(job_types.bp, users.bp, all_tokens.bp, all_notifications.bp, audit.bp, system.bp),
)
# imported because they add routes to the blueprint of their resource
FURTHER = (queues, new_user, table_page, answer_page)

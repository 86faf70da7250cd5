"""All pages of one job, for the application to register."""

from webapp.views import actions, again, bundle, children, job, log, parameter

BLUEPRINTS = (job.bp, actions.bp, again.bp, children.bp, log.bp, parameter.bp, bundle.bp)

"""The notification rules of the installation, and the log of all deliveries."""

from flask import Blueprint

from webapp.accounts.permissions import Right
from webapp.views.notifications.pages import RulePages
from webapp.views.page.permissions import require_for_all

bp = Blueprint("all_notifications", __name__, url_prefix="/admin/notifications")
require_for_all(bp, Right.SEE_INSTALLATION)
_pages = RulePages(own=False, layout="admin/base.html")
bp.add_url_rule("", "index", _pages.index)
bp.add_url_rule("/new", "new", _pages.new, methods=["GET", "POST"])
bp.add_url_rule("/<uuid:rule_id>", "edit", _pages.edit, methods=["GET", "POST"])
bp.add_url_rule("/<uuid:rule_id>/delete", "remove", _pages.remove, methods=["GET", "POST"])
bp.add_url_rule("/<uuid:rule_id>/switch", "switch", _pages.switch, methods=["POST"])
bp.add_url_rule("/<uuid:rule_id>/test", "test", _pages.test, methods=["POST"])
bp.add_url_rule("/deliveries/<uuid:delivery_id>/send-again", "redeliver", _pages.redeliver, methods=["POST"])

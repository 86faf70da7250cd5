"""The user's own notification rules, and their deliveries."""

from flask import Blueprint

from webapp.views.notifications.pages import RulePages

bp = Blueprint("my_notifications", __name__, url_prefix="/me/notifications")
_pages = RulePages(own=True, layout="page/_own_layout.html")
bp.add_url_rule("", "index", _pages.index)
bp.add_url_rule("/new", "new", _pages.new, methods=["GET", "POST"])
bp.add_url_rule("/<uuid:rule_id>", "edit", _pages.edit, methods=["GET", "POST"])
bp.add_url_rule("/<uuid:rule_id>/delete", "remove", _pages.remove, methods=["GET", "POST"])
bp.add_url_rule("/<uuid:rule_id>/switch", "switch", _pages.switch, methods=["POST"])
bp.add_url_rule("/<uuid:rule_id>/test", "test", _pages.test, methods=["POST"])
bp.add_url_rule("/deliveries/<uuid:delivery_id>/send-again", "redeliver", _pages.redeliver, methods=["POST"])

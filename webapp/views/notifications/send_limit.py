"""Limits how many messages each user sends by hand: tests, and messages that are sent again.

Without a limit, a signed-in user or a token could send mail to an address of their choice as fast as it is delivered.
"""

from functools import lru_cache
from typing import Any, cast

from flask import current_app
from werkzeug.exceptions import TooManyRequests

from webapp.views.page.request import services, signed_in
from webapp.views.security.token_throttle import TokenThrottle
from webapp.views.text.translations import ngettext

PER_MINUTE = 10


def count_message() -> None:
    """Count a message that the signed-in user sends; end the request with 429 above the limit."""
    throttle = _throttle(cast(Any, current_app)._get_current_object())  # noqa: SLF001
    if seconds := throttle.seconds_to_wait(f"messages-{signed_in().id.hex}"):
        sentence = ngettext(
            "You can send %(most)s messages per minute by hand. Try again in %(num)s second.",
            "You can send %(most)s messages per minute by hand. Try again in %(num)s seconds.",
            seconds,
            most=PER_MINUTE,
        )
        raise TooManyRequests(sentence, retry_after=seconds)


@lru_cache(4)
def _throttle(_app: object) -> TokenThrottle:
    return TokenThrottle(f"{PER_MINUTE} per minute", services().settings.redis)

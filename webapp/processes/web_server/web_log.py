"""The log of the web server: gunicorn's messages and one line per request, in the format of the settings."""

from typing import Any

from gunicorn.glogging import Logger

from webapp.telemetry.log_format import JsonFormat, MaskedFormat, TextFormat
from webapp.views.security.request_id import FIELDS, HEADER

_ACCESS = f'%(h)s - %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" %({{{HEADER}}}o)s'


class WebLog(Logger):  # type: ignore[misc]  # gunicorn declares no types
    """gunicorn's logger; ``formatter`` is set by `web_log`."""

    formatter: JsonFormat | TextFormat

    def setup(self, cfg: Any) -> None:
        """Write JSON, or gunicorn's own texts without secrets."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            if isinstance(self.formatter, JsonFormat):
                handler.setFormatter(self.formatter)
            elif handler.formatter is not None:
                handler.setFormatter(MaskedFormat(self.formatter.mask, handler.formatter))

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return what `_ACCESS` shows; gunicorn's method also names each header, a twentieth of the CPU of a poll."""
        sent = getattr(resp, "sent", None)
        request_id = next((value for name, value in resp.headers if name.lower() == HEADER.lower()), None)
        return {
            "h": environ.get("REMOTE_ADDR", "-"),
            "u": self._get_user(environ) or "-",
            "t": self.now(),
            "r": f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {environ['SERVER_PROTOCOL']}",
            "s": str(resp.status).split(None, 1)[0],
            "b": "-" if sent is None else str(sent),
            "f": environ.get("HTTP_REFERER", "-"),
            "a": environ.get("HTTP_USER_AGENT", "-"),
            f"{{{HEADER.lower()}}}o": request_id or "-",
        }

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """Write the line of a request."""
        if not isinstance(self.formatter, JsonFormat):
            super().access(resp, req, environ, request_time)
            return
        status = int(str(resp.status).split(None, 1)[0])
        self.access_log.info(
            "%s %s %s",
            environ["REQUEST_METHOD"],
            environ["RAW_URI"],
            status,
            extra={
                **environ.get(FIELDS, {}),
                "method": environ["REQUEST_METHOD"],
                "path": environ["RAW_URI"],
                "status": status,
                "seconds": round(request_time.total_seconds(), 6),
                "bytes": getattr(resp, "sent", None),
                "address": environ.get("REMOTE_ADDR", ""),
                "user_agent": environ.get("HTTP_USER_AGENT", ""),
            },
        )


def web_log(formatter: JsonFormat | TextFormat) -> dict[str, Any]:
    """Return gunicorn's options for a log in this format."""
    return {"logger_class": type("WebLog", (WebLog,), {"formatter": formatter}), "access_log_format": _ACCESS}

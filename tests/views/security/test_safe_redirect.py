import pytest

from webapp.views.security.safe_redirect import HOME, safe_next

ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nSet-Cookie: a=b",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/jobs\\..\\evil",
    "/\x00/evil.example",
    "/\u2028/evil.example",
    "/\u00a0/evil.example",
    "http://evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,hello",
    "evil.example/jobs",
    "@evil.example",
)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_target_is_never_another_site(target: str) -> None:
    assert safe_next(target) == HOME


@pytest.mark.parametrize("target", [None, "", "/login?next=/login", "/logout", "/" + "x" * 2000])
def test_the_target_is_never_the_sign_in_page_or_empty(target: str | None) -> None:
    assert safe_next(target) == HOME


@pytest.mark.parametrize(
    ("fragment", "page"),
    [
        ("/jobs/_live", "/jobs"),
        ("/jobs/_live?tab=failed", "/jobs?tab=failed"),
        ("/jobs/0190-ab/_log?after=3", "/jobs/0190-ab?after=3"),
        ("/_live", HOME),
    ],
)
def test_a_fragment_leads_to_its_page(fragment: str, page: str) -> None:
    assert safe_next(fragment) == page


@pytest.mark.parametrize("target", ["/", "/jobs", "/jobs?tab=failed&type=a%20b", "/jobs/0190-ab#log", "/straße"])
def test_pages_of_this_site_are_kept(target: str) -> None:
    assert safe_next(target) == target

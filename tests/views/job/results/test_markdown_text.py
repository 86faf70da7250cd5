from webapp.views.job.results.markdown_text import markdown_html


def test_headings_begin_below_that_of_the_result() -> None:
    assert markdown_html("# One\n\n##### Five") == "<h3>One</h3>\n<h6>Five</h6>\n"


def test_html_and_pictures_are_text() -> None:
    shown = markdown_html("<script>alert(1)</script>\n\n![x](https://example.org/x.png)")
    assert "<script" not in shown
    assert "<img" not in shown


def test_only_safe_links_are_links() -> None:
    assert 'href="https://example.org"' in markdown_html("[a](https://example.org)")
    assert 'rel="noopener noreferrer"' in markdown_html("[a](https://example.org)")
    assert "href" not in markdown_html("[a](javascript:alert(1)) [b](data:text/html,x)")


def test_tables_are_tables() -> None:
    assert "<td>1</td>" in markdown_html("| a |\n|---|\n| 1 |")

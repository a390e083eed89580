"""What configurations, data and runs are called never becomes markup of our HTML."""

from collections import Counter
from html.parser import HTMLParser

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs.compare.test_comparison import data, recorded, wrong  # noqa: F401, a fixture

from nnexp.runs.compare.comparison import compare
from nnexp.runs.compare.report import render, write
from nnexp.runs.summary import as_html, summarize

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#60;i>",
    "javascript:alert(1)",
    "]]><!--",
    "\ud800\x00\u202e",
]
texts = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.sampled_from("<>\"'&=/ {}%-!`;:ax\n\\\u2028\ufeff"), min_size=1)
)


class Markup(HTMLParser):
    """Counts each element with the names of its attributes; `content` is all text and all values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: Counter[tuple[str, ...]] = Counter()
        self.content: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements[tag, *sorted(name for name, _ in attributes)] += 1
        self.content += [value or "" for _, value in attributes]

    def handle_data(self, text):
        self.content.append(text)

    def handle_comment(self, text):
        self.elements["comment",] += 1

    handle_decl = unknown_decl = handle_pi = handle_comment


def pair(recorded, text: str) -> list:  # noqa: F811
    classes = [f"{text}{n}" for n in range(3)]
    params = {"optimizer": text, "data": text, "model.hidden": text, "seed": text}
    options = {"params": params, "tags": {"nnexp.git_commit": text, "nnexp.git_dirty": text}}
    dataset = data(classes=classes) | {"name": text}
    environment = {"command": text, "cpu": text, "packages": {text: text}}
    return [
        recorded(text, wrong(*range(n)), dataset, environment=environment | {"cores": n}, **options)
        for n in (30, 3)
    ]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts)
def test_no_text_adds_an_element_or_an_attribute_to_the_page_of_a_comparison(text, recorded):  # noqa: F811
    plain, hostile = (Markup(render(compare(pair(recorded, name)), [], [], [])) for name in ("x", text))
    assert hostile.elements == plain.elements


def test_the_page_is_written_with_its_plots_whatever_runs_and_classes_are_called(recorded, tmp_path):  # noqa: F811
    path, *_ = write(compare(pair(recorded, "".join(HOSTILE))), tmp_path / "page")
    markup = Markup(path.read_text(encoding="utf-8"))
    assert not {"script", "svg", "iframe", "object", "embed"} & {tag for tag, *_ in markup.elements}
    assert not [name for _, *names in markup.elements for name in names if name.startswith("on")]


@given(text=texts)
def test_no_text_adds_an_element_to_a_run_in_a_notebook(text):
    plain = Markup(as_html(summarize("x", "x", "x", {"best/x": 1.0}, "x", "x")))
    hostile = Markup(as_html(summarize(text, text, text, {f"best/{text}": 1.0}, text, text)))
    assert hostile.elements == plain.elements

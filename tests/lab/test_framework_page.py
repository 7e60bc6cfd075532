"""The page of an experiment: whole, escaped, and asking for nothing from elsewhere."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from madi.lab import run
from madi.lab.framework import result as results
from madi.lab.framework.book import Book
from madi.lab.framework.experiment import keep
from madi.lab.framework.page import blocks, leaves, page, prose

VOID = {"meta", "img", "br", "link", "input", "hr"}
INLINE = {"b", "code", "a", "span"}


class Reader(HTMLParser):
    """What a browser would find: the text, the links, the identifiers; tags that are not closed."""

    def __init__(self, html):
        super().__init__()
        self.text, self.links, self.ids, self.open, self.tags = [], [], set(), [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.text += [] if tag in INLINE else [" "]
        self.links += [found[name] for name in ("src", "href", "xlink:href") if name in found]
        if "id" in found:
            self.ids.add(found["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join("".join(self.text).split())


def read(html):
    reader = Reader(html)
    assert reader.open == []
    return reader


def expect_links(folder):
    """Every link of every page leads to a file of the folder, or to an identifier of a page."""
    pages = {file.name: read(file.read_text(encoding="utf-8")) for file in folder.glob("*.html")}
    for name, reader in pages.items():
        for link in reader.links:
            target, _, anchor = link.partition("#")
            if not target.startswith("data:image/png;base64,"):
                assert "//" not in target, f"{name} asks for {link}"
                assert not target or (folder / target).is_file(), f"{name} links to {link}"
                assert not anchor or anchor in pages[target or name].ids, f"{name} links to {link}"
    return pages


def test_it_holds_everything(toy, tmp_path):
    run(toy, slope=3.0).save(tmp_path)
    reader = expect_links(tmp_path)["toy.html"]
    for expected in (
        "A toy",
        "B2 · A1",
        "It has numbers of a line. Watch them rise <fast> & far.",
        "y = slope x < 2",
        "See them <b>all</b>.",
        "only <digits>",
        "✓ The last point, 9, is > 3.",
        "madi lab run toy --slope 3.0",
        'madi.lab.run("toy", slope=3.0)',
        "slope 3.0 2.0 0 to 10 of the line",
        "points 1,2,3 1,2,3 1 to 9 where it is looked at",
        "rising yes yes yes or no whether it rises",
        "heights 3, 6, 9",
        '"experiment": "toy"',
        'def compute( *, slope: Annotated[float, Number(0, 10, "of the line", quick=1.0)] = 2.0,',
        "Computed on 20",
    ):
        assert expected in reader.words
    assert "svg" in reader.tags
    assert "script" not in reader.tags
    assert "link" not in reader.tags


def test_a_claim_that_is_not_shown_has_a_cross(toy):
    assert "✗ The last point, 1.5, is > 3. Not shown by these data." in read(page(run(toy, slope=0.5))).words


def test_a_large_figure_is_a_picture(toy, monkeypatch):
    monkeypatch.setattr(results, "LARGE", 100)
    reader = read(page(run(toy)))
    assert "svg" not in reader.tags
    assert any(link.startswith("data:image/png;base64,") for link in reader.links)


def test_a_recorded_result_says_so(long_toy):
    keep(run(long_toy, anew=True))
    assert "Recorded on 20" in read(page(run(long_toy))).words


def test_many_numbers_are_in_the_file_alone(toy, monkeypatch):
    monkeypatch.setattr("madi.lab.framework.page.MOST_TEXT", 10)
    monkeypatch.setattr("madi.lab.framework.page.MOST_ROWS", 2)
    reader = read(page(run(toy)))
    assert '"experiment"' not in reader.words
    assert "and 7 more" in reader.words
    assert "toy.json" in reader.links


def test_the_parts_of_a_docstring():
    text = "One `x < y`\nand two.\n\n    a = b\n      c\n\nThree."
    assert [kind for kind, _ in blocks(text)] == [False, True, False]
    assert prose(text) == (
        '<p>One <code>x &lt; y</code> and two.</p>\n<pre class="equation">a = b\n  c</pre>\n<p>Three.</p>'
    )


def test_numbers_small_and_large(toy):
    data = {"a": {"b": 1 / 3, "n": 2}, "list": [{"c": True}, {"c": "text"}], "none": None, **run(toy).data}
    told = dict(leaves(data))
    assert told["a"] == "b 0.33333, n 2"
    assert (told["list / 0"], told["list / 1"]) == ("c yes", "c text")
    assert told["none"] == "None"
    assert told["odd / nan"] == "1, nan, -inf"
    assert told["odd / empty"] == "0 × 2 numbers"
    assert dict(leaves({"x": [[1.0, 2.0]] * 9}))["x / 0"] == "1, 2"


# ---- the book


@pytest.fixture
def book(toy, broken, long_toy, tmp_path):
    keep(run(long_toy, anew=True))
    made = Book(tmp_path / "book", [toy, broken, long_toy], quick=True)
    for name in made.names:
        made.add(name)
    made.close()
    return made


def test_all_its_links_lead_somewhere(book):
    pages = expect_links(book.folder)
    assert set(pages) == {"index.html", "toy.html", "broken.html", "long_toy.html"}
    assert {"broken.html", "index.html#toy"} <= set(pages["toy.html"].links)
    assert {"toy.html", "long_toy.html"} <= set(pages["broken.html"].links)


def test_its_contents(book):
    words = read((book.folder / "index.html").read_text(encoding="utf-8")).words
    assert "3 experiments, quick, in " in words
    assert ": 3 of 4 claims shown. 20" in words
    assert "B. Learning" in words
    assert "A toy B2, A1 · toy ·" in words
    assert "1 of 2 claims shown" in words
    assert "2 of 2 claims shown, recorded 20" in words
    assert "failed: ValueError: no <luck>" in words


def test_one_that_fails_does_not_lose_the_others(book):
    assert book.failed == ["broken"]
    assert [entry.error for entry in book.entries] == ["", "ValueError: no <luck>", ""]
    assert book.totals.endswith(": 3 of 4 claims shown.")
    words = read((book.folder / "broken.html").read_text(encoding="utf-8")).words
    assert "Traceback (most recent call last)" in words
    assert "raise ValueError('no <luck>')" in words or 'raise ValueError("no <luck>")' in words


def test_another_page_is_not_written_over(toy, tmp_path):
    index = tmp_path / "index.html"
    index.write_text("<h1>My own</h1>")
    with pytest.raises(Exception, match=r"index\.html: holds another page, not a book of the lab\. Choose another"):
        Book(tmp_path, [toy])
    assert index.read_text() == "<h1>My own</h1>"
    index.unlink()
    Book(tmp_path, [toy]).close()
    Book(tmp_path, [toy]).close()


def test_the_stylesheet_stands_beside_the_code():
    assert (Path(results.__file__).parent / "page.css").is_file()

"""Add to the documentation what lies elsewhere in the repository: model cards, the benchmarks' page, an API reference.

mkdocs calls the functions of this file by their names (`hooks` in mkdocs.yml). In the repository the pages link to
each other by the paths that GitHub shows; here those that lead out of `docs/` are turned to where the page is put.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "visavox"

OUTSIDE = {
    "benchmarks/README.md": "benchmarks.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "src/visavox/demo/README.md": "cards/demo.md",
    **{
        path.relative_to(ROOT).as_posix(): f"cards/{path.name}"
        for path in sorted((SOURCE / "weights" / "shipped").glob("*.md"))
    },
    **{
        path.relative_to(ROOT).as_posix(): f"cards/avatar-{path.parent.name}.md"
        for path in sorted((SOURCE / "avatar" / "shipped").glob("*/card.md"))
    },
}
"""Path in the repository -> page of the documentation."""

_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


def packages() -> list[str]:
    """Return the names of the packages whose exports are documented, visavox itself first."""
    found = (path.parent.relative_to(SOURCE.parent) for path in SOURCE.rglob("__init__.py"))
    return sorted(".".join(path.parts) for path in found)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside `docs/`, and one page for each package."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    names = packages()
    for name in names:
        files.append(File.generated(config, f"reference/{name}.md", content=f"# {name}\n\n::: {name}\n"))
    rows = "\n".join(f"- [{name}]({name}.md)" for name in names)
    index = f"# API reference\n\nMade from the docstrings; each page lists what a package exports.\n\n{rows}\n"
    files.append(File.generated(config, "reference/index.md", content=index))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of one page from paths in the repository to pages of the documentation."""
    here = page.file.src_uri
    inside = {place: source for source, place in OUTSIDE.items()}
    origin = inside.get(here, posixpath.join("docs", here))
    if here.startswith("reference/"):
        return markdown

    def turned(match: re.Match[str]) -> str:
        target = match.group(2)
        if "://" in target or target.startswith("mailto:"):
            return match.group(0)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
        if path in OUTSIDE:
            place = OUTSIDE[path]
        elif path.startswith("docs/"):
            place = path.removeprefix("docs/")
        else:
            return match.group(0)
        return match.group(1) + posixpath.relpath(place, posixpath.dirname(here) or ".") + match.group(3)

    return _LINK.sub(turned, markdown)

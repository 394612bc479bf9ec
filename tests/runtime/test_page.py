"""Pages: what a name or a reason holds cannot break a page."""

from __future__ import annotations

import html

import numpy as np

from visavox.evaluation.face_tiles import beside, jpeg_bytes, label_rows, telling_times
from visavox.runtime.page import Heading, InlineImage, Listing, Paragraph, Table, html_page, markdown

NASTY = "<b>a|b</b> & \n c"


def test_a_page_is_one_file_and_shows_names_as_they_are() -> None:
    picture = InlineImage(jpeg_bytes(np.zeros((8, 8, 3), np.uint8)), NASTY)
    blocks: list[Heading | Paragraph | Listing | Table | InlineImage] = [
        Heading(NASTY, 1),
        Paragraph(NASTY),
        Listing((NASTY,)),
        Table((NASTY, "x"), ((NASTY, "1"),)),
        picture,
    ]
    page = html_page(NASTY, blocks)
    assert "<b>" not in page
    assert page.count(html.escape(NASTY)) == 7
    assert "data:image/jpeg;base64," in page
    assert "base64" not in markdown(blocks)


def test_tiles_are_laid_out_in_rows() -> None:
    tile = np.full((40, 40, 3), 200, np.uint8)
    one = label_rows([("first", [tile, tile]), ("second", [tile])])
    assert one.shape == (2 * (18 + 40 + 4), 84, 3)
    assert (one[18:58, :40] == 200).all()
    assert (one[18 + 62 : 58 + 62, 44:] == 255).all()  # the second row has one tile
    assert beside([one, one]).shape == (one.shape[0], 2 * 84 + 16, 3)


def test_the_moments_are_closed_half_open_and_open() -> None:
    opening = np.concatenate([[np.nan], np.linspace(0.3, 0.0, 101)])
    times = [index / 25 for index in range(102)]
    closed, half, wide = (opening[times.index(time)] for time in telling_times(times, opening))
    assert closed < 0.03 < 0.14 < half < 0.16 < 0.27 < wide
    assert telling_times(times, np.full(102, np.nan)) == []

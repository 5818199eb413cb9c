"""Which file belongs to which time line, over restores and the way back."""

from __future__ import annotations

from scenario.books import Books


def orders(books: Books, *names: str) -> None:
    for name in names:
        books.wrote(name, name.upper())


def test_what_was_written_is_there_and_what_was_deleted_is_not() -> None:
    books = Books()
    orders(books, "a", "b")
    books.deleted("a")
    assert books.files == {"b": "B"}


def test_a_restore_takes_away_what_came_after_the_image_and_keeps_what_came_after_the_restore() -> None:
    books = Books()
    orders(books, "a", "b")
    image = books.files
    orders(books, "c")
    books.deleted("a")
    run = books.run
    orders(books, "d")  # until the groups stop
    books.restarted()
    orders(books, "e")  # as soon as they are back, before anybody has told the books
    assert books.turned_back(image, run) == {"b": "B", "c": "C", "d": "D"}
    assert books.files == {"a": "A", "b": "B", "e": "E"}
    assert books.since(run) == {"e": "E"}


def test_the_way_back_brings_the_old_time_line_with_what_came_since() -> None:
    books = Books()
    orders(books, "a")
    image = books.files
    orders(books, "b")
    first = books.run
    books.restarted()
    left = books.turned_back(image, first)
    orders(books, "c")
    second = books.run
    books.restarted()
    orders(books, "d")
    assert books.turned_back(left, second) == {"a": "A", "c": "C"}
    assert books.files == {"a": "A", "b": "B", "d": "D"}


def test_a_file_of_the_image_that_a_later_run_deletes_is_gone() -> None:
    books = Books()
    orders(books, "a")
    image, run = books.files, books.run
    books.restarted()
    books.deleted("a")
    books.turned_back(image, run)
    assert books.files == {}


def test_a_copy_does_not_move_with_the_books() -> None:
    books = Books()
    orders(books, "a")
    other = books.copy()
    orders(books, "b")
    books.restarted()
    assert (other.files, other.run) == ({"a": "A"}, 1)

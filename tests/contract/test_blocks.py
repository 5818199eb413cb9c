"""The bytes of a volume behave as one array of bytes, whatever is written where, in whatever pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.ec2.blocks import SIZE, Blocks

SPAN = 6 * SIZE  # what the properties look at; the device is 1 GiB
writes = st.lists(
    st.tuples(st.integers(0, SPAN - 1), st.one_of(st.binary(max_size=SIZE + 9), st.just(bytes(2 * SIZE)))), max_size=12
)


def filled(pieces: list[tuple[int, bytes]]) -> tuple[Blocks, bytes]:
    """A device and a plain array, written in the same way."""
    blocks, plain = Blocks(1), bytearray(SPAN + 3 * SIZE)
    for offset, data in pieces:
        touched = blocks.write(offset, data)
        plain[offset : offset + len(data)] = data
        last = (offset + len(data) - 1) // SIZE
        assert touched == (list(range(offset // SIZE, last + 1)) if data else [])
    return blocks, bytes(plain)


@settings(max_examples=80, deadline=None)
@given(writes, st.integers(0, SPAN), st.integers(0, 2 * SIZE))
def test_reads_give_what_was_written_last(pieces: list[tuple[int, bytes]], offset: int, length: int) -> None:
    blocks, plain = filled(pieces)
    assert blocks.read(offset, length) == plain[offset : offset + length]
    # only blocks that hold something are kept
    assert blocks.used() == [n for n in range(len(plain) // SIZE) if any(plain[n * SIZE : (n + 1) * SIZE])]


@settings(max_examples=80, deadline=None)
@given(writes, writes)
def test_digests_are_equal_exactly_when_the_bytes_are(a: list[tuple[int, bytes]], b: list[tuple[int, bytes]]) -> None:
    (one, plain_one), (two, plain_two) = filled(a), filled(b)
    assert (one.digest() == two.digest()) == (plain_one == plain_two)
    assert one.digest(2, 4) == one.copy(3).digest(2, 4)
    same = plain_one[2 * SIZE : 4 * SIZE] == plain_two[2 * SIZE : 4 * SIZE]
    assert (one.digest(2, 4) == two.digest(2, 4)) == same


@settings(max_examples=60, deadline=None)
@given(writes, writes)
def test_a_copy_is_independent_both_ways(before: list[tuple[int, bytes]], after: list[tuple[int, bytes]]) -> None:
    blocks, plain = filled(before)
    copy, larger = blocks.copy(), blocks.copy(2)
    for offset, data in after:
        blocks.write(offset, data)
    assert copy.read(0, len(plain)) == larger.read(0, len(plain)) == plain
    kept = blocks.digest()
    copy.write(0, b"\x01" * SIZE)
    assert blocks.digest() == kept
    assert (copy.size, larger.size) == (1 << 30, 2 << 30)


def test_moved_bytes_have_another_digest() -> None:
    one, two = Blocks(1), Blocks(1)
    one.put(1, b"x" * SIZE)
    two.put(2, b"x" * SIZE)
    assert one.digest() != two.digest()


def test_the_edges_of_the_device() -> None:
    blocks = Blocks(1)
    end = 1 << 30
    assert blocks.write(end - 1, b"z") == [end // SIZE - 1] and blocks.read(end - 1, 1) == b"z"
    for offset, data in ((end, b"z"), (end - 1, b"zz"), (-1, b"z")):
        with pytest.raises(ValueError, match="end of the device"):
            blocks.write(offset, data)
    for number, data in ((end // SIZE, bytes(SIZE)), (-1, bytes(SIZE)), (0, b"short")):
        with pytest.raises(ValueError, match="block"):
            blocks.put(number, data)


def test_writes_are_counted_by_place_and_anew_after_each() -> None:
    blocks = Blocks(1)
    assert blocks.writes(0, 4) == 0
    for number, wanted in ((1, (1, 0)), (1, (2, 0)), (9, (2, 1)), (3, (3, 1))):
        blocks.put(number, b"x" * SIZE)
        assert (blocks.writes(0, 4), blocks.writes(4, 10)) == wanted == (blocks.writes(0, 4), blocks.writes(4, 10))
    assert blocks.copy().writes(0, 10) == 0

# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled twin of `scan.py`: the same functions, byte by byte."""

from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy

from toron.wire.headers import fold

cdef object FOLDED = fold.__self__

# What a byte may be part of.
cdef enum:
    TOKEN = 1
    VALUE = 2
    TARGET = 4

cdef unsigned char KINDS[256]


cdef void _learn():
    cdef int byte
    for byte in range(256):
        KINDS[byte] = 0
        if byte in b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz":
            KINDS[byte] |= TOKEN
        if byte == 9 or (byte >= 32 and byte != 127):
            KINDS[byte] |= VALUE
        if byte == 0x21 or byte == 0x22 or (byte >= 0x24 and byte != 127):
            KINDS[byte] |= TARGET


_learn()


cdef inline Py_ssize_t _past(const unsigned char* text, Py_ssize_t at, Py_ssize_t end, unsigned char kind) noexcept:
    """Where the bytes of one kind end."""
    while at < end and KINDS[text[at]] & kind:
        at += 1
    return at


def request_line(bytes head not None, Py_ssize_t start):
    """See `scan.py`."""
    cdef const unsigned char* text = <const unsigned char*>PyBytes_AS_STRING(head)
    cdef Py_ssize_t end = PyBytes_GET_SIZE(head)
    cdef Py_ssize_t blank = _past(text, start, end, TOKEN)
    cdef Py_ssize_t second
    if blank <= start or blank + 1 >= end or text[blank] != 0x20 or text[blank + 1] != 0x2F:
        return None
    second = _past(text, blank + 1, end, TARGET)
    if end - second < 11 or memcmp(text + second, b" HTTP/1.1\r\n", 11) != 0:
        return None
    return head[start:blank], head[blank + 1:second], second + 11


def status_line(bytes head not None):
    """See `scan.py`."""
    cdef const unsigned char* text = <const unsigned char*>PyBytes_AS_STRING(head)
    cdef Py_ssize_t end = PyBytes_GET_SIZE(head)
    cdef Py_ssize_t last
    if end < 15 or memcmp(text, b"HTTP/1.1 ", 9) != 0 or text[12] != 0x20:
        return None
    if not 0x32 <= text[9] <= 0x35 or not 0x30 <= text[10] <= 0x39 or not 0x30 <= text[11] <= 0x39:
        return None
    last = _past(text, 13, end, VALUE)
    if end - last < 2 or text[last] != 0x0D or text[last + 1] != 0x0A:
        return None
    return (text[9] - 48) * 100 + (text[10] - 48) * 10 + (text[11] - 48), head[13:last], last + 2


def fields(bytes head not None, Py_ssize_t start, Py_ssize_t most, frozenset kept_back not None, frozenset once not None):
    """See `scan.py`."""
    cdef const unsigned char* text = <const unsigned char*>PyBytes_AS_STRING(head)
    cdef Py_ssize_t end = PyBytes_GET_SIZE(head)
    cdef Py_ssize_t at = start, colon, first, last
    cdef list passed = []
    cdef dict index = {}
    cdef dict hop = {}
    cdef bytes name, value, lower
    cdef PyObject* folded
    while True:
        if end - at < 2:
            return None
        if text[at] == 0x0D:
            return (passed, index, hop) if text[at + 1] == 0x0A and at + 2 == end else None
        if most == 0:
            return None
        most -= 1
        colon = _past(text, at, end, TOKEN)
        if colon == at or colon >= end or text[colon] != 0x3A:
            return None
        first = colon + 1
        last = _past(text, first, end, VALUE)
        if end - last < 2 or text[last] != 0x0D or text[last + 1] != 0x0A:
            return None
        name = PyBytes_FromStringAndSize(<const char*>text + at, colon - at)
        at = last + 2
        while first < last and (text[first] == 0x20 or text[first] == 0x09):
            first += 1
        while last > first and (text[last - 1] == 0x20 or text[last - 1] == 0x09):
            last -= 1
        value = PyBytes_FromStringAndSize(<const char*>text + first, last - first)
        folded = PyDict_GetItem(FOLDED, name)
        lower = <bytes>folded if folded is not NULL else fold(name)
        if lower in kept_back:
            if lower in hop:
                return None
            hop[lower] = value
        else:
            passed.append((name, value))
            if lower not in index:
                index[lower] = value
            elif lower in once:
                return None


cdef inline int _copy(char** to, bytes text) except -1:
    """Write one piece; ValueError where it would break the line."""
    cdef const char* begin = PyBytes_AS_STRING(text)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(text)
    if memchr(begin, 0x0D, size) or memchr(begin, 0x0A, size) or memchr(begin, 0, size):
        raise ValueError("a line break or a NUL in a head")
    memcpy(to[0], begin, size)
    to[0] += size
    return 0


def head_bytes(bytes line not None, list fields not None, bytes framing not None):
    """See `scan.py`."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(line) + PyBytes_GET_SIZE(framing) + 4
    cdef bytes name, value, head
    cdef char* to
    for name, value in fields:
        size += PyBytes_GET_SIZE(name) + PyBytes_GET_SIZE(value) + 4
    head = PyBytes_FromStringAndSize(NULL, size)
    to = PyBytes_AS_STRING(head)
    _copy(&to, line)
    to[0] = 0x0D
    to[1] = 0x0A
    to += 2
    for name, value in fields:
        _copy(&to, name)
        to[0] = 0x3A
        to[1] = 0x20
        to += 2
        _copy(&to, value)
        to[0] = 0x0D
        to[1] = 0x0A
        to += 2
    memcpy(to, PyBytes_AS_STRING(framing), PyBytes_GET_SIZE(framing))
    to += PyBytes_GET_SIZE(framing)
    to[0] = 0x0D
    to[1] = 0x0A
    return head

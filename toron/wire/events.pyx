# cython: language_level=3, annotation_typing=True
"""The compiled twin of `events.py`: the same events, as structures of C."""

cimport cython
from cython.dataclasses cimport dataclass as event

from dataclasses import dataclass

from toron.wire.headers cimport Headers


@cython.freelist(64)
@event
cdef class RequestHead:
    method: object
    target: object
    headers: Headers
    authority: object = b""
    version: object = (1, 1)
    length: object = 0
    upgrade: object = b""
    expects_continue: object = False
    accepts_trailers: object = False


@cython.freelist(64)
@event
cdef class ResponseHead:
    status: object
    headers: Headers
    reason: object = b""
    version: object = (1, 1)
    length: object = None
    upgrade: object = b""


@cython.freelist(64)
@event
cdef class Data:
    data: object


@event
cdef class End:
    trailers: object = None


@event
cdef class Upgraded:
    data: object = b""


@dataclass(slots=True)
class Malformed(Exception):
    word: str
    detail: str = ""

    __hash__ = Exception.__hash__


@event
cdef class Reset:
    code: object
    unprocessed: object = False


@event
cdef class Room:
    pass


@event
cdef class GoingAway:
    code: object
    detail: object = b""


Event = RequestHead | ResponseHead | Data | End | Upgraded | Malformed | Reset | Room | GoingAway

cimport cython

from toron.wire.http2_control cimport Control
from toron.wire.http2_limits cimport Bucket


cdef int ACK
cdef int CONTINUATION
cdef int DATA
cdef Py_ssize_t FRAME_MOST
cdef Py_ssize_t HEADER
cdef int HEADERS
cdef int SETTINGS
cdef int WINDOW_UPDATE


cdef class Framing(Control):
    cdef public bint broken
    cdef public bint draining
    cdef public bytes _held
    cdef public bytes _preface
    cdef public bint _greeted
    cdef public Bucket _pings
    cdef public Bucket _settings
    @cython.locals(events=list, at=Py_ssize_t)
    cpdef list receive(self, bytes data, double now=*)
    @cython.locals(
        size=Py_ssize_t, at=Py_ssize_t, length=Py_ssize_t, kind=int, flags=int, number=Py_ssize_t,
        start=Py_ssize_t, end=Py_ssize_t,
    )
    cpdef Py_ssize_t _read_frames(self, bytes data, list events) except -1

cimport cython

from toron.wire.hpack_encoder cimport Encoder
from toron.wire.http2_frames cimport frame_header
from toron.wire.http2_limits cimport Bucket
from toron.wire.http2_streams cimport Stream


cdef int CONTINUATION
cdef int DATA
cdef int END_HEADERS
cdef int END_STREAM
cdef int HEADERS


cdef class Flow:
    cdef public object limits
    cdef public dict _streams
    cdef public Encoder _encoder
    cdef public list _out
    cdef public Py_ssize_t _flushes
    cdef public dict _ours
    cdef public Py_ssize_t _room
    cdef public object _row
    cdef public Py_ssize_t _peer_frame
    cdef public Py_ssize_t _peer_window
    cdef public Bucket _frames
    cpdef outgoing(self)
    cpdef queued(self, stream)
    @cython.locals(block=bytes, size=Py_ssize_t, out=list, most=Py_ssize_t, at=Py_ssize_t)
    cpdef _say_section(self, Stream stream, list fields, int flags)
    @cython.locals(size=Py_ssize_t, most=Py_ssize_t, at=Py_ssize_t)
    cpdef _say_data(self, Stream stream, data)
    cpdef _put_data(self, Stream stream, data, Py_ssize_t size, int flags)
    cpdef _say_end(self, Stream stream, trailers)
    cpdef _put_end(self, Stream stream)
    cpdef _line_up(self, Stream stream)
    @cython.locals(stream=Stream, size=Py_ssize_t, most=Py_ssize_t)
    cpdef _go_on(self, list events)

cimport cython

from toron.wire.hpack_decoder cimport Decoder
from toron.wire.http2_flow cimport Flow
from toron.wire.http2_limits cimport Bucket
from toron.wire.http2_streams cimport Stream


cdef int END_HEADERS
cdef int END_STREAM
cdef int PADDED
cdef Py_ssize_t WINDOW_FIRST
cdef Py_ssize_t WINDOW_MOST
cdef int WITH_PRIORITY


cdef class Messages(Flow):
    cdef public bint _settled
    cdef public double _now
    cdef public Py_ssize_t _last
    cdef public Py_ssize_t _left
    cdef public Decoder _decoder
    cdef public Py_ssize_t _heading
    cdef public list _block
    cdef public Py_ssize_t _block_size
    cdef public bint _block_ends
    cdef public bint _selfish
    cdef public Py_ssize_t _continuations
    cdef public Py_ssize_t _empty
    cdef public Bucket _resets
    @cython.locals(found=Stream, window=Py_ssize_t, credit=Py_ssize_t)
    cpdef credit(self, stream, Py_ssize_t size)
    cpdef _count(self, Bucket bucket, word)
    @cython.locals(stream=Stream, left=Py_ssize_t, size=Py_ssize_t, window=Py_ssize_t)
    cpdef _read_data(
        self, Py_ssize_t number, int flags, bytes data, Py_ssize_t start, Py_ssize_t end, list events
    )
    cpdef _read_end(self, Stream stream, end, list events)
    cpdef bint _is_idle(self, Py_ssize_t number) except -1
    @cython.locals(ends=bint)
    cpdef _read_headers(
        self, Py_ssize_t number, int flags, bytes data, Py_ssize_t start, Py_ssize_t end, list events
    )
    @cython.locals(fields=list)
    cpdef _read_block(self, Py_ssize_t number, bytes block, bint ends, list events)
    cpdef _read_section(self, Py_ssize_t number, list fields, bint ends, list events)
    cpdef _read_trailers(self, Stream stream, list fields, bint ends, list events)

cimport cython

from toron.wire.events cimport RequestHead
from toron.wire.http2_fields cimport read_request
from toron.wire.http2_framing cimport Framing
from toron.wire.http2_streams cimport Stream


cdef class Http2ServerCodec(Framing):
    cdef public Py_ssize_t _drain_last
    cdef public bint _skipped
    cdef public object scheme
    @cython.locals(stream=Stream, head=RequestHead)
    cpdef _read_section(self, Py_ssize_t number, list fields, bint ends, list events)
    @cython.locals(found=Stream)
    cpdef send(self, stream, event)

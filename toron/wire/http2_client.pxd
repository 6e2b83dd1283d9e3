cimport cython

from toron.wire.events cimport RequestHead, ResponseHead
from toron.wire.http2_fields cimport read_response
from toron.wire.http2_framing cimport Framing
from toron.wire.http2_heads cimport request_fields
from toron.wire.http2_streams cimport Stream


cdef class Http2ClientCodec(Framing):
    cdef public object scheme
    cdef public Py_ssize_t _allowed
    cdef public Py_ssize_t _answered
    @cython.locals(stream=Stream, number=Py_ssize_t)
    cpdef request(self, RequestHead head)
    @cython.locals(found=Stream)
    cpdef send(self, stream, event)
    @cython.locals(stream=Stream, head=ResponseHead)
    cpdef _read_section(self, Py_ssize_t number, list fields, bint ends, list events)

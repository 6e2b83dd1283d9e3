import cython

from toron.net.http2_exchange cimport UpstreamStream
from toron.net.late cimport Late
from toron.wire.events cimport RequestHead


cdef class Http2Upstream:
    cdef public bint _closing
    cdef public object _codec
    cdef public object _idle_seconds
    cdef public Late _late
    cdef public dict _streams
    cdef public object _sweep
    cdef public object _taken
    cdef public object deadline
    cdef public bint full
    cdef public object gone
    cdef public bint lost
    cdef public object server
    cdef public object transport
    cdef public bint used
    cdef public bint waits
    cpdef request(self, UpstreamStream stream, RequestHead head)
    cpdef say(self, number, event)
    cpdef queued(self, number)
    cpdef credit(self, number, size)
    cpdef over(self, number)
    cpdef flush(self)
    cpdef send(self)
    @cython.locals(stream=UpstreamStream)
    cpdef dataReceived(self, data)

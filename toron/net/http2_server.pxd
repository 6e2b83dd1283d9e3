import cython

from toron.core.message cimport Request
from toron.net.http_site cimport HttpSite
from toron.net.http_stream cimport HttpStream
from toron.net.late cimport Late


cdef class Http2Server:
    cdef public bint _closing
    cdef public object _codec
    cdef public object _descriptor
    cdef public bint _held_up
    cdef public Late _late
    cdef public long _owed
    cdef public object _patience
    cdef public long _served
    cdef public dict _streams
    cdef public object _taken
    cdef public bint closed
    cdef public object connection
    cdef public object deadline
    cdef public object ended
    cdef public bint full
    cdef public bint lingers
    cdef public Request origin
    cdef public HttpSite site
    cdef public object transport
    cdef public tuple version
    cdef public bint waits
    cpdef dataReceived(self, data)
    @cython.locals(stream=HttpStream)
    cpdef _take(self, list events)
    cpdef HttpStream _begin(self, number)
    cpdef say(self, stream, event)
    cpdef flush(self)
    cpdef send(self)
    cpdef queued(self, stream)
    cpdef credit(self, stream, size)
    cpdef over(self, HttpStream stream)

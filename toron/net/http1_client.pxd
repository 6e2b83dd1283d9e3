from toron.core.body cimport Body
from toron.core.message cimport Response
from toron.wire.events cimport RequestHead, ResponseHead
from toron.wire.http1_client cimport ClientCodec


cdef class UpstreamConnection:
    cdef public object _answer
    cdef public Body _body
    cdef public ClientCodec _codec
    cdef public bint _expecting
    cdef public bint _full
    cdef public object _idle_seconds
    cdef public object _inform
    cdef public object _over
    cdef public bint _paused
    cdef public Body _request_body
    cdef public object _response_seconds
    cdef public object _sweep
    cdef public bint _switched
    cdef public object _taken
    cdef public object deadline
    cdef public object gone
    cdef public object idle
    cdef public bint lost
    cdef public object server
    cdef public object transport
    cdef public bint used
    cpdef begin(self, RequestHead head, Body body, inform, seconds, over)
    cpdef dataReceived(self, data)
    cpdef _rearm(self)
    cpdef _finished(self)
    cpdef _exchange_over(self, error=*)

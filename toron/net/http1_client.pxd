from toron.core.body cimport Body
from toron.core.message cimport Response
from toron.net.http_exchange cimport UpstreamExchange
from toron.wire.events cimport RequestHead, ResponseHead
from toron.wire.http1_client cimport ClientCodec


cdef class UpstreamConnection(UpstreamExchange):
    cdef public ClientCodec _codec
    cdef public bint _switched
    cdef public object _taken
    cdef public object gone
    cdef public object idle
    cdef public bint lost
    cdef public object server
    cdef public object transport
    cpdef begin(self, RequestHead head, Body body, inform, seconds, over)
    cpdef dataReceived(self, data)
    cpdef _finished(self)
    cpdef _exchange_over(self, error=*)

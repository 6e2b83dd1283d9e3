from toron.core.backend cimport Lease
from toron.core.body cimport Body
from toron.core.message cimport Request, Response
from toron.core.server cimport Server
from toron.observe.stats cimport ServerStats
from toron.services._exchange cimport Exchange
from toron.wire.events cimport RequestHead
from toron.wire.headers cimport Headers


cdef class Proxy:
    cdef public object backend
    cdef public object pool
    cdef public object _sweep
    cdef public object _policy
    cdef public object _seconds
    cdef public object _wall
    cdef public object _stats
    cdef public dict _server_stats
    cdef public object _sticky
    cdef public object _preface
    cpdef _ask(self, Request request, Server server, Exchange exchange, connection, sending, limit)
    cpdef _answered(self, Request request, Response response, Server server, Exchange exchange)
    cpdef _lease(self, Request request, stuck, list tried)
    cpdef _kept(self, Request request, Server server)
    cpdef _head(self, Request request, Server server, Body body)

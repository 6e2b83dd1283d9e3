from toron.observe.access_lines cimport milliseconds, text
from toron.core.message cimport Request
from toron.observe.stats cimport ListenerStats, RouteStats


cdef class Journal:
    cdef public object _kind
    cdef public object _log
    cdef public object _metrics
    cdef public ListenerStats _stats
    cdef public object _seconds
    cdef public dict _routes
    cdef public object _recent
    cdef public object _chart
    cdef public object _new_id
    cpdef request(self, connection, Request request, status, sent, reason, detail)

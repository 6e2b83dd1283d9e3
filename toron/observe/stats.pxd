cimport cython


cdef class Durations:
    cdef public list buckets
    cdef public double seconds
    @cython.locals(bound=double, number=Py_ssize_t)
    cpdef add(self, double seconds)

cdef class ListenerStats:
    cdef public object active
    cdef public object body_in
    cdef public object body_out
    cdef public object bytes_in
    cdef public object bytes_out
    cdef public object connections
    cdef public object datagrams_dropped
    cdef public object datagrams_in
    cdef public object datagrams_out
    cdef public dict handshakes
    cdef public object name
    cdef public object protocol
    cdef public dict refused
    cdef public object sessions
    cpdef opened(self)
    cpdef closed(self)

cdef class RouteStats(Durations):
    cdef public object name
    cdef public dict requests
    cpdef answered(self, listener, status, double seconds)

cdef class ServerStats(Durations):
    cdef public object backend
    cdef public object connections
    cdef public object failures
    cdef public object idle
    cdef public object probes_failed
    cdef public object probes_passed
    cdef public dict requests
    cdef public object server
    cpdef answered(self, status, double seconds)

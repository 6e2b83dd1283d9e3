cdef class Server:
    cdef public object backup
    cdef public object draining
    cdef public double eject_until
    cdef public object ejections
    cdef public object failures
    cdef public object gone
    cdef public object healthy
    cdef public object host
    cdef public object in_flight
    cdef public object name
    cdef public object port
    cdef public object scheme
    cdef public double suspect_until
    cdef public object tls_name
    cdef public object weight
    cdef public object work

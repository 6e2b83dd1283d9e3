from toron.core.backend cimport Lease


cdef class Exchange:
    cdef public object _backend
    cdef public bint _ended_well
    cdef public Lease _lease
    cdef public object _limit
    cdef public object _stats
    cdef public object _status
    cdef public object _sweep
    cdef public object connection
    cpdef answered(self, status)
    cpdef is_stale(self, error)

from toron.core.server cimport Server


cdef class Lease:
    cdef public bint _released
    cdef public Server server
    cpdef release(self)

cdef class Budget:
    cdef public object _old_requests
    cdef public object _old_retries
    cdef public object _requests
    cdef public object _retries
    cdef public object _share
    cdef public object _slot
    cpdef request(self, now)
    cpdef _roll(self, now)

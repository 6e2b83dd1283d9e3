cdef class Body:
    cdef public object length
    cdef public object limit
    cdef public object received
    cdef public object ended
    cdef public object error
    cdef public object trailers
    cdef public object stopped
    cdef public object _source
    cdef public list _chunks
    cdef public object _held
    cdef public object _over
    cdef public object _given
    cdef public object _sink
    cdef public object _full
    cdef public object _holding
    cdef public object _waiter
    cpdef feed(self, data)
    cpdef end(self, trailers=*)
    cpdef flush(self)
    cpdef pour(self, sink)
    cpdef _weigh(self)
    cpdef _let_go(self)
    cpdef _wake(self)

cdef class Framing:
    cdef public object reading
    cdef public object writing
    cdef public object _head_most
    cdef public object _fields_most
    cdef public object _held
    cdef public object _searched
    cdef public object _left
    cdef public object _chunked
    cdef public list _out
    cdef public object _owed
    cpdef outgoing(self)
    cpdef _joined(self, data)
    cpdef _take_held(self)
    cpdef _take_head(self, data)
    cpdef _check_start(self, held, before)
    cpdef _begin_body(self, chunked, length, list events)
    cpdef _read_body(self, data, list events)
    cpdef _say_data(self, data)
    cpdef _say_end(self, trailers)


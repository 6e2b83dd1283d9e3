from toron.net.late cimport Late


cdef class Stream:
    cdef public bint _aborting
    cdef public bint _broken
    cdef public int _descriptor
    cdef public Late _late
    cdef public object _number
    cdef public object _peer
    cdef public list _pieces
    cdef public Py_ssize_t _pieces_size
    cdef public Py_ssize_t _sent
    cdef public bint _write_ended
    cdef public bint _write_ending
    cdef public Py_ssize_t bufferSize
    cdef public bint connected
    cdef public bytes dataBuffer
    cdef public object detour
    cdef public bint disconnected
    cdef public bint disconnecting
    cdef public object pending
    cdef public object producer
    cdef public bint producerPaused
    cdef public object protocol
    cdef public object reactor
    cdef public object socket
    cdef public bint streamingProducer
    cdef public bint waits
    cpdef write(self, data)
    cpdef send(self)
    cpdef bint _clear(self)
    cpdef _write(self, data)
    cpdef doWrite(self)
    cpdef _send_buffer(self)
    cpdef _all_sent(self)
    cpdef last_words(self)
    cpdef doRead(self)
    cpdef receive(self)
    cpdef ended(self)
    cpdef fileno(self)

cdef class Wait:
    cdef public bint done
    cdef public Task _task
    cdef public object _value
    cdef public object _error
    cpdef wake(self, Task task)

cdef class Task:
    cdef public object _coroutine
    cdef public object _ended
    cdef public object _on
    cdef public bint _running
    cdef public bint _cancelled
    cdef public bint done
    cpdef start(self)
    cpdef go_on(self)
    cpdef _step(self, thrown)
    cpdef _wait_for(self, on)
